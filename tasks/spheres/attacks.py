"""Attacks on the unit sphere: for networks without a closed form, distances from above.

Source: Gilmer et al. 2018 (arXiv:1801.02774), section 3.1: projected gradient ascent on the sphere,
whose first error counts. The bisection back along the arc is this laboratory's.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def attack_distances(
    says_outer: Callable[[Array], Array],
    x_MD: Float[Array, "M D"],
    steps: int = 150,
    size: float = 0.02,
) -> Float[Array, " M"]:
    """Return the chord from points of the unit sphere to the errors that an attack finds there.

    Each step goes ``size`` along the gradient in the tangent plane and back to the sphere, until
    the first error y; then the arc from x to y is halved until its nearest known error is found.

    Args:
        says_outer: from points (M, D) to numbers (M,), positive where the network errs.
        x_MD: points of the unit sphere.
        steps: at most.
        size: of a step.

    Returns:
        (M,), at least the true distance; 0 for errors, infinity where none was found, NaN for a
        network of NaN.
    """
    unit = lambda y: y / jnp.linalg.norm(y, axis=-1, keepdims=True)
    slope = jax.grad(lambda y: says_outer(y).sum())

    def step(_: int, y_MD: Array) -> Array:
        g_MD = slope(y_MD)
        g_MD = g_MD - jnp.sum(g_MD * y_MD, -1, keepdims=True) * y_MD
        g_MD = g_MD / jnp.maximum(jnp.linalg.norm(g_MD, axis=-1, keepdims=True), 1e-20)
        wrong_M = says_outer(y_MD) > 0
        return jnp.where(wrong_M[:, None], y_MD, unit(y_MD + size * g_MD))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        near_MD, far_MD = ends
        middle_MD = unit(near_MD + far_MD)
        wrong_M1 = (says_outer(middle_MD) > 0)[:, None]
        return jnp.where(wrong_M1, near_MD, middle_MD), jnp.where(wrong_M1, middle_MD, far_MD)

    y_MD = jax.lax.fori_loop(0, steps, step, x_MD)
    _, nearest_MD = jax.lax.fori_loop(0, 15, halve, (x_MD, y_MD))
    start_M, end_M = says_outer(x_MD), says_outer(y_MD)
    chord_M = jnp.where(end_M > 0, jnp.linalg.norm(nearest_MD - x_MD, axis=-1), jnp.inf)
    return jnp.where(jnp.isfinite(start_M), jnp.where(start_M > 0, 0.0, chord_M), jnp.nan)
