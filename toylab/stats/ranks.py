"""How well values rank one kind of thing above another, and how two rankings agree."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def auc(values: Float[np.ndarray, " N"], positive: Bool[np.ndarray, " N"]) -> float | None:
    """Return the probability that a positive has a larger value than a negative (area under ROC).

    Ties count half; without positives or without negatives there is no such number. NaN of values
    one of which is.

    Example:
        >>> auc(np.array([3.0, 2, 1, 2]), np.array([True, True, False, False]))
        0.875
    """
    values, positive = np.asarray(values, np.float64), np.asarray(positive)
    if positive.all() or not positive.any():
        return None
    if np.isnan(values).any():
        return np.nan
    high, low = values[positive][:, None], values[~positive][None]
    return float(((high > low) + 0.5 * (high == low)).mean())


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Return Spearman's correlation of two arrays of one shape, entry by entry.

    NaN where an entry is not finite, or where one of the two never moves.

    Example:
        >>> round(rank_correlation([1, 2, 3, 4], [10, 30, 20, 40]), 6)
        0.8
    """
    both = np.array([np.ravel(x), np.ravel(y)], np.float64)
    if not np.isfinite(both).all() or (np.ptp(both, axis=1) == 0).any():
        return np.nan
    return float(np.corrcoef(*map(rankdata, both))[0, 1])
