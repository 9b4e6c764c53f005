"""Readings as expressions: arithmetic, tests and functions, unit by unit."""

import dataclasses
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError
from toylab.read.values import (
    FLAG,
    SEED,
    STATES,
    Measures,
    Unit,
    Values,
    clean,
    flagged,
    names,
    need,
    settled,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """An expression over stored tables with one value per unit; see the module.

    Args:
        unit: names of the columns that name a unit.
        take: from a run's measures to a frame of the unit's columns, ``value`` and ``state``.
    """

    unit: tuple[str, ...]
    take: Callable[[Measures], pl.DataFrame]

    def __call__(self, measures: Measures) -> Values:
        """Return the values of a run.

        Raises:
            ToylabError: a table or a column is missing, or a unit is named twice.
        """
        found = self.take(clean(measures))
        return Values(settled(found, self.unit), found.schema["value"] == pl.Boolean)

    def map(self, function: Callable[..., np.ndarray], *others: "Reading | float") -> "Reading":
        """Return ``function`` of this reading and others, unit by unit, on whole arrays."""
        return combine(function, self, *others)

    def where(self, test: "Reading") -> "Reading":
        """Keep the units for which a reading is not 0, as a comparison is; exclude the others."""
        together = _operands((self, test))

        def take(m: Measures) -> pl.DataFrame:
            frame = _joined(together, m)
            failed = (pl.col("state") == "value") & (pl.col("value_1").cast(pl.Float64) == 0)
            state = pl.when(failed).then(pl.lit("excluded")).otherwise(pl.col("state"))
            return frame.select(*self.unit, value="value_0", state=state)

        return Reading(self.unit, take)

    def __add__(self, other: "Reading | float") -> "Reading":
        return combine(operator.add, self, other)

    def __radd__(self, other: float) -> "Reading":
        return combine(operator.add, other, self)

    def __sub__(self, other: "Reading | float") -> "Reading":
        return combine(operator.sub, self, other)

    def __rsub__(self, other: float) -> "Reading":
        return combine(operator.sub, other, self)

    def __mul__(self, other: "Reading | float") -> "Reading":
        return combine(operator.mul, self, other)

    def __rmul__(self, other: float) -> "Reading":
        return combine(operator.mul, other, self)

    def __truediv__(self, other: "Reading | float") -> "Reading":
        return combine(operator.truediv, self, other)

    def __rtruediv__(self, other: float) -> "Reading":
        return combine(operator.truediv, other, self)

    def __neg__(self) -> "Reading":
        return combine(operator.neg, self)

    def __abs__(self) -> "Reading":
        return combine(np.abs, self)

    def __ge__(self, other: "Reading | float") -> "Reading":
        return combine(operator.ge, self, other)

    def __gt__(self, other: "Reading | float") -> "Reading":
        return combine(operator.gt, self, other)

    def __le__(self, other: "Reading | float") -> "Reading":
        return combine(operator.le, self, other)

    def __lt__(self, other: "Reading | float") -> "Reading":
        return combine(operator.lt, self, other)

    def __and__(self, other: "Reading") -> "Reading":
        return combine(np.logical_and, self, other)


def reading(unit: Unit = SEED) -> Callable[[Callable[[Measures], pl.DataFrame]], Reading]:
    """Make a reading of a function, for what no expression over rows says.

    The function takes the measures and returns a frame of the unit's columns and ``value``, null or
    NaN where it is undefined; it may add ``state`` or a boolean column ``diverged``.

    Args:
        unit: column, or columns, that name a unit.
    """
    unit = names(unit)

    def make(function: Callable[[Measures], pl.DataFrame]) -> Reading:
        def take(m: Measures) -> pl.DataFrame:
            frame = flagged(function(m), m, ())
            for column in (*unit, "value"):
                need(frame, column, function.__name__)
            state = pl.col("state") if "state" in frame.columns else pl.lit("value")
            state = pl.when(FLAG).then(pl.lit("diverged")).otherwise(state)
            return frame.select(*unit, "value", state=state)

        return Reading(unit, take)

    return make


def combine(
    function: Callable[..., Any], *operands: Reading | float, picks: Sequence[int] = ()
) -> Reading:
    """Return a function of readings and numbers, unit by unit.

    Args:
        function: takes an array of values per operand and returns an array.
        *operands: readings of one unit, and numbers.
        picks: places of the operands whose values the function hands on. Where all of these say if
            something is so, as a comparison does, the result does.

    Raises:
        ToylabError: two readings of different units.
    """
    operands = _operands(operands)
    unit = next(r.unit for r in operands if isinstance(r, Reading))

    def take(m: Measures) -> pl.DataFrame:
        frame = _joined(operands, m)
        live = frame["state"].to_numpy() == "value"
        given = [frame[f"value_{i}"] for i in range(len(operands))]
        columns = [values.cast(pl.Float64).to_numpy()[live] for values in given]
        with np.errstate(all="ignore"):  # what is not finite becomes undefined
            made = np.asarray(function(*columns))
        values = np.full(len(frame), np.nan)
        values[live] = made
        series = pl.Series("value", values)
        if made.dtype == bool or (picks and all(given[i].dtype == pl.Boolean for i in picks)):
            series = series.fill_nan(None).cast(pl.Boolean)
        return frame.select(*unit, series, "state")

    return Reading(unit, take)


def greatest(*readings: Reading | float) -> Reading:
    """Return the greatest of several readings, unit by unit."""
    each = range(len(readings))
    return combine(lambda *columns: functools.reduce(np.maximum, columns), *readings, picks=each)


def least(*readings: Reading | float) -> Reading:
    """Return the least of several readings, unit by unit."""
    each = range(len(readings))
    return combine(lambda *columns: functools.reduce(np.minimum, columns), *readings, picks=each)


def choose(test: Reading, yes: Reading | float, no: Reading | float) -> Reading:
    """Return one reading where a test holds and another where it does not."""
    return combine(lambda t, a, b: np.where(t != 0, a, b), test, yes, no, picks=(1, 2))


def _operands(operands: Sequence[Reading | float]) -> tuple[Reading | float, ...]:
    units = [r.unit for r in operands if isinstance(r, Reading)]
    for other in units[1:]:
        if other != units[0]:
            name = lambda unit: ", ".join(unit)
            raise ToylabError(
                f"Two readings of different units: one per {name(units[0])}, one per "
                f"{name(other)}; read both per the same unit."
            )
    return tuple(operands)


def _joined(operands: Sequence[Reading | float], m: Measures) -> pl.DataFrame:
    """Join readings on their unit: ``value_0``, ``value_1``, ..., and the gravest state."""
    unit = next(r.unit for r in operands if isinstance(r, Reading))
    parts = [
        _settled(r, m).rename({"value": f"value_{i}", "state": f"state_{i}"})
        for i, r in enumerate(operands)
        if isinstance(r, Reading)
    ]
    frame = parts[0]
    for part in parts[1:]:
        frame = frame.join(part, on=unit, how="full", coalesce=True, maintain_order="left_right")
    states = [c for c in frame.columns if c.startswith("state_")]
    rank = {state: i for i, state in enumerate(STATES)}
    ranks = [pl.col(c).fill_null("undefined").replace_strict(rank) for c in states]
    worst = pl.max_horizontal(ranks).replace_strict(dict(enumerate(STATES)))
    numbers = {
        f"value_{i}": pl.lit(float(r)) for i, r in enumerate(operands) if not isinstance(r, Reading)
    }
    return frame.with_columns(state=worst, **numbers)


def _settled(reading: Reading, m: Measures) -> pl.DataFrame:
    """A reading by its units; what says if something is so stays of that type."""
    taken = reading.take(m)
    kind = pl.Boolean if taken.schema["value"] == pl.Boolean else pl.Float64
    return settled(taken, reading.unit).with_columns(pl.col("value").cast(kind))
