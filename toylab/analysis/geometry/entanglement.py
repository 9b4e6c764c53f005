"""Entanglement of features: how near a feature's direction is to the nearest other one.

Two measures. With the absolute cosine an antipodal pair is as entangled as can be, although a
ReLU after the dot product tells the two apart without interference; with its positive part such a
pair is free. Both stand beside the mean of random directions, which is exact, and the first beside
the lowest value that any arrangement of so many lines allows. Float64 NumPy.

Sources: Li et al. 2025 (arXiv:2505.04741), section 2, the absolute measure; Welch 1974; Conway,
Hardin and Sloane 1996, the orthoplex bound; the positive part is this laboratory's.
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy.special import betainc

from toylab.errors import ToylabError, check_number

NODE, WEIGHT = np.polynomial.legendre.leggauss(400)


def entanglement(
    vectors: Float[ArrayLike, "*lead N M"],
    *,
    signed: bool = False,
    among: Bool[ArrayLike, "*lead N"] | None = None,
) -> Float[np.ndarray, "*lead N"]:
    """Return ``max_{j != i} |v_i . v_j|`` of unit vectors, or the largest ``v_i . v_j`` above 0.

    Args:
        vectors: N directions in M dimensions, of any length.
        signed: take ``max(v_i . v_j, 0)`` in place of the absolute value.
        among: features that count, as features and as partners; all by default.

    Returns:
        One number per feature; NaN for one that does not count, has no partner, or is NaN.

    Raises:
        ToylabError: one vector alone, or a zero vector that counts: it has no direction.

    Example:
        >>> entanglement([[1.0, 0.0], [-2.0, 0.0], [0.0, 1.0]]).tolist()
        [1.0, 1.0, 0.0]
    """
    v = np.asarray(vectors, np.float64)
    if v.ndim < 2 or v.shape[-2] < 2:
        raise ToylabError(f"entanglement: vectors of shape {v.shape}; give (..., N, M), N >= 2.")
    counts = np.ones(v.shape[:-1], bool) if among is None else np.asarray(among, bool)
    if counts.shape != v.shape[:-1]:
        raise ToylabError(f"entanglement: among has shape {counts.shape}; give {v.shape[:-1]}.")
    counts = counts & ~np.isnan(v).any(-1)
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    if ((norm[..., 0] == 0) & counts).any():
        raise ToylabError("entanglement: a zero vector has no direction; leave it out by among.")
    v = v / np.where(norm == 0, 1, norm)
    cosine = v @ v.swapaxes(-1, -2)
    value = np.maximum(cosine, 0) if signed else np.abs(cosine)
    pairs = counts[..., None, :] & ~np.eye(v.shape[-2], dtype=bool)
    best = np.where(pairs, value, -1.0).max(-1)
    return np.where(counts & (best >= 0), np.minimum(best, 1), np.nan)


def entanglement_floor(count: int, dim: int) -> float:
    """Return a bound that the largest absolute cosine of N lines in M dimensions cannot go below.

    0 for N <= M; Welch's ``sqrt((N - M) / ((N - 1) M))`` above; and ``1 / sqrt(M)``, which is then
    higher, once N > M (M + 1) / 2, where no set of lines can be equiangular. Twelve lines in four
    dimensions reach 1/2: the axes of the 24-cell.

    Args:
        count: N, 2 at least.
        dim: M, 1 at least.
    """
    check_number("entanglement_floor", "count", count, low=2, whole=True)
    check_number("entanglement_floor", "dim", dim, low=1, whole=True)
    if count <= dim:
        return 0.0
    welch = np.sqrt((count - dim) / ((count - 1) * dim))
    return float(max(welch, dim**-0.5) if count > dim * (dim + 1) / 2 else welch)


def chance_entanglement(count: ArrayLike, dim: int, *, signed: bool = False) -> np.ndarray:
    """Return the mean entanglement of N independent uniform directions in M dimensions, exactly.

    Given one direction the cosines of the others are independent, with ``P(|c| < t) = F(t) =
    I_{t^2}(1/2, (M-1)/2)``; the mean of their maximum is ``1 - int_0^1 F^(N-1) dt``, with ``(1 + F)
    / 2`` in place of F where only positive cosines count.

    Args:
        count: N, 2 or more, of any shape; NaN for fewer.
        dim: M, 2 at least.
        signed: as in :func:`entanglement`.

    Example:
        >>> float(chance_entanglement(12, 4)).__round__(3)
        0.842
    """
    check_number("chance_entanglement", "dim", dim, low=2, whole=True)
    n = np.asarray(count, np.float64)[..., None]
    t = (NODE + 1) / 2
    below = betainc(0.5, (dim - 1) / 2, t**2)
    below = (1 + below) / 2 if signed else below
    mean = 1 - below ** np.maximum(n - 1, 1) @ WEIGHT / 2
    return np.where(n[..., 0] >= 2, mean, np.nan)
