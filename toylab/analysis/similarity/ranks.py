"""How many dimensions activations or weights fill: four ranks that are not the same number.

Each takes singular values s (..., K) of a matrix, as of :func:`singular_values`, and keeps leading
axes. Of an identity all are its size, of a matrix of rank 1 all are 1, and none depends on scale.
NumPy arrays are reckoned in float64 on the host, JAX arrays in their own precision, under jit and
vmap too. NaN stays NaN. Compare activations with independent Gaussian numbers of the same shape
(:func:`gaussian_participation_ratio`): few samples alone make any rank small.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number

Values = Float[ArrayLike | Array, "*lead K"]


def singular_values(x: Float[ArrayLike | Array, "*lead N D"], centred: bool = True) -> Any:
    """Return the singular values of matrices, descending, (..., min(N, D)).

    Args:
        x: activations (..., N, D), or weights.
        centred: subtract the mean over N first; not for weights.

    Raises:
        ToylabError: no matrices.

    Example:
        >>> singular_values(np.array([[1.0, 0.0], [3.0, 0.0]])).round(4).tolist()
        [1.4142, 0.0]
    """
    matrix, xp = _namespace(x)
    if matrix.ndim < 2:
        raise ToylabError(f"singular_values: x has shape {matrix.shape}; give (..., N, D).")
    if centred:
        still = xp.max(matrix, -2, keepdims=True) == xp.min(matrix, -2, keepdims=True)
        # A mean of equal numbers may differ from them by rounding.
        matrix = xp.where(still, 0, matrix - xp.mean(matrix, -2, keepdims=True))
    if xp is np:  # NumPy's SVD of NaN raises
        whole = np.asarray(np.isfinite(matrix).all((-1, -2)))
        s = np.linalg.svd(np.where(whole[..., None, None], matrix, 0), compute_uv=False)
        return np.where(whole[..., None], s, np.nan)
    return jnp.linalg.svd(matrix, compute_uv=False)


def participation_ratio(values: Values) -> Any:
    """Return ``(sum_k l_k)^2 / sum_k l_k^2`` with ``l = s^2``, the variances; (...).

    The number of dimensions over which variance is spread; NaN where all is 0.

    Args:
        values: singular values s (..., K).

    Source: Gao et al. 2017 (A theory of multineuronal dimensionality), of covariances.

    Example:
        >>> float(participation_ratio([1.0, 1.0, 0.0]))
        2.0
    """
    s, xp = _namespace(values)
    part = _shares(s**2, xp)
    return 1 / xp.sum(part**2, -1)


def entropy_rank(values: Values, squared: bool = False) -> Any:
    """Return ``exp(-sum_k p_k log p_k)`` with ``p = s / sum s``, the effective rank; (...).

    NaN where all is 0.

    Args:
        values: singular values s (..., K).
        squared: take ``p = s^2 / sum s^2`` instead, shares of variance; the rank is smaller.

    Source: Roy and Vetterli 2007 (The effective rank), on s.

    Example:
        >>> s = [3.0, 1.0]
        >>> round(float(entropy_rank(s)), 3), round(float(entropy_rank(s, squared=True)), 3)
        (1.755, 1.384)
    """
    s, xp = _namespace(values)
    part = _shares(s**2 if squared else s, xp)
    logs = xp.log(xp.where(part > 0, part, 1.0))
    return xp.exp(-xp.sum(part * logs, -1))


def stable_rank(values: Values) -> Any:
    """Return ``|W|_F^2 / |W|_2^2 = sum_k s_k^2 / max_k s_k^2``; (...), NaN where all is 0.

    Args:
        values: singular values s (..., K).

    Example:
        >>> float(stable_rank([2.0, 1.0]))
        1.25
    """
    s, xp = _namespace(values)
    greatest = xp.max(s**2, -1)
    return xp.sum(s**2, -1) / xp.where(greatest == 0, xp.nan, greatest)


def energy_rank(values: Values, energy: float = 0.99) -> Num[Any, "*lead"]:
    """Fewest singular values that hold a share of the sum of squares.

    ``min r with sum_{i <= r} s_i^2 >= energy * sum_i s_i^2``; 0 where all are 0. A true direction
    with less than ``1 - energy`` of the sum is missed: look at the values too.

    Args:
        values: singular values (..., K), descending.
        energy: the share, in (0, 1].

    Returns:
        Whole numbers; of JAX arrays as floats, so that NaN can stay.

    Raises:
        ToylabError: a share out of range; of NumPy arrays, values that are negative, not finite or
            not descending.

    Example:
        >>> int(energy_rank([3.0, 2.0, 0.1]))
        2
    """
    s, xp = _namespace(values)
    check_number("energy_rank", "energy", energy, high=1, above=0)
    if s.ndim < 1 or (
        xp is np and (not np.isfinite(s).all() or (s < 0).any() or (np.diff(s) > 0).any())
    ):
        raise ToylabError("energy_rank: give finite singular values >= 0 in descending order.")
    cumulative = xp.cumsum(s**2, -1)
    total = cumulative[..., -1]
    slack = 1e-12 if xp is np else 0.0  # of rounding; float32 knows no share that fine
    short = xp.sum(cumulative < energy * total[..., None] * (1 - slack), -1) + 1
    if xp is np:
        return np.where(total > 0, short, 0)
    return jnp.where(total > 0, short.astype(s.dtype), total)


def gaussian_participation_ratio(samples: int, width: int) -> float:
    """Return the participation ratio of independent Gaussian activations, centred.

    ``p n / (n + p + 1)`` with p the width and ``n = N - 1``: ``(E tr S)^2 / E tr S^2`` of a Wishart
    matrix S.

    Args:
        samples: N.
        width: p.

    Example:
        >>> gaussian_participation_ratio(100, 100)
        49.5
    """
    check_number("gaussian_participation_ratio", "samples", samples, 2, whole=True)
    check_number("gaussian_participation_ratio", "width", width, 1, whole=True)
    n = samples - 1
    return width * n / (n + width + 1)


def _namespace(x: ArrayLike | Array) -> tuple[Any, Any]:
    """An array and the library that reckons with it: JAX for its own, NumPy for the rest."""
    if isinstance(x, jax.Array):
        return x, jnp
    return np.asarray(x, np.float64), np


def _shares(weight: Any, xp: Any) -> Any:
    total = xp.sum(weight, -1, keepdims=True)
    return weight / xp.where(total == 0, xp.nan, total)
