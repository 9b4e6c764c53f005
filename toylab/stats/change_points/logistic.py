"""Is a change abrupt, or a smooth S? Steps against a logistic curve by BIC."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit

from toylab.stats.change_points.curves import about_two_means, checked_curves


class Logistic(NamedTuple):
    """A fitted ``low + (high - low) / (1 + exp(-(t - middle) / width))``, one per curve.

    Every field has the leading axes of the curves; ``fitted`` has their records as well.

    Attributes:
        low: level long before.
        high: level long after.
        middle: index of the middle.
        width: in records; from 12 to 88 % of the way takes four of them.
        fitted: the curve, (..., S).
        sse: sum of squared errors.
    """

    low: Float[np.ndarray, "*lead"]
    high: Float[np.ndarray, "*lead"]
    middle: Float[np.ndarray, "*lead"]
    width: Float[np.ndarray, "*lead"]
    fitted: Float[np.ndarray, "*lead S"]
    sse: Float[np.ndarray, "*lead"]


class Shape(NamedTuple):
    """A curve as a constant, as one step and as a logistic; the least BIC describes it best.

    Every field has the leading axes of the curves.

    Attributes:
        constant_bic: of one mean.
        step_bic: of two means, and the place of the step.
        logistic_bic: of two levels, middle and width.
        place: index of the first value after the best step.
        logistic: the fit.
    """

    constant_bic: Float[np.ndarray, "*lead"]
    step_bic: Float[np.ndarray, "*lead"]
    logistic_bic: Float[np.ndarray, "*lead"]
    place: Int[np.ndarray, "*lead"]
    logistic: Logistic

    @property
    def best(self) -> np.ndarray:
        """Name of the least: constant, step or logistic."""
        bic = np.stack([self.constant_bic, self.step_bic, self.logistic_bic])
        return np.array(["constant", "step", "logistic"])[bic.argmin(0)]


def fit_logistic(values: Float[ArrayLike, "*lead S"]) -> Logistic:
    """Fit a logistic curve by least squares; many curves one after another, some 10 ms each.

    The levels are solved for at each middle and width; those are searched on a grid, widths from a
    quarter of a record to the length of the curve, and then by Nelder and Mead.

    Args:
        values: a curve (S,), or curves (..., S), evenly recorded in the time that matters.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 10 values.

    Example:
        >>> t = np.arange(100.0)
        >>> found = fit_logistic(2 + 3 / (1 + np.exp(-(t - 40) / 5)))
        >>> np.round([found.middle, found.width, found.high], 2).tolist()
        [40.0, 5.0, 5.0]
    """
    y = checked_curves("fit_logistic", values, 10)
    fits = [_logistic(row) for row in y.reshape(-1, y.shape[-1])]
    fields = (np.array(field) for field in zip(*fits, strict=True))
    return Logistic(*(f.reshape(y.shape[:-1] + f.shape[1:])[()] for f in fields))


def _logistic(y_S: np.ndarray) -> tuple[float, float, float, float, np.ndarray, float]:
    """Fields of the best logistic of one curve."""
    size = len(y_S)
    middles = np.linspace(0, size - 1, 25)
    widths = np.geomspace(0.25, size, 12)
    places = [(m, np.log(w)) for m in middles for w in widths]
    start = min(places, key=lambda place: _solve(y_S, *place)[0])
    inside = ((0.0, size - 1.0), (np.log(0.05), np.log(2.0 * size)))
    found = minimize(
        lambda place: _solve(y_S, *place)[0],
        start,
        method="Nelder-Mead",
        bounds=inside,
        options={"xatol": 1e-6, "fatol": 1e-12 * max(float(y_S.var()) * size, 1e-300)},
    )
    middle, log_width = (float(v) for v in found.x)
    sse, low, high, fitted_S = _solve(y_S, middle, log_width)
    return low, high, middle, float(np.exp(log_width)), fitted_S, sse


def _solve(
    y_S: np.ndarray, middle: float, log_width: float
) -> tuple[float, float, float, np.ndarray]:
    """Best levels of a logistic of a middle and a width: error, low, high, curve."""
    s_S = expit((np.arange(len(y_S)) - middle) / np.exp(log_width))
    away_S = s_S - s_S.mean()
    spread = float(away_S @ away_S)
    rise = float(away_S @ y_S) / spread if spread > 1e-20 else 0.0
    low = float(y_S.mean() - rise * s_S.mean())
    fitted_S = low + rise * s_S
    return float(((y_S - fitted_S) ** 2).sum()), low, low + rise, fitted_S


def abrupt_or_smooth(values: Float[ArrayLike, "*lead S"]) -> Shape:
    """Compare a constant, a step and a logistic by ``BIC = S log(SSE / S) + k log S``.

    k is 1, 3 and 4, and one more each for the noise. A logistic of no width is a step, so it fits
    at least as well, and must pay for its width: of abrupt steps in noise, 4 % come out as smooth.
    The errors are taken as independent: of autocorrelated noise, thin the curve first.

    Args:
        values: a curve (S,), or curves (..., S), evenly recorded in the time that matters.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 10 values.

    Source: Schwarz 1978.

    Example:
        >>> noise = 0.1 * np.random.default_rng(1).normal(size=100)
        >>> t = np.arange(100)
        >>> abrupt_or_smooth(noise + np.stack([t >= 40, t / 100])).best.tolist()
        ['step', 'logistic']
    """
    y = checked_curves("abrupt_or_smooth", values, 10)
    size = y.shape[-1]
    away = y - y.mean(-1, keepdims=True)
    total = (away**2).sum(-1)
    before = np.arange(1, size)
    explained = np.cumsum(away, -1)[..., :-1] ** 2 * size / (before * (size - before))
    place = explained.argmax(-1) + 1
    step = (about_two_means(y, place) ** 2).sum(-1)
    smooth = fit_logistic(y)
    # Curves without noise would have a BIC of minus infinity; rounding is their noise.
    floor = 1e-20 * np.maximum(total, np.maximum((y**2).sum(-1) * 1e-10, 1e-300))
    bic = lambda sse, k: size * np.log(np.maximum(sse, floor) / size) + (k + 1) * np.log(size)
    return Shape(bic(total, 1), bic(step, 3), bic(smooth.sse, 4), place, smooth)
