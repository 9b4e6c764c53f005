"""Statistics over seeds in one place: intervals, tests, corrections, power laws.

The bootstrap is in :mod:`toylab.stats.bootstrap`, the tests in :mod:`toylab.stats.significance`;
import both from here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError
from toylab.stats.bootstrap import (
    STATISTICS,
    Interval,
    Statistic,
    bootstrap_interval,
    ends,
    hierarchical_bootstrap,
    paired_difference,
    tails,
    without_nan,
)
from toylab.stats.seeds import binomial_ends, seed_interval
from toylab.stats.significance import benjamini_hochberg, holm, permutation_test, tost

__all__ = [
    "STATISTICS",
    "Interval",
    "PowerLaw",
    "Statistic",
    "benjamini_hochberg",
    "binomial_ends",
    "bootstrap_interval",
    "hierarchical_bootstrap",
    "holm",
    "paired_difference",
    "permutation_test",
    "power_law",
    "seed_interval",
    "tost",
    "without_nan",
]


class PowerLaw(NamedTuple):
    """A fitted ``y = prefactor * x**exponent``; ``r2`` is measured on the logarithms."""

    exponent: Interval
    prefactor: float
    r2: float


def power_law(
    x: Float[ArrayLike, " S"],
    y: Float[ArrayLike, "*P S"],
    level: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
) -> PowerLaw:
    """Fit ``log y = log c + k log x`` by least squares, with an interval for k over units.

    Args:
        x: S positive sizes.
        y: positive values, (P, S) with one row per run (the unit; a row with NaN is dropped),
            or (S,), where the points themselves are the units.
        level: confidence level.
        resamples: number of bootstrap samples.
        seed: seed of the resampling.

    Returns:
        Exponent with interval, prefactor, and r2 of the fit to the mean logarithm.

    Raises:
        ToylabError: a value is not positive, or fewer than two sizes differ.
    """
    x_S, y_PS = np.asarray(x, np.float64), np.atleast_2d(np.asarray(y, np.float64))
    y_PS = y_PS[~np.isnan(y_PS).any(axis=1)]
    if x_S.ndim != 1 or y_PS.shape[1:] != x_S.shape:
        raise ToylabError(f"power_law: x of shape {x_S.shape} against y of {y_PS.shape}.")
    if not (len(np.unique(x_S)) > 1 and np.all(x_S > 0) and np.all(y_PS > 0)):
        raise ToylabError("power_law: give positive x and y, with two different x at least.")
    if not len(y_PS):
        return PowerLaw(Interval(np.nan, np.nan, np.nan), np.nan, np.nan)
    logx_S, logy_PS = np.log(x_S), np.log(y_PS)
    mean_S = logy_PS.mean(axis=0)
    slope, intercept = np.polyfit(logx_S, mean_S, 1)
    spread = np.sum((mean_S - mean_S.mean()) ** 2)
    r2 = 1 - np.sum((mean_S - slope * logx_S - intercept) ** 2) / spread if spread > 0 else 1.0
    if np.ndim(y) == 2:
        # With common x the slope of the mean is the mean of the slopes.
        slopes_P = np.polyfit(logx_S, logy_PS.T, 1)[0]
        exponent = bootstrap_interval(slopes_P, "mean", level, resamples, seed)
    else:
        rows_RS = np.random.default_rng(seed).integers(len(x_S), size=(resamples, len(x_S)))
        draws_R = _slopes(logx_S[rows_RS], mean_S[rows_RS])
        exponent = Interval(float(slope), *ends(draws_R, tails(len(x_S), level)))
    return PowerLaw(exponent, float(np.exp(intercept)), float(r2))


def _slopes(x_RS: np.ndarray, y_RS: np.ndarray) -> np.ndarray:
    """Return the least-squares slope per row; rows whose x are all equal have none."""
    x_RS, y_RS = x_RS[np.ptp(x_RS, axis=1) > 0], y_RS[np.ptp(x_RS, axis=1) > 0]
    x_RS = x_RS - x_RS.mean(axis=1, keepdims=True)
    return np.sum(x_RS * y_RS, axis=1) / np.sum(x_RS**2, axis=1)
