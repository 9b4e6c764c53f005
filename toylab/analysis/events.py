"""What happens on curves over training, and whether it happens at a network's own times.

A curve of one unit is compared with itself at the times of the others: what all curves do alike, as
learning does, is then no evidence. Shapes: P units, S records, X numbers at a record.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

Curve = Float[np.ndarray, "P S"]


def fall_rate(curve_PS: Curve, step_S: np.ndarray, half: int) -> Curve:
    """Rate at which a positive curve falls, ``-d log(curve) / d step``, over ``2 half`` records.

    Near the ends the window is cut.

    Example:
        >>> fall_rate(np.exp(-np.arange(5.0))[None], np.arange(5), half=1).round(6).tolist()
        [[1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    low, high = _window(len(step_S), half)
    span_S = (step_S[high] - step_S[low]).astype(np.float64)
    log_PS = np.log(curve_PS.astype(np.float64))
    return (log_PS[:, low] - log_PS[:, high]) / span_S


def moves(values_PSX: Float[np.ndarray, "P S X"], half: int) -> Curve:
    """How far all numbers move in a window, ``sum_x |v_x(k + half) - v_x(k - half)|``."""
    low, high = _window(values_PSX.shape[1], half)
    return np.abs(values_PSX[:, high] - values_PSX[:, low]).sum(-1)


def _window(length: int, half: int) -> tuple[np.ndarray, np.ndarray]:
    place_S = np.arange(length)
    return np.maximum(place_S - half, 0), np.minimum(place_S + half, length - 1)


def jumps(
    values_SX: Float[np.ndarray, "S X"], half: int, least: float, start: int = 0
) -> list[tuple[int, int]]:
    """Record and number of every jump, by record: a move of ``least`` within ``2 half`` records.

    The record is the middle of the move. Of overlapping moves of a number the greatest counts.

    Args:
        values_SX: the numbers of one unit.
        half: half the window, in records.
        least: least change over the window.
        start: first record at which the middle of a jump may lie.
    """
    found = []
    for x, value_S in enumerate(values_SX.T):
        change_S = np.zeros(len(value_S))
        middle = np.arange(max(start, half), len(value_S) - half)
        change_S[middle] = np.abs(value_S[middle + half] - value_S[middle - half])
        while len(value_S) and change_S.max() >= least:
            k = int(change_S.argmax())
            found.append((k, x))
            change_S[max(k - 2 * half, 0) : k + 2 * half + 1] = 0
    return sorted(found)


def settled(values_PSX: np.ndarray, tolerance: float) -> Int[np.ndarray, " P"]:
    """First record from which all numbers stay within a tolerance of their end; S for none.

    The end is the mean over the last fifth of the records.

    Args:
        values_PSX: (P, S) or more axes, all of which must settle.
        tolerance: greatest distance from the end.
    """
    values = values_PSX.reshape(*values_PSX.shape[:2], int(np.prod(values_PSX.shape[2:])))
    end = values[:, -max(1, values.shape[1] // 5) :].mean(1, keepdims=True)
    off_PS = ~(np.abs(values - end) <= tolerance).all(-1)  # NaN is nowhere near
    back_P = np.argmax(off_PS[:, ::-1], axis=1)
    return np.where(off_PS.any(1), values.shape[1] - back_P, 0)


def dip(
    rate_PS: Curve, first_P: Int[np.ndarray, " P"], last_P: Int[np.ndarray, " P"]
) -> Float[np.ndarray, " P"]:
    """Least rate between two records, over the lesser rate at the two; NaN if out of order."""
    depth_P = np.full(len(rate_PS), np.nan)
    for p, (rate_S, a, b) in enumerate(zip(rate_PS, first_P, last_P, strict=True)):
        if a < b and min(rate_S[a], rate_S[b]) > 0:
            depth_P[p] = rate_S[a : b + 1].min() / min(rate_S[a], rate_S[b])
    return depth_P


def peak(rate_S: Float[np.ndarray, " S"], places: Int[np.ndarray, " K"], shift: int) -> float:
    """Mean rate at some records, over that ``shift`` records before and after them.

    A trend cancels; above 1 the curve falls faster there than around. NaN without records.
    """
    around = np.clip(np.concatenate([places - shift, places + shift]), 0, len(rate_S) - 1)
    if not len(places) or rate_S[around].mean() <= 0:
        return np.nan
    return float(rate_S[places].mean() / rate_S[around].mean())


def peaks(
    rate_PS: Curve, places_P: Sequence[Int[np.ndarray, " K"]], shift: int
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Peak of each unit's rate at its own records, and at those of all other units.

    Args:
        rate_PS: a curve per unit.
        places_P: records at which something happens, per unit.
        shift: see :func:`peak`.
    """
    own_P, others_P = np.full((2, len(rate_PS)), np.nan)
    for p, rate_S in enumerate(rate_PS):
        others = [t for q, t in enumerate(places_P) if q != p]
        own_P[p] = peak(rate_S, places_P[p], shift)
        others_P[p] = peak(rate_S, np.concatenate([*others, np.zeros(0, int)]), shift)
    return own_P, others_P


def own_and_others(
    table_PP: Float[np.ndarray, "P P"],
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Value of each unit with itself, and its mean with all other units that have one.

    The mean of none is NaN.

    Args:
        table_PP: at [p, q] what unit p shows at the times, or beside the curve, of unit q.

    Example:
        >>> own_and_others(np.array([[5.0, 1.0, 3.0], [0.0, 5.0, 2.0], [1.0, 1.0, 5.0]]))[1]
        array([2., 1., 1.])
    """
    counts_PP = np.isfinite(table_PP) & ~np.eye(len(table_PP), dtype=bool)
    total_P, count_P = np.where(counts_PP, table_PP, 0.0).sum(1), counts_PP.sum(1)
    others_P = np.full(len(table_PP), np.nan)
    return np.diagonal(table_PP), np.divide(total_P, count_P, out=others_P, where=count_P > 0)
