"""Geometry of features in a hidden space.

W is (M, N): M hidden dimensions, N features, column W_i the direction of feature i. Everything
here maps over a population with ``jax.vmap``.

Source: Elhage et al. 2022 (arXiv:2209.10652), unless a function says otherwise.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

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
