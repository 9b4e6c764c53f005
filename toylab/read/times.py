"""Readings of when something happens, and of what happens first, where some of it never does.

A curve that never reaches its level within a run reaches it later, or not at all: its time is *at
least* the last step (right-censored). Two times may be compared nevertheless, unless both are such.
"""

import dataclasses
from typing import Any

import numpy as np
import polars as pl

from toylab.read.expressions import Reading, combine
from toylab.read.rows import Rows
from toylab.read.values import DIVERGED, FLAG, KEPT, SEED, Unit, names
from toylab.stats.survival import crossing_times


@dataclasses.dataclass(frozen=True, eq=False)
class Times:
    """Times of an event, one per unit.

    Attributes:
        time: when it was seen, or the last step without it.
        seen: 1 where it was seen, or 0.
    """

    time: Reading
    seen: Reading


def reached(
    rows: Rows, value: str | pl.Expr, level: float, hold: int = 1, unit: Unit = SEED
) -> Times:
    """Read when a curve first reaches a level and stays for ``hold`` records, per unit.

    Args:
        rows: with a column ``step``; of each unit one row per step.
        value: the curve.
        level: to reach.
        hold: records in a row, the first of which counts.
        unit: column, or columns, that name a unit.

    Example:
        >>> from toylab.read import table
        >>> curve = pl.DataFrame({"init_seed": 0, "step": [1, 2], "right": [0.2, 0.9]})
        >>> reached(table("curve"), "right", 0.8).time({"curve": curve}).array()
        array([2.])
    """

    def step(frame: pl.DataFrame) -> pl.DataFrame:
        kept = frame.filter(KEPT) if KEPT in frame.columns else frame
        found = first_times(kept.drop(DIVERGED, strict=False), value, level, hold, unit)
        units = frame.group_by(names(unit), maintain_order=True).agg(pl.col(FLAG).any())
        both = units.join(found, on=names(unit), how="left", maintain_order="left")
        return both.with_columns(pl.col("seen").is_not_null().alias(KEPT))

    times = rows.then(step)
    return Times(times.value("time", unit), times.value("seen", unit))


def first_times(
    frame: pl.DataFrame, value: str | pl.Expr, level: float, hold: int = 1, by: Unit = SEED
) -> pl.DataFrame:
    """Return a row per group: its columns, ``time`` and ``seen``; see :func:`reached`.

    Args:
        frame: with columns ``step``, those of ``value`` and of ``by``.
        value: the curve.
        level: to reach.
        hold: records in a row.
        by: column, or columns, that name a curve; ``diverged`` is kept besides.
    """
    by = [*names(by), *([DIVERGED] if DIVERGED in frame.columns else [])]
    curve = pl.col(value) if isinstance(value, str) else value
    found = []
    for key, own in frame.sort("step").group_by(by, maintain_order=True):
        values = own.select(curve.cast(pl.Float64).alias("_value"))["_value"].to_numpy()
        time, seen = crossing_times(own["step"].to_numpy(), values[None], level, hold)
        found.append((*key, float(time[0]), bool(seen[0])))
    schema: dict[str, Any] = {c: frame.schema[c] for c in by}
    return pl.DataFrame(found, schema | {"time": pl.Float64, "seen": pl.Boolean}, orient="row")


def earliest(*times: Times) -> Times:
    """Return when the first of several events happens, censored where that is not known."""
    time = combine(lambda *t: np.minimum.reduce(t), *(t.time for t in times))
    seen = combine(_first_seen, *(r for t in times for r in (t.time, t.seen)))
    return Times(time, seen)


def _first_seen(*columns: np.ndarray) -> np.ndarray:
    time, seen = np.stack(columns[::2]), np.stack(columns[1::2]) > 0
    # At equal times one that was seen counts: the other is later.
    return np.where(seen, time, np.inf).min(0) <= time.min(0)


def lead(first: Times, second: Times) -> Reading:
    """Read by what factor one event precedes another, ``t_second / t_first``.

    Where only the second was never seen the factor is its least value, where only the first was
    not it is its greatest; where neither was it is undefined.

    Example:
        >>> from toylab.read import table
        >>> rows = {"init_seed": [0, 1, 2], "a": [50, 200, 200], "b": [200, 100, 200]}
        >>> rows |= {"saw a": [1, 0, 0], "saw b": [0, 1, 0]}
        >>> of = lambda n: Times(table("t").value(n), table("t").value(f"saw {n}"))
        >>> lead(of("a"), of("b"))({"t": pl.DataFrame(rows)}).array()
        array([4. , 0.5, nan])
    """
    return combine(_lead, first.time, first.seen, second.time, second.seen)


def _lead(
    first: np.ndarray, saw_first: np.ndarray, second: np.ndarray, saw_second: np.ndarray
) -> np.ndarray:
    return np.where((saw_first > 0) | (saw_second > 0), second / first, np.nan)
