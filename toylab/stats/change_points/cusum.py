"""The CUSUM test for one change of mean, corrected for noise in which neighbours are alike."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.stats import kstwobign

from toylab.errors import check_number
from toylab.stats.change_points.segments import checked_curve


class Cusum(NamedTuple):
    """A test for a change of mean.

    Attributes:
        statistic: the greatest excursion of the cumulative sums.
        p_value: from the Kolmogorov distribution, whose 5 % point is 1.358; conservative for short
            curves (the point is 1.31 at S = 400).
        place: index of the first value after the likeliest change.
        autocorrelation: phi, estimated or given.
    """

    statistic: float
    p_value: float
    place: int
    autocorrelation: float


def cusum(values_S: Float[ArrayLike, " S"], autocorrelation: float | None = None) -> Cusum:
    """Test whether the mean of a curve changes.

        max_k |S_k - (k / S) S_S| / (sigma sqrt(S) sqrt((1 + phi) / (1 - phi)))

    with S_k the sum of the first k values. Without the last factor, AR(1) noise with phi = .5 gives
    47 % false alarms at the 5 % point, with phi = .9 gives 99 %. Sigma and phi are of what is left
    about the means before and after the likeliest change, so that a change is not taken for
    autocorrelation; phi is put right for its bias by ``2 (1 + 4 phi) / S``. False alarms are then
    4, 5 and 6 % at S = 400 with phi = 0, .5 and .9.

    Args:
        values_S: the curve.
        autocorrelation: phi of AR(1) noise, in (-1, 1); estimated, and at least 0, if None. 0 for
            independent noise.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 10 values, or a phi out of range.

    Returns:
        The test; of a constant curve with statistic 0 and p-value 1.

    Sources: Ploberger and Krämer 1992 (The CUSUM test with OLS residuals); bias of phi, for each of
    two means: Marriott and Pope 1954.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = cusum(np.repeat([0.0, 5.0], 50) + rng.normal(size=100))
        >>> found.place, found.p_value < 1e-3
        (50, True)
    """
    y_S = checked_curve("cusum", values_S, 10)
    if autocorrelation is not None:
        check_number("cusum", "autocorrelation", autocorrelation, above=-1)
        check_number("cusum", "autocorrelation", -autocorrelation, above=-1)
    size = len(y_S)
    sums = np.abs(np.cumsum(y_S - y_S.mean())[:-1])
    place = int(sums.argmax()) + 1
    rest_S = np.concatenate([part - part.mean() for part in np.split(y_S, [place])])
    spread = float((rest_S**2).sum())
    if not np.ptp(y_S) > 0:
        return Cusum(0.0, 1.0, place, 0.0)
    if not spread > 1e-24 * float((y_S**2).sum()):  # two constants: a change without noise
        return Cusum(float("inf"), 0.0, place, 0.0)
    phi = autocorrelation
    if phi is None:
        lag = float((rest_S[1:] * rest_S[:-1]).sum()) / spread
        phi = float(np.clip(lag + 2 * (1 + 4 * lag) / size, 0, 1 - 1 / size))
    long_run = (spread / size * (1 + phi) / (1 - phi)) ** 0.5
    statistic = float(sums.max() / (long_run * size**0.5))
    return Cusum(statistic, float(kstwobign.sf(statistic)), place, phi)
