"""Where a curve bends in the logarithm of context: one segment against two, and crossings."""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Break(NamedTuple):
    """One segment against two, joined at a break point.

    Attributes:
        delta_bic: BIC of one segment less BIC of two; above 10 is strong evidence for two.
        at: place of the break.
        before, after: slopes per e-fold of context.
    """

    delta_bic: float
    at: float
    before: float
    after: float


def bins(length: int, count: int) -> np.ndarray:
    """Edges of at most ``count`` log-spaced bins of places 1 to ``length - 1``, for ``binned``."""
    return np.unique(np.round(np.geomspace(1, length, count + 1)).astype(int))


def binned(values_L: Float[np.ndarray, " L"], edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean place and mean value of every bin of places ``edges[i] <= t < edges[i + 1]``."""
    cuts = list(itertools.pairwise(edges))
    places = np.array([np.mean(np.arange(a, b)) for a, b in cuts])
    return places, np.array([values_L[a:b].mean() for a, b in cuts])


def rising_part(values_T: Float[np.ndarray, " T"], share: float = 0.9) -> slice:
    """Points up to the first that reaches a share of the last height, so before saturation."""
    return slice(0, int(np.argmax(values_T >= share * values_T[-1])) + 1)


def two_segments(places_T: Float[np.ndarray, " T"], values_T: Float[np.ndarray, " T"]) -> Break:
    """Fit ``y = a + b x`` and ``y = a + b x + c max(0, x - k)`` with x = log t, by least squares.

    ``BIC = T log(RSS / T) + q log T`` with q = 2 and 4; k is tried at 200 places between the
    second point and the last but one. NaN with fewer than six points.

    Source: Schwarz 1978 for BIC.
    """
    x, y = np.log(places_T), values_T
    if len(x) < 6:
        return Break(np.nan, np.nan, np.nan, np.nan)
    ones = np.ones_like(x)
    solve = lambda design: np.linalg.lstsq(design, y, rcond=None)[0]
    rss = lambda design: float(np.sum((design @ solve(design) - y) ** 2))
    knots = np.linspace(x[1], x[-2], 200)
    hinge = lambda k: np.stack([ones, x, np.maximum(0, x - k)], 1)
    found = [rss(hinge(k)) for k in knots]
    best = knots[int(np.argmin(found))]
    floor = 1e-12 * len(x)  # of a fit without error
    bic = lambda error, q: len(x) * np.log((error + floor) / len(x)) + q * np.log(len(x))
    gain = bic(rss(np.stack([ones, x], 1)), 2) - bic(min(found), 4)
    _, b, c = solve(hinge(best))
    return Break(float(gain), float(np.exp(best)), float(b), float(b + c))


def crossing(
    places_T: Float[np.ndarray, " T"], values_T: Float[np.ndarray, " T"], level: float
) -> float:
    """Place at which a curve first reaches a level, interpolated in the logarithm of the place.

    NaN where it never does; the first place where it begins above.
    """
    reached = values_T >= level
    if not reached.any():
        return float("nan")
    i = int(np.argmax(reached))
    if i == 0:
        return float(places_T[0])
    share = (level - values_T[i - 1]) / (values_T[i] - values_T[i - 1])
    low, high = np.log(places_T[i - 1]), np.log(places_T[i])
    return float(np.exp(low + share * (high - low)))


def power_law(n_G: Float[np.ndarray, " G"], places_G: Float[np.ndarray, " G"]):
    """Exponent and R^2 of ``t = c n^exponent``, by least squares of logarithms; NaN with gaps."""
    x, y = np.log(n_G), np.log(places_G)
    if not np.isfinite(y).all() or np.ptp(y) == 0:
        return float("nan"), float("nan")
    slope, offset = np.polyfit(x, y, 1)
    left = np.sum((y - offset - slope * x) ** 2) / np.sum((y - y.mean()) ** 2)
    return float(slope), float(1 - left)
