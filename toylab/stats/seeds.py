"""The interval that a verdict rests on: one number per independent run, few of them.

On each side it takes the widest of Student's t, Hall's t for skewed data and the expanded
bootstrap; where every number is 0 or 1, the exact interval of Clopper and Pearson. Simulated
coverage, for several laws and 5, 8 and 16 units, is in ``docs/verdicts.md``; a test repeats it.
"""

from typing import Literal

import numpy as np
import scipy  # its submodules load when first used
from numpy.typing import ArrayLike

from toylab.stats.bootstrap import Interval, bootstrap_interval, without_nan

LEVEL = 0.95
RESOLUTION = float(np.finfo(np.float32).eps)  # measures are float32 at best
SMALLEST = float(np.finfo(np.float32).tiny)  # and tell no less than this from 0


def seed_interval(
    values: ArrayLike,
    statistic: Literal["mean", "median"] = "mean",
    level: float = LEVEL,
    seed: int = 0,
    outcome: bool = False,
) -> Interval:
    """Interval of a mean or a median over independent units, honest for few of them.

    Outcomes, 0 or 1, have the exact interval of a share. Other numbers that are all equal say
    nothing of the spread; that half of the population is on neither side of them is then exact
    from 6 units on, and the interval is as wide as a float32 resolves.

    Args:
        values: one value per unit; NaN is dropped.
        statistic: "mean" or "median".
        level: confidence level.
        seed: seed of the bootstrap.
        outcome: each value says whether something is so, 1 or 0. Values that hold both are taken
            for outcomes unasked.

    Returns:
        Estimate, low, high; NaN where there is no unit, infinite ends where there is one.

    Source:
        Clopper and Pearson 1934; Hall 1992; Hesterberg 2015 for the expanded bootstrap.

    Example:
        >>> seed_interval([1, 1, 1, 1, 1], outcome=True).low.__round__(2)
        0.48
    """
    units_N = without_nan(values)
    n = len(units_N)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan)
    if statistic == "mean" and (outcome or set(units_N.tolist()) == {0.0, 1.0}):
        return Interval(float(units_N.mean()), *binomial_ends(int(units_N.sum()), n, level))
    found = bootstrap_interval(units_N, statistic, level, seed=seed)
    if n == 1:
        return Interval(found.estimate, -np.inf, np.inf)
    low, high = found.low, found.high
    if statistic == "mean":
        for skewed in (False, True):
            ends = student_ends(units_N, level, skewed)
            low, high = min(low, ends[0]), max(high, ends[1])
    least = max(RESOLUTION * abs(found.estimate), SMALLEST)
    return Interval(
        found.estimate, min(low, found.estimate - least), max(high, found.estimate + least)
    )


def student_ends(
    units_N: np.ndarray, level: float = LEVEL, skewed: bool = False
) -> tuple[float, float]:
    """Ends of Student's interval of a mean, and of the one that is corrected for skewness.

    With g the sample skewness and ``T = sqrt(n) (mean - mu) / s``, Hall's cubic transform
    ``T + g T^2 / (3 sqrt n) + g^2 T^3 / (27 n) + g / (6 sqrt n)`` is nearer to its limit than T is;
    its inverse at the quantiles of t gives ends that reach out on the side of the longer tail.

    Args:
        units_N: one finite value per unit, at least two.
        level: confidence level.
        skewed: correct for skewness.

    Source: Hall 1992, "On the removal of skewness by transformation".
    """
    n, mean, spread = len(units_N), float(units_N.mean()), float(units_N.std(ddof=1))
    tails = scipy.special.stdtrit(n - 1, np.array([(1 + level) / 2, (1 - level) / 2])) / np.sqrt(n)
    if skewed and n > 2 and spread > 0:
        third = np.sum((units_N - mean) ** 3) * n / ((n - 1) * (n - 2))
        g = third / spread**3
        if abs(g) > 1e-6:
            tails = 3 / g * (np.cbrt(1 + g * (tails - g / (6 * n))) - 1)
    low, high = mean - spread * tails
    return float(low), float(high)


def binomial_ends(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact interval of a probability from ``successes`` in ``n`` trials.

    Source: Clopper and Pearson 1934.

    Example:
        >>> [round(end, 3) for end in binomial_ends(8, 8)]
        [0.631, 1.0]
    """
    tail, end = (1 - level) / 2, scipy.special.betaincinv
    low = end(successes, n - successes + 1, tail) if successes else 0.0
    high = end(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return float(low), float(high)
