"""Where a noisy curve that ought to rise crosses a level."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression


def monotone_crossing(
    x_N: Float[ArrayLike, " N"], value_N: Float[ArrayLike, " N"], level: float = 0.5
) -> float:
    """Return where the rising fit to a curve crosses a level, between positions on a log scale.

    Args:
        x_N: ascending, positive positions.
        value_N: the curve.
        level: to cross.

    Returns:
        The position; NaN if a value is, or if all the fit lies on one side of the level.

    Example:
        >>> round(monotone_crossing([10, 1000], [0.0, 1.0]), 6)
        100.0
    """
    x_N, value_N = np.asarray(x_N, np.float64), np.asarray(value_N, np.float64)
    if np.isnan(value_N).any():
        return float("nan")
    fit_N = isotonic_regression(value_N).x
    above = int(np.searchsorted(fit_N, level))
    if above in (0, len(fit_N)):
        return float("nan")
    low, high = fit_N[above - 1], fit_N[above]
    share = (level - low) / (high - low)
    ends = np.log(x_N[above - 1 : above + 1])
    return float(np.exp(ends[0] + share * (ends[1] - ends[0])))
