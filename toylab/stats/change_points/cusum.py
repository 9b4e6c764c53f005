"""The CUSUM test for one change of mean, corrected for noise in which neighbours are alike."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.stats import kstwobign

from toylab.stats.change_points.curves import about_two_means, check_phi, checked_curves


class Cusum(NamedTuple):
    """Tests for a change of mean, one per curve: every field has the curves' leading axes.

    Attributes:
        statistic: the greatest excursion of the cumulative sums.
        p_value: from the Kolmogorov distribution, whose 5 % point is 1.358; conservative for short
            curves (the point is 1.31 at S = 400).
        place: index of the first value after the likeliest change.
        autocorrelation: phi, estimated or given.
    """

    statistic: Float[np.ndarray, "*lead"]
    p_value: Float[np.ndarray, "*lead"]
    place: Int[np.ndarray, "*lead"]
    autocorrelation: Float[np.ndarray, "*lead"]


def cusum(values: Float[ArrayLike, "*lead S"], autocorrelation: ArrayLike | None = None) -> Cusum:
    """Test whether the mean of a curve changes; of many curves, each by itself.

        max_k |S_k - (k / S) S_S| / (sigma sqrt(S) sqrt((1 + phi) / (1 - phi)))

    with S_k the sum of the first k values. Without the last factor, AR(1) noise with phi = .5 gives
    47 % false alarms at the 5 % point, with phi = .9 gives 99 %. Sigma and phi are of what is left
    about the means before and after the likeliest change, so that a change is not taken for
    autocorrelation; phi is put right for its bias by ``2 (1 + 4 phi) / S``. False alarms are then
    4, 5 and 6 % at S = 400 with phi = 0, .5 and .9.

    Args:
        values: a curve (S,), or curves (..., S) such as those of a population's members. Many
            curves are many tests: see :func:`toylab.stats.significance.benjamini_hochberg`.
        autocorrelation: phi of AR(1) noise, in (-1, 1), one number or one per curve; estimated, and
            at least 0, if None. 0 for independent noise.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 10 values, or a phi out of range.

    Returns:
        The tests; of a constant curve with statistic 0 and p-value 1.

    Sources: Ploberger and Krämer 1992 (The CUSUM test with OLS residuals); bias of phi, for each of
    two means: Marriott and Pope 1954.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 100))
        >>> found = cusum(noise + [np.repeat([0.0, 5.0], 50), np.zeros(100)])
        >>> found.place[0].item(), (found.p_value < 1e-3).tolist()
        (50, [True, False])
    """
    y = checked_curves("cusum", values, 10)
    lead, size = y.shape[:-1], y.shape[-1]
    given = None if autocorrelation is None else check_phi("cusum", autocorrelation, lead)
    sums = np.abs(np.cumsum(y - y.mean(-1, keepdims=True), -1)[..., :-1])
    place = sums.argmax(-1) + 1
    rest = about_two_means(y, place)
    spread = (rest**2).sum(-1)
    varies = np.ptp(y, -1) > 0
    noisy = varies & (spread > 1e-24 * (y**2).sum(-1))  # else two constants: a change without noise
    spread = np.where(noisy, spread, 1.0)
    if given is None:
        lag = (rest[..., 1:] * rest[..., :-1]).sum(-1) / spread
        given = np.clip(lag + 2 * (1 + 4 * lag) / size, 0, 1 - 1 / size)
    phi = np.where(noisy, given, 0.0)
    long_run = (spread / size * (1 + phi) / (1 - phi)) ** 0.5
    certain = np.where(varies, np.inf, 0.0)
    statistic = np.where(noisy, sums.max(-1) / (long_run * size**0.5), certain)
    return Cusum(statistic[()], np.asarray(kstwobign.sf(statistic))[()], place, phi[()])
