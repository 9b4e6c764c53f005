"""A straight line through a curve, and how well it fits."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike


class Line(NamedTuple):
    """A least-squares line: its slope, and the share of the variance that it explains."""

    slope: float
    r2: float


def line(x_S: Float[ArrayLike, " S"], y_S: Float[ArrayLike, " S"]) -> Line:
    """Fit ``y = start + slope x``; NaN for a flat curve, one with NaN, or fewer than three points.

    Example:
        >>> line([0, 1, 2], [1, 3, 5]).slope.__round__(6)
        2.0
    """
    x_S, y_S = np.asarray(x_S, np.float64), np.asarray(y_S, np.float64)
    if len(x_S) < 3 or not np.isfinite(y_S).all() or not np.ptp(y_S) > 0:
        return Line(float("nan"), float("nan"))
    slope, start = np.polyfit(x_S, y_S, 1)
    left = np.sum((y_S - slope * x_S - start) ** 2)
    return Line(float(slope), float(1 - left / np.sum((y_S - y_S.mean()) ** 2)))
