"""Canonical correlations (CCA) of two sets of activations, and SVCCA.

CCA asks how well any direction of one can be read linearly from the other: with orthonormal bases
Q_X and Q_Y of the centred columns, the correlations are the singular values of ``Q_X^T Q_Y``. It is
blind to every invertible linear map of either side, and so also hears directions without variance:
independent activations have a mean squared correlation of ``max(p, q) / (N - 1)``. Report N / p and
this null; SVCCA keeps the components of most variance first, and with them fewer dimensions.

All of it is pure JAX on one pair; ``jax.vmap`` takes it over members and snapshots.

Sources: Hotelling 1936; Björck and Golub 1973, by QR; SVCCA: Raghu et al. 2017 (arXiv:1706.05806).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.analysis.similarity.pairs import centred, checked
from toylab.errors import ToylabError, check_number


class Correlations(NamedTuple):
    """Canonical correlations of two sets of activations.

    Attributes:
        rho_K: correlations, descending; 0 beyond the lesser number of dimensions.
        dims: dimensions kept of each side, p and q, (2,).
        mean: mean correlation over the lesser of them, which is SVCCA's number.
        mean_square: mean squared correlation.
        null: its expectation for independent Gaussian activations, ``max(p, q) / (N - 1)``.
        samples_per_dim: ``N / max(p, q)``; below 2, some correlations are 1 whatever the data.
    """

    rho_K: Array
    dims: Array
    mean: Array
    mean_square: Array
    null: Array
    samples_per_dim: Array


def cca(x: Float[Array, "N D"], y: Float[Array, "N E"]) -> Correlations:
    """Return canonical correlations by QR.

    Columns that depend on others, dead units among them, count for nothing: a basis is of the
    directions whose singular value is above ``max(N, D) eps`` times the greatest.

    Args:
        x: activations (N, D), N above D + 1.
        y: activations of the same inputs (N, E).

    Raises:
        ToylabError: shapes that do not fit, or no more inputs than dimensions, where every
            correlation is 1.

    Source: Björck and Golub 1973.

    Example:
        >>> import jax
        >>> x = jax.random.normal(jax.random.key(0), (50, 2))
        >>> cca(x, x @ jnp.array([[1.0, 2.0], [0.0, 5.0]])).rho_K.round(4).tolist()
        [1.0, 1.0]
    """
    checked("cca", x, y, 3)
    width = max(x.shape[1], y.shape[1])
    if x.shape[0] - 1 <= width:
        raise ToylabError(
            f"cca: {x.shape[0]} inputs and {width} dimensions: every correlation is 1. Give more "
            "inputs, or take svcca."
        )
    return _correlate(*_bases(x, y), min(x.shape[1], y.shape[1]))


def svcca(x: Float[Array, "N D"], y: Float[Array, "N E"], energy: float = 0.99) -> Correlations:
    """Return canonical correlations of the principal components that hold most variance.

    Args:
        x: activations (N, D).
        y: activations of the same inputs (N, E).
        energy: share of the variance to keep of each side, the first components that reach it.

    Raises:
        ToylabError: shapes that do not fit, or a share out of range.

    Source: Raghu et al. 2017.

    Example:
        >>> import jax
        >>> x = jax.random.normal(jax.random.key(0), (50, 2))
        >>> svcca(x * jnp.array([[1.0, 1e-3]]), x[:, :1]).dims.tolist()
        [1, 1]
    """
    checked("svcca", x, y, 3)
    check_number("svcca", "energy", energy, above=0, high=1)
    return _correlate(*_bases(x, y, energy), min(x.shape[1], y.shape[1]))


def null_mean_square(samples: int, width: int, other_width: int) -> float:
    """Return the mean squared correlation of independent Gaussian activations.

    ``max(p, q) / (N - 1)``, exactly: two random spaces of p and q dimensions among ``N - 1`` have
    ``E tr(P_X P_Y) = p q / (N - 1)``, over ``min(p, q)`` correlations.

    Args:
        samples: N.
        width: p.
        other_width: q.

    Example:
        >>> round(null_mean_square(200, 20, 20), 4)
        0.1005
    """
    width = max(width, other_width)
    check_number("null_mean_square", "samples", samples, width + 1, whole=True)
    return width / (samples - 1)


def _bases(x: Array, y: Array, energy: float = 1.0) -> tuple[Array, Array]:
    """Orthonormal bases (2, N, K) of the centred columns, 0 in those left out; how many stay, (2,).

    Hazard: XLA on two cores locks up for good when two decompositions run side by side in one
    program. So the sides are one batch, the narrower filled up with columns of zeros.
    """
    width = max(x.shape[1], y.shape[1])
    filled = lambda side: jnp.pad(centred(side), ((0, 0), (0, width - side.shape[1])))
    q_2NK, r_2KD = jnp.linalg.qr(jnp.stack([filled(x), filled(y)]))
    u_2KK, s_2K, _ = jnp.linalg.svd(r_2KD, full_matrices=False)
    sizes_2 = jnp.array([max(x.shape), max(y.shape)], x.dtype)
    keep_2K = s_2K > sizes_2[:, None] * jnp.finfo(x.dtype).eps * s_2K[:, :1]
    if energy < 1:
        before_2K = jnp.cumsum(s_2K**2, -1) - s_2K**2
        keep_2K &= before_2K < energy * jnp.sum(s_2K**2, -1, keepdims=True)
    # A product, and not where: the NaN of a broken member must stay.
    return (q_2NK @ u_2KK) * keep_2K[:, None].astype(x.dtype), jnp.sum(keep_2K, -1)


def _correlate(bases_2NK: Array, dims_2: Array, width: int) -> Correlations:
    (x_NK, y_NK), samples = bases_2NK, bases_2NK.shape[1]
    singular_K = jnp.linalg.svd(x_NK.T @ y_NK, compute_uv=False)[:width]
    rho_K = jnp.clip(singular_K, 0.0, 1.0)
    kind = rho_K.dtype
    # Without a dimension on one side there is no mean.
    least = jnp.min(dims_2).astype(kind)
    least = jnp.where(least > 0, least, jnp.nan)
    most = jnp.max(dims_2).astype(kind)
    return Correlations(
        rho_K,
        dims_2,
        jnp.sum(rho_K) / least,
        jnp.sum(rho_K**2) / least,
        most / (samples - 1),
        samples / most,
    )
