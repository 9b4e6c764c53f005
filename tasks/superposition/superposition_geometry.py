"""Geometry of features in a hidden space, and the attacks that follow from it.

W is (M, N): M hidden dimensions, N features, column W_i the direction of feature i. Everything
here maps over a population with ``jax.vmap``.

Source: Elhage et al. 2022 (arXiv:2209.10652), unless a function says otherwise.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.task import Number

# Below this squared norm a feature counts as not embedded, and its direction as undefined.
TINY = 1e-12


def _directions(W_MN: Float[Array, "M N"]) -> tuple[Array, Array]:
    """Unit columns (zero where W_i is), and squared norms."""
    square_N = jnp.sum(W_MN**2, axis=0)
    live_N = square_N > TINY
    scale_N = jnp.where(live_N, jax.lax.rsqrt(jnp.where(live_N, square_N, 1.0)), 0.0)
    return W_MN * scale_N[None], square_N


def _overlaps(W_MN: Float[Array, "M N"]) -> Float[Array, "N N"]:
    """(Wh_i . W_j)^2 at [i, j]."""
    unit_MN, _ = _directions(W_MN)
    return (unit_MN.T @ W_MN) ** 2


@jax.jit
def feature_dimensionality(W_MN: Float[Array, "M N"]) -> Float[Array, " N"]:
    """Share of a hidden dimension that each feature has to itself.

    D_i = ||W_i||^2 / sum_j (Wh_i . W_j)^2, the sum with j = i. It is 0 for a feature that is
    not embedded, 1/2 in an antipodal pair, 1 for a feature orthogonal to all others, and the
    same as the capacity (W_i . W_i)^2 / sum_j (W_i . W_j)^2 of Scherlis et al. 2022.

    Args:
        W_MN: feature directions, in columns.

    Returns:
        D_i in [0, 1]; their sum is at most the rank of W.
    """
    _, square_N = _directions(W_MN)
    total_N = _overlaps(W_MN).sum(axis=1)
    live_N = total_N > TINY
    return jnp.where(live_N, square_N / jnp.where(live_N, total_N, 1.0), 0.0)


@jax.jit
def interference(W_MN: Float[Array, "M N"]) -> Float[Array, " N"]:
    """Superposition of each feature, sum_{j != i} (Wh_i . W_j)^2: 0 is orthogonal to all."""
    overlap_NN = _overlaps(W_MN)
    return overlap_NN.sum(axis=1) - jnp.diagonal(overlap_NN)


@jax.jit
def dimensions_per_feature(W_MN: Float[Array, "M N"]) -> Float[Array, ""]:
    """D* = M / ||W||_F^2; the squared norm counts the embedded features."""
    return W_MN.shape[0] / jnp.sum(W_MN**2)


def attack_directions(W_MN: Float[Array, "M N"]) -> Float[Array, "N N"]:
    """Unit input perturbations, row i along (W^T W)_i: the one that most moves feature i.

    A feature that is not embedded has no such direction and gets a row of zeros.
    """
    gram_NN = W_MN.T @ W_MN
    square_N1 = jnp.sum(gram_NN**2, axis=1, keepdims=True)
    live_N1 = square_N1 > TINY
    return jnp.where(live_N1, gram_NN * jax.lax.rsqrt(jnp.where(live_N1, square_N1, 1.0)), 0.0)


class Attack(NamedTuple):
    """Loss of each example before and after the worst attack, (B,), and which feature's."""

    clean: Array
    worst: Array
    feature: Array


def worst_attack(
    W_MN: Float[Array, "M N"],
    b_N: Float[Array, " N"],
    x_BN: Float[Array, "B N"],
    radius: Number,
    importance_N: Float[Array, " N"] | None = None,
    both_signs: bool = True,
) -> Attack:
    """Attack the tied model x' = ReLU(W^T W x + b) along each feature; keep what hurts most.

    Each example gets, of the perturbations ``+-radius * attack_directions(W)[i]``, the one of
    highest loss against the unperturbed x. Gradient attacks are no substitute: where the ReLU
    is off they see no gradient.

    Args:
        W_MN: feature directions, in columns.
        b_N: output bias.
        x_BN: clean inputs, also the targets.
        radius: length of the perturbation; the paper takes 0.1 of the mean input norm.
        importance_N: weight of each feature; all 1 when None.
        both_signs: try each direction backwards too.

    Returns:
        Clean loss, worst loss (at least the clean one, as doing nothing is allowed) and the
        feature attacked (-1 for none), each (B,).

    Source: Elhage et al. 2022, "Superposition and adversarial vulnerability". The paper does
    not say whether one feature is chosen per model or per example; here it is per example.
    """
    weight_N = jnp.ones_like(b_N) if importance_N is None else importance_N
    pre_BN = x_BN @ (W_MN.T @ W_MN) + b_N[None]
    shift_NN = jnp.asarray(radius, pre_BN.dtype) * (attack_directions(W_MN) @ W_MN.T) @ W_MN

    def loss_B(moved_BN: Array) -> Array:
        return jnp.sum(weight_N[None] * (x_BN - jax.nn.relu(moved_BN)) ** 2, axis=1)

    def try_feature(best: tuple[Array, Array], item: tuple[Array, Array]) -> tuple[Any, None]:
        worst_B, which_B = best
        i, move_N = item
        new_B = loss_B(pre_BN + move_N[None])
        if both_signs:
            new_B = jnp.maximum(new_B, loss_B(pre_BN - move_N[None]))
        return (jnp.maximum(worst_B, new_B), jnp.where(new_B > worst_B, i, which_B)), None

    clean_B = loss_B(pre_BN)
    start = (clean_B, jnp.full(len(x_BN), -1, jnp.int32))
    features = jnp.arange(len(b_N), dtype=jnp.int32)
    (worst_B, which_B), _ = jax.lax.scan(try_feature, start, (features, shift_NN))
    return Attack(clean_B, worst_B, which_B)
