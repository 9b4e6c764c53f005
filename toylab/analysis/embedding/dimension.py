"""Intrinsic dimension: how many components hold the variance among a vector's neighbours?

The number hangs on the number of neighbours as much as on the data: a Gaussian of 20 dimensions
has 7.6 of them by 10 neighbours and 18.5 by 200, and noise of 0.05 in 32 dimensions makes 24 of a
plane. So it stands beside a Gaussian of the same spectrum, seen with as many neighbours.

Source: Lee et al. 2025 (2503.21073), local measure; the nulls are this laboratory's.

Shape suffixes: N vectors, D width, K neighbours.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.embedding.local import checked_vectors, nearest
from toylab.errors import check_number


def intrinsic_dimension(
    vectors: Float[ArrayLike, "N D"], neighbours: int, share: float = 0.95
) -> Float[np.ndarray, " N"]:
    """Fewest principal components that hold a share of the variance of each one's neighbours.

    The principal components are those of the K nearest others, centred; there are K - 1 at most.

    Args:
        vectors: N of them.
        neighbours: K, from 2 to N - 1.
        share: of the variance, above 0 and at most 1.

    Returns:
        A whole number for each vector; NaN where one is not finite, or where its neighbours are
        copies of each other.

    Raises:
        ToylabError: a number out of range.

    Source: Lee et al. 2025.

    Example:
        >>> plane = np.random.default_rng(0).normal(size=(200, 2)) @ np.ones((2, 5)).cumsum(1)
        >>> intrinsic_dimension(plane, 10).max()
        np.float64(1.0)
    """
    x_ND = checked_vectors("intrinsic_dimension", vectors)
    high = len(x_ND) - 1
    check_number("intrinsic_dimension", "neighbours", neighbours, 2, high, whole=True)
    check_number("intrinsic_dimension", "share", share, above=0, high=1)
    if not np.isfinite(x_ND).all():
        return np.full(len(x_ND), np.nan)
    near_NKD = x_ND[nearest(x_ND, neighbours)]
    varies_N = np.ptp(near_NKD, axis=1).any(-1)
    near_NKD = near_NKD - near_NKD.mean(1, keepdims=True)
    variance = np.linalg.svd(near_NKD, compute_uv=False) ** 2
    held = variance.cumsum(1) / np.where(varies_N, variance.sum(1), np.nan)[:, None]
    # Rounding may leave the last sum a hair below 1.
    return np.where(varies_N, 1.0 + (held < share - 1e-12).sum(1), np.nan)


def gaussian_like(vectors: Float[ArrayLike, "N D"], seed: int = 0) -> Float[np.ndarray, "N D"]:
    """Draw as many Gaussian vectors of the same mean and covariance: the null of a dimension.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(5000, 2)) * [1, 9]
        >>> gaussian_like(x).std(0).round().tolist()
        [1.0, 9.0]
    """
    x_ND = checked_vectors("gaussian_like", vectors)
    if not np.isfinite(x_ND).all():
        return np.full(x_ND.shape, np.nan)
    mean = x_ND.mean(0)
    _, s, vt = np.linalg.svd(x_ND - mean, full_matrices=False)
    drawn = np.random.default_rng(seed).normal(size=(len(x_ND), len(s)))
    return drawn * (s / np.sqrt(len(x_ND))) @ vt + mean
