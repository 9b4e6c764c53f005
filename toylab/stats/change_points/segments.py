"""Change points by penalised least squares, exactly.

    minimise over all splits    sum over segments SSE / sigma^2 + penalty * (number of changes)

by optimal partitioning: the best cost up to t is the least over s of the best up to s, plus the
segment from s to t, plus the penalty; S^2 steps. NumPy in float64.

The penalty is ``3 log S`` for means, ``4 log S`` for lines: with the noise estimated, constant
curves then have a change in 7, 3, 2 and 0 % of cases at S = 30, 60, 100 and 400. The usual ``2 log
S`` makes it 20, 14, 10 and 2 %.

Sources: Jackson et al. 2005 (An algorithm for optimal partitioning of data on an interval); Zhang
and Siegmund 2007 for a penalty of about ``3 log S``, a place costing more than a level.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number, nearest

PENALTIES = {"mean": 3.0, "line": 4.0}  # times log S


class Segments(NamedTuple):
    """A curve cut into segments.

    Attributes:
        places: first index of every segment but the first, ascending, (K,); empty for no change.
        fitted_S: the segments' means or lines.
        sse: sum of squared errors of the fit.
        sigma: the noise that the costs were measured in.
        penalty: price of a change.
    """

    places: np.ndarray
    fitted_S: np.ndarray
    sse: float
    sigma: float
    penalty: float


def checked_curve(owner: str, values_S: ArrayLike, least: int) -> np.ndarray:
    """Return a curve in float64; refuse one that is not finite, or too short."""
    y_S = np.asarray(values_S, np.float64)
    if y_S.ndim != 1 or len(y_S) < least:
        raise ToylabError(f"{owner}: values have shape {y_S.shape}; give (S,), S >= {least}.")
    if not np.isfinite(y_S).all():
        raise ToylabError(
            f"{owner}: the value at {int(np.argmin(np.isfinite(y_S)))} is not finite; a diverged "
            "or unfinished curve has no change points, leave it out."
        )
    return y_S


def noise_level(values_S: Float[ArrayLike, " S"], autocorrelation: float = 0.0) -> float:
    """Estimate the noise of a curve from its steps, ``median |y_{t+1} - y_t| / (.6745 sqrt 2)``.

    Changes of level, being few, hardly move a median. Of AR(1) noise with autocorrelation phi the
    result is what independent noise would need for means as uncertain, ``sqrt(1 + phi) / (1 -
    phi)`` times as much.

    Args:
        values_S: the curve.
        autocorrelation: phi, in (-1, 1), such as :func:`toylab.stats.change_points.cusum.cusum`
            estimates.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 3 values.

    Example:
        >>> round(noise_level([0.0, 1.0, 0.0, 1.0, 50.0, 51.0]), 3)
        1.048
    """
    y_S = checked_curve("noise_level", values_S, 3)
    _check_phi("noise_level", autocorrelation)
    step = float(np.median(np.abs(np.diff(y_S)))) / (0.6745 * 2**0.5)
    return step * (1 + autocorrelation) ** 0.5 / (1 - autocorrelation)


def change_points(
    values_S: Float[ArrayLike, " S"],
    model: Literal["mean", "line"] = "mean",
    penalty: float | None = None,
    sigma: float | None = None,
    autocorrelation: float = 0.0,
    shortest: int = 2,
) -> Segments:
    """Cut a curve where its mean, or its line, changes.

    Args:
        values_S: the curve, evenly recorded in the time that matters (steps, or their logarithm).
        model: a segment is a "mean", or a "line" of its own, without a joint.
        penalty: of each change, in units of sigma^2; ``3 log S`` for means, ``4 log S`` for lines.
        sigma: standard deviation of the noise; :func:`noise_level` if None.
        autocorrelation: phi of AR(1) noise, where sigma is None. Without it, noise in which
            neighbours are alike is cut to pieces.
        shortest: fewest values of a segment; 1 makes a change of every outlier.

    Raises:
        ToylabError: a curve that is not finite or too short, an unknown model, numbers out of
            range, or a curve that varies but mostly repeats its last value, so that its noise
            cannot be told: give sigma.

    Source: Jackson et al. 2005.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> curve = np.repeat([0.0, 5.0], 50) + rng.normal(size=100)
        >>> change_points(curve).places.tolist()
        [50]
    """
    if model not in PENALTIES:
        raise ToylabError(f"change_points: model = {model!r}; {nearest(str(model), PENALTIES)}")
    least = shortest if model == "mean" else max(shortest, 2)
    check_number("change_points", "shortest", shortest, 1, whole=True)
    y_S = checked_curve("change_points", values_S, max(3, least))
    price = float(PENALTIES[model] * np.log(len(y_S))) if penalty is None else penalty
    check_number("change_points", "penalty", price, 0)
    if not np.ptp(y_S) > 0:
        return Segments(np.zeros(0, int), y_S.copy(), 0.0, 0.0, price)
    sigma = noise_level(y_S, autocorrelation) if sigma is None else sigma
    if not sigma > 0:
        raise ToylabError(
            "change_points: most values repeat the one before, so that the noise cannot be told; "
            "give sigma > 0."
        )
    check_number("change_points", "sigma", sigma, above=0)
    places = _partition(_Costs(y_S, model), sigma**2 * price, least)
    fitted_S = _fit(y_S, places, model)
    return Segments(places, fitted_S, float(((y_S - fitted_S) ** 2).sum()), sigma, price)


def _partition(costs: "_Costs", price: float, least: int) -> np.ndarray:
    """First indices of the later segments of the cheapest split."""
    size = len(costs)
    best = np.full(size + 1, np.inf)
    best[0] = -price  # the first segment is no change
    start = np.zeros(size + 1, int)
    for end in range(least, size + 1):
        starts = np.arange(end - least + 1)
        total = best[starts] + costs.of(starts, end) + price
        start[end] = int(total.argmin())
        best[end] = total[start[end]]
    places, end = [], size
    while start[end] > 0:
        end = start[end]
        places.append(end)
    return np.array(places[::-1], int)


class _Costs:
    """Squared error of the best mean or line of any segment, from running sums."""

    def __init__(self, y_S: np.ndarray, model: str) -> None:
        y_S = y_S - y_S.mean()  # fewer digits are lost to the sums
        x_S = np.arange(len(y_S)) - (len(y_S) - 1) / 2
        run = lambda a: np.concatenate([[0.0], np.cumsum(a)])
        self.y, self.yy = run(y_S), run(y_S**2)
        self.x, self.xx, self.xy = run(x_S), run(x_S**2), run(x_S * y_S)
        self.lines = model == "line"

    def __len__(self) -> int:
        return len(self.y) - 1

    def of(self, starts: np.ndarray, end: int) -> np.ndarray:
        """Return the costs of the segments [start, end)."""
        count = end - starts
        part = lambda run: run[end] - run[starts]
        y = part(self.y)
        cost = part(self.yy) - y**2 / count
        if self.lines:
            spread = part(self.xx) - part(self.x) ** 2 / count
            shared = part(self.xy) - part(self.x) * y / count
            cost = cost - shared**2 / np.where(count > 1, spread, np.inf)
        return np.maximum(cost, 0)


def _fit(y_S: np.ndarray, places: np.ndarray, model: str) -> np.ndarray:
    fitted = []
    for part in np.split(y_S, places):
        x = np.arange(len(part)) - (len(part) - 1) / 2
        slope = (x @ part) / (x @ x) if model == "line" and len(part) > 1 else 0.0
        fitted.append(part.mean() + slope * x)
    return np.concatenate(fitted)


def _check_phi(owner: str, phi: float) -> None:
    check_number(owner, "autocorrelation", phi, above=-1)
    check_number(owner, "autocorrelation", -phi, above=-1)
