"""When does it happen: times to an event, with members for which it did not happen yet.

A member that has not generalised when the run ends did not generalise "at infinity", nor may
it be left out: its time is *at least* the length of the run (right-censored). The same goes
for a member that died on the way. Means over the members that made it are too early; the
estimates here are not.
"""

from typing import Literal, NamedTuple

import numpy as np
import scipy  # its submodules load when first used
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number, nearest
from toylab.stats.bootstrap import Interval


class SurvivalCurve(NamedTuple):
    """A Kaplan-Meier curve: share of members without the event after each of its times.

    Attributes:
        time: T times, events and censorings, ascending.
        survival: S(t) just after each time.
        low, high: ends of the interval around it.
        at_risk: members without event or censoring just before each time.
    """

    time: Float[np.ndarray, " T"]
    survival: Float[np.ndarray, " T"]
    low: Float[np.ndarray, " T"]
    high: Float[np.ndarray, " T"]
    at_risk: np.ndarray


class LogRank(NamedTuple):
    """Log-rank test: z, positive where the first group's events come early, two-sided p."""

    statistic: float
    p: float


def crossing_times(
    steps_S: Float[ArrayLike, " S"],
    values_PS: Float[ArrayLike, "P S"],
    threshold: float,
    hold: int = 1,
    direction: Literal["above", "below"] = "above",
) -> tuple[Float[np.ndarray, " P"], Bool[np.ndarray, " P"]]:
    """Find, per member, the first step at which its curve crosses a threshold and stays.

    Args:
        steps_S: ascending recorded steps.
        values_PS: one curve per member; NaN from the step at which it diverged.
        threshold: reached when ``value >= threshold`` ("above") or ``<=`` ("below").
        hold: recorded steps in a row the value must stay there; the first of them counts.
        direction: "above" or "below".

    Returns:
        ``time_P``, ``event_P``: the step of the crossing and True, or the last step at which
        the member was finite without it and False.
    """
    steps, values = np.asarray(steps_S, np.float64), np.asarray(values_PS, np.float64)
    if values.ndim != 2 or values.shape[1:] != steps.shape or not len(steps):
        raise ToylabError(f"crossing_times: {steps.shape} steps against {values.shape} values.")
    if np.any(np.diff(steps) <= 0):
        raise ToylabError("crossing_times: the steps do not ascend; sort the curves by step.")
    if direction not in ("above", "below"):
        hint = nearest(str(direction), ("above", "below"))
        raise ToylabError(f"crossing_times: no direction {direction!r}; {hint}")
    check_number("crossing_times", "hold", hold, 1, whole=True)
    reached = values >= threshold if direction == "above" else values <= threshold
    last = np.where(np.isnan(values), 0, np.arange(len(steps))).max(axis=1)
    if hold > len(steps):
        return steps[last], np.zeros(len(values), bool)
    windows = np.lib.stride_tricks.sliding_window_view(reached, hold, axis=1)
    held = np.asarray(windows.all(axis=-1))
    event = np.asarray(np.any(held, axis=-1))
    return steps[np.where(event, held.argmax(axis=1), last)], event


def survival_curve(
    time: Float[ArrayLike, " n"],
    event: Bool[ArrayLike, " n"],
    level: float = 0.95,
    transform: Literal["log-log", "linear"] = "log-log",
) -> SurvivalCurve:
    """Estimate the survival function with censoring, after Kaplan and Meier.

    S(t) is the product over event times up to t of 1 - d/n, with d events among n at risk; its
    variance is S^2 times the sum of d / (n (n - d)) (Greenwood).

    Args:
        time: time of the event or of the censoring, per member.
        event: True where the event was seen.
        level: confidence level of the interval at each time.
        transform: the interval is normal on log(-log S), which keeps it in [0, 1] and is good
            for few members, or on S itself ("linear", clipped).

    Returns:
        The curve at every distinct time. Where S is 0 Greenwood's variance is undefined: low
        is 0 and high stays at its last value.

    Source: Kaplan and Meier 1958; Kalbfleisch and Prentice 2002, section 1.4, for log-log.
    """
    time_N, event_N = _checked(time, event)
    times, count_T, events_T = _tally(time_N, event_N)
    at_risk = len(time_N) - np.concatenate([[0], np.cumsum(count_T)[:-1]]).astype(int)
    survival = np.cumprod(1 - events_T / at_risk)
    left = np.maximum(at_risk - events_T, 1)  # 1 where nobody is left: S is 0 there
    variance = np.cumsum(events_T / (at_risk * left))
    z = scipy.special.ndtri((1 + level) / 2)
    low, high = survival.copy(), survival.copy()
    inside = (survival > 0) & (survival < 1)
    s, root = survival[inside], np.sqrt(variance[inside])
    if transform == "linear":
        low[inside], high[inside] = s - z * s * root, s + z * s * root
    else:
        width = z * root / np.log(s)
        low[inside], high[inside] = s ** np.exp(-width), s ** np.exp(width)
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    gone = survival <= 0
    if gone.any():
        first = int(np.argmax(gone))
        low[gone], high[gone] = 0.0, high[first - 1] if first else 1.0
    return SurvivalCurve(times, survival, low, high, at_risk)


def median_time(
    time: Float[ArrayLike, " n"], event: Bool[ArrayLike, " n"], level: float = 0.95
) -> Interval:
    """Median time to the event, with the times at which the curve's interval holds 1/2.

    Args:
        time: time of the event or of the censoring, per member.
        event: True where the event was seen.
        level: confidence level.

    Returns:
        Estimate, low, high; infinite where the curve (or its upper end) never falls to 1/2,
        NaN without members.

    Source: Brookmeyer and Crowley 1982.
    """
    if not np.size(time):
        return Interval(np.nan, np.nan, np.nan)
    curve = survival_curve(time, event, level)
    # Products of fractions miss 1/2 by rounding.
    reached = [np.flatnonzero(s <= 0.5 + 1e-12) for s in (curve.survival, curve.low, curve.high)]
    return Interval(*(float(curve.time[r[0]]) if len(r) else np.inf for r in reached))


def log_rank(
    time_a: Float[ArrayLike, " n"],
    event_a: Bool[ArrayLike, " n"],
    time_b: Float[ArrayLike, " m"],
    event_b: Bool[ArrayLike, " m"],
) -> LogRank:
    """Test whether two groups have the same survival function.

    z = (O - E) / sqrt(V): events seen in the first group against those expected from its share
    of the members at risk, with the hypergeometric variance, summed over event times.

    Args:
        time_a: times of the first group.
        event_a: True where its event was seen.
        time_b: times of the second group.
        event_b: likewise.

    Returns:
        z and its two-sided p by the normal law (a little too small for few members); 0 and 1
        where no time distinguishes the groups.

    Source: Mantel 1966.
    """
    (a_N, seen_a), (b_N, seen_b) = _checked(time_a, event_a), _checked(time_b, event_b)
    times = np.unique(np.concatenate([a_N[seen_a], b_N[seen_b]]))
    risk_a = np.sum(a_N[None, :] >= times[:, None], axis=1)
    risk = risk_a + np.sum(b_N[None, :] >= times[:, None], axis=1)
    observed_a = np.sum((a_N[None, :] == times[:, None]) & seen_a, axis=1)
    observed = observed_a + np.sum((b_N[None, :] == times[:, None]) & seen_b, axis=1)
    share = risk_a / risk
    spread = observed * share * (1 - share) * (risk - observed) / np.maximum(risk - 1, 1)
    if np.sum(spread) <= 0:
        return LogRank(0.0, 1.0)
    z = float(np.sum(observed_a - observed * share) / np.sqrt(np.sum(spread)))
    return LogRank(z, float(2 * scipy.special.ndtr(-abs(z))))


def _tally(time_N: np.ndarray, event_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct times, the members that leave at each, and the events among them."""
    times, index_N, count_T = np.unique(time_N, return_inverse=True, return_counts=True)
    return times, count_T, np.bincount(index_N, weights=event_N, minlength=len(times))


def _checked(time: ArrayLike, event: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return times and events as arrays, one of each per member."""
    time_N, event_N = np.asarray(time, np.float64), np.asarray(event)
    if not np.isin(event_N, (0, 1)).all():
        wrong = event_N[~np.isin(event_N, (0, 1))].ravel()[0]
        raise ToylabError(f"survival: events hold {wrong}; give True where one was seen, or False.")
    event_N = event_N.astype(bool)
    if time_N.ndim != 1 or time_N.shape != event_N.shape or np.isnan(time_N).any():
        raise ToylabError(
            f"survival: {time_N.shape} times and {event_N.shape} events; give one number and "
            "one True or False per member (a diverged member is censored, not NaN)."
        )
    return time_N, event_N
