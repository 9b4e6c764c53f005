"""Change points by penalised least squares, exactly.

    minimise over all splits    sum over segments SSE / sigma^2 + penalty * (number of changes)

by optimal partitioning: the best cost up to t is the least over s of the best up to s, plus the
segment from s to t, plus the penalty; S^2 steps, each of all curves at once. NumPy in float64.

The penalty is ``3 log S`` for means, ``4 log S`` for lines: with the noise estimated, constant
curves then have a change in 7, 3, 2 and 0 % of cases at S = 30, 60, 100 and 400. The usual ``2 log
S`` makes it 20, 14, 10 and 2 %. For other settings, :func:`null_changes` counts.

Sources: Jackson et al. 2005 (An algorithm for optimal partitioning of data on an interval); Zhang
and Siegmund 2007 for a penalty of about ``3 log S``, a place costing more than a level.

Shape suffixes: Q curves, S records.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number, nearest
from toylab.stats.change_points.curves import check_phi, checked_curves, where

PENALTIES = {"mean": 3.0, "line": 4.0}  # times log S


class Segments(NamedTuple):
    """Curves cut into segments; all have the leading axes of the curves.

    Attributes:
        changes: whether a record is the first of a segment that is not the first one, (..., S).
        fitted: the segments' means or lines, (..., S).
        sse: sum of squared errors of the fit, (...).
        sigma: the noise that the costs were measured in, (...).
        penalty: price of a change, one number.
    """

    changes: Bool[np.ndarray, "*lead S"]
    fitted: Float[np.ndarray, "*lead S"]
    sse: Float[np.ndarray, "*lead"]
    sigma: Float[np.ndarray, "*lead"]
    penalty: float

    @property
    def count(self) -> Int[np.ndarray, "*lead"]:
        """Number of changes."""
        return self.changes.sum(-1)

    @property
    def places(self) -> Int[np.ndarray, " K"]:
        """First index of every segment but the first, of one curve; empty for no change."""
        if self.changes.ndim > 1:
            raise ToylabError(
                f"Segments: curves {self.changes.shape[:-1]} have no places in common; take "
                "changes, or np.argwhere(changes)."
            )
        return np.flatnonzero(self.changes)


def noise_level(
    values: Float[ArrayLike, "*lead S"],
    autocorrelation: ArrayLike = 0.0,
    model: Literal["mean", "line"] = "mean",
) -> Float[np.ndarray, "*lead"]:
    """Estimate the noise of curves from their steps, ``median |y_{t+1} - y_t| / (.6745 sqrt 2)``.

    Changes of level, being few, hardly move a median. About lines, whose slope is in every step,
    steps of steps are taken: ``median |y_{t+1} - 2 y_t + y_{t-1}| / (.6745 sqrt 6)``. Of AR(1)
    noise with autocorrelation phi the result is what independent noise would need for means as
    uncertain, ``sqrt((1 + phi) / (1 - phi))`` times the noise's own.

    Args:
        values: a curve (S,), or curves (..., S).
        model: what the noise is about, as for :func:`change_points`.
        autocorrelation: phi, in (-1, 1), one number or one per curve, such as
            :func:`toylab.stats.change_points.cusum.cusum` estimates.

    Raises:
        ToylabError: a curve that is not finite or has fewer than 3 values.

    Example:
        >>> noise_level([0.0, 1.0, 0.0, 1.0, 50.0, 51.0]).round(3).item()
        1.048
    """
    y = checked_curves("noise_level", values, 3)
    phi = check_phi("noise_level", autocorrelation, y.shape[:-1])
    order, square = (1, 2 - 2 * phi) if model == "mean" else (2, 6 - 8 * phi + 2 * phi**2)
    own = np.median(np.abs(np.diff(y, order)), -1) / (0.6745 * square**0.5)
    return own * ((1 + phi) / (1 - phi)) ** 0.5


def change_points(
    values: Float[ArrayLike, "*lead S"],
    model: Literal["mean", "line"] = "mean",
    penalty: float | None = None,
    sigma: ArrayLike | None = None,
    autocorrelation: ArrayLike = 0.0,
    shortest: int = 2,
) -> Segments:
    """Cut curves where their mean, or their line, changes; each by itself.

    Args:
        values: a curve (S,), or curves (..., S) such as those of a population, evenly recorded in
            the time that matters (steps, or their logarithm).
        model: a segment is a "mean", or a "line" of its own, without a joint.
        penalty: of each change, in units of sigma^2; ``3 log S`` for means, ``4 log S`` for lines.
        sigma: standard deviation of the noise, one number or one per curve; :func:`noise_level` if
            None.
        autocorrelation: phi of AR(1) noise, one number or one per curve, where sigma is None.
            Without it, noise in which neighbours are alike is cut to pieces.
        shortest: fewest values of a segment; 1 makes a change of every outlier.

    Raises:
        ToylabError: a curve that is not finite or too short, an unknown model, numbers out of
            range, or a curve that varies but mostly repeats its last value, so that its noise
            cannot be told: give sigma.

    Source: Jackson et al. 2005.

    Example:
        >>> noise = np.random.default_rng(1).normal(size=(2, 100))
        >>> found = change_points(noise + [np.repeat([0.0, 5.0], 50), np.zeros(100)])
        >>> np.argwhere(found.changes).tolist()  # curve, record
        [[0, 50]]
    """
    if model not in PENALTIES:
        raise ToylabError(f"change_points: model = {model!r}; {nearest(str(model), PENALTIES)}")
    least = shortest if model == "mean" else max(shortest, 2)
    check_number("change_points", "shortest", shortest, 1, whole=True)
    y = checked_curves("change_points", values, max(3, least))
    price = float(PENALTIES[model] * np.log(y.shape[-1])) if penalty is None else penalty
    check_number("change_points", "penalty", price, 0)
    flat = ~(np.ptp(y, -1) > 0)
    noise = np.where(flat, 0.0, _noise(y, model, sigma, autocorrelation, flat))
    y_QS = y.reshape(-1, y.shape[-1])
    changes_QS = _partition(_Costs(y_QS, model), noise.ravel() ** 2 * price, least)
    changes_QS &= ~flat.ravel()[:, None]
    fitted = _fit(y_QS, changes_QS, model).reshape(y.shape)
    error = ((y - fitted) ** 2).sum(-1)
    return Segments(changes_QS.reshape(y.shape), fitted, error, noise[()], price)


def _noise(
    y: np.ndarray,
    model: Literal["mean", "line"],
    sigma: ArrayLike | None,
    phi: ArrayLike,
    flat: np.ndarray,
) -> Float[np.ndarray, "*lead"]:
    """Noise of every curve, given or told by its steps."""
    if sigma is not None:
        given = np.asarray(sigma, np.float64)
        for value in given.ravel():
            check_number("change_points", "sigma", value, above=0)
        return np.broadcast_to(given, flat.shape)
    told = noise_level(y, phi, model)
    untold = ~(flat | (told > 0))
    if untold.any():
        how = "repeat the one before" if model == "mean" else "lie on a line with those beside them"
        raise ToylabError(
            f"change_points: most values{where(untold)} {how}, so that the noise cannot be told; "
            "give sigma > 0."
        )
    return told


def _partition(
    costs: "_Costs", price_Q: Float[np.ndarray, " Q"], least: int
) -> Bool[np.ndarray, "Q S"]:
    """First records of the later segments of each curve's cheapest split."""
    count, size = costs.shape
    best = np.full((count, size + 1), np.inf)
    best[:, 0] = -price_Q  # the first segment is no change
    start = np.zeros((count, size + 1), int)
    rows = np.arange(count)
    for end in range(least, size + 1):
        starts = np.arange(end - least + 1)
        total = best[:, starts] + costs.of(starts, end) + price_Q[:, None]
        start[:, end] = total.argmin(1)
        best[:, end] = total[rows, start[:, end]]
    changes_QS = np.zeros((count, size), bool)
    end_Q = start[:, size]
    while end_Q.any():
        changes_QS[rows[end_Q > 0], end_Q[end_Q > 0]] = True
        end_Q = start[rows, end_Q]
    return changes_QS


class _Costs:
    """Squared error of the best mean or line of any segment of every curve, from running sums."""

    def __init__(self, y_QS: np.ndarray, model: str) -> None:
        self.shape = y_QS.shape
        y_QS = y_QS - y_QS.mean(1, keepdims=True)  # fewer digits are lost to the sums
        x_S = np.arange(y_QS.shape[1]) - (y_QS.shape[1] - 1) / 2
        run = lambda a: np.pad(np.cumsum(a, -1), [(0, 0)] * (a.ndim - 1) + [(1, 0)])
        self.y, self.yy, self.xy = run(y_QS), run(y_QS**2), run(x_S * y_QS)
        self.x, self.xx = run(x_S), run(x_S**2)
        self.lines = model == "line"

    def of(self, starts: np.ndarray, end: int) -> np.ndarray:
        """Return the costs of the segments [start, end), (Q, starts)."""
        count = end - starts
        part = lambda run: run[..., end : end + 1] - run[..., starts]
        y = part(self.y)
        cost = part(self.yy) - y**2 / count
        if self.lines:
            spread = part(self.xx) - part(self.x) ** 2 / count
            shared = part(self.xy) - part(self.x) * y / count
            cost = cost - shared**2 / np.where(count > 1, spread, np.inf)
        return np.maximum(cost, 0)


def _fit(y_QS: np.ndarray, changes_QS: np.ndarray, model: str) -> np.ndarray:
    """Mean or line of every segment at its records."""
    count, size = y_QS.shape
    segment = (np.cumsum(changes_QS, 1) + size * np.arange(count)[:, None]).ravel()
    x = np.tile(np.arange(size, dtype=np.float64), count)
    y = y_QS.ravel()
    total = lambda values: np.bincount(segment, values)[segment]
    records = np.bincount(segment)[segment]
    fitted = total(y) / records
    if model == "line":
        x = x - total(x) / records
        spread = total(x * x)
        fitted = fitted + total(x * y) / np.where(records > 1, spread, np.inf) * x
    return fitted.reshape(y_QS.shape)
