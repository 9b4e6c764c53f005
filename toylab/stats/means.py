"""Means that may be of nothing."""

import numpy as np
from numpy.typing import ArrayLike


def mean_or_nan(values: ArrayLike) -> float:
    """Return the mean of values, or NaN where there are none.

    Example:
        >>> mean_or_nan([1.0, 2.0]), mean_or_nan([])
        (1.5, nan)
    """
    values = np.asarray(values)
    return float(values.mean()) if values.size else float("nan")


def finite_mean(values: np.ndarray, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    """Return the mean of the finite values along axes, NaN without any.

    Example:
        >>> finite_mean(np.array([1.0, np.nan, 2.0])).item()
        1.5
    """
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis), known.sum(axis)
    return total / np.where(count > 0, count, np.nan)
