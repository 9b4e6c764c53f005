"""The ridge: two runs leave one summit, and end on one side or on both.

``L(w) = (w_1 w_2 - 1)^2 / 2`` has a saddle at 0, the summit of the path down, and minima on two
branches, of both signs. Along ``s = w_1 + w_2`` it falls, along ``w_1 - w_2`` it rises: the line
``w_1 = -w_2`` is a ridge between two mountainsides. Between (1, 1) and (-1, -1) the barrier is 1/2.

Steps of size h with noise, from the summit: ``s <- (1 + h) s + sigma sqrt(2 h) N(0, 1)`` while s is
small, so the sign of s at the end is that of ``sum_i (1 + h)^-i xi_i``. Two runs that share their
first n steps have signs of correlation

    rho_n = 1 - (1 + h)^(-2 n),

and end on different sides with chance ``arccos(rho_n) / pi``: half of them if they share nothing,
few if they descend together first.

Source: this laboratory. The picture of mountainside and ridge is that of Singh et al. 2024
(arXiv:2406.16300), whose own toy example is another.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.landscape.path import along, barrier
from toylab.errors import check_number
from toylab.random import fold_in, normal, stream

BETWEEN = 0.5  # barrier between the middles of the two branches
STEP, NOISE, STEPS = 0.05, 0.01, 400


def height(w: Float[Array, "*lead 2"]) -> Float[Array, "*lead"]:
    """Return the loss ``(w_1 w_2 - 1)^2 / 2``."""
    return (w[..., 0] * w[..., 1] - 1) ** 2 / 2


def chance_apart(shared: ArrayLike, step: float = STEP) -> np.ndarray:
    """Chance that two runs end on different sides, ``arccos(rho_n) / pi``.

    Args:
        shared: n, number of steps that they share.
        step: h.

    Example:
        >>> chance_apart([0, 15]).round(3).tolist()
        [0.5, 0.223]
    """
    check_number("chance_apart", "step", step, above=0)
    return np.arccos(1 - (1 + step) ** (-2.0 * np.asarray(shared))) / np.pi


@functools.partial(jax.jit, static_argnums=(2, 3))
def descend(
    key: Array, shared: Array, runs: int, steps: int, step: float = STEP, noise: float = NOISE
) -> Float[Array, "R 2 S+1 2"]:
    """Return pairs of runs from the summit, with noise in the first half of their steps.

    Args:
        key: of the noise.
        shared: number of steps whose noise the two of a pair share.
        runs: R, pairs.
        steps: S.
        step: h.
        noise: sigma.

    Returns:
        Positions of both runs of each pair at every step.
    """
    slope = jax.grad(height)

    def move(w_R22: Array, i: Array) -> tuple[Array, Array]:
        xi_R22 = normal(fold_in(key, i), (runs, 2, 2))
        xi_R22 = jnp.where(i < shared, xi_R22[:, :1], xi_R22)
        shake = jnp.where(i < steps // 2, noise * jnp.sqrt(step), 0.0)
        w_R22 = w_R22 - step * jax.vmap(jax.vmap(slope))(w_R22) + shake * xi_R22
        return w_R22, w_R22

    start_R22 = jnp.zeros((runs, 2, 2), jnp.float32)
    path = jax.lax.scan(move, start_R22, jnp.arange(steps, dtype=jnp.int32))[1]
    return jnp.moveaxis(jnp.concatenate([start_R22[None], path]), 0, 2)


def barriers_by_sharing(seeds: int, runs: int, shared: tuple[int, ...]) -> pl.DataFrame:
    """Mean barrier between the ends of pairs of runs, with the law's.

    Args:
        seeds: independent repetitions.
        runs: pairs in each.
        shared: numbers of steps that a pair shares.

    Returns:
        A row for every seed and number: ``init_seed``, ``shared``, ``barrier``, ``law``.
    """
    line = jax.jit(jax.vmap(lambda w_22: along(height, w_22[0], w_22[1])))
    rows = []
    for seed in range(seeds):
        for n in shared:
            path = descend(stream(seed, f"ridge {n}"), jnp.int32(n), runs, STEPS)
            found, law = barrier(line(path[:, :, -1])).mean(), BETWEEN * chance_apart(n)
            own = {"barrier": float(found), "law": float(law)}
            rows.append({"init_seed": seed, "shared": n} | own)
    return pl.DataFrame(rows)


def descents(shared: tuple[int, ...], runs: int = 12) -> Float[np.ndarray, "2 R 2 S+1 2"]:
    """Return some pairs of runs that share the fewest and the most steps, to draw."""
    run = lambda n: descend(stream(0, "shown"), jnp.int32(n), runs, STEPS)
    return np.stack([np.asarray(run(n)) for n in (min(shared), max(shared))])
