"""The values of a reading, and how its units come to be without one."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError, nearest

SEED = "init_seed"
STATES = ("value", "undefined", "excluded", "diverged")  # from the least grave to the gravest
DIVERGED = "diverged"  # column of a table, and name of the run's table of diverged members
KEPT, FLAG = "_kept", "_diverged"  # columns that rows carry on the way
Measures = Mapping[str, Any]
Unit = str | Sequence[str]


@dataclasses.dataclass(frozen=True)
class Values:
    """A reading of one run.

    Attributes:
        frame: the unit's columns, ``value`` (null unless the state is "value") and ``state``.
        outcome: whether each value says if something is so, as a comparison does: 1 or 0.
    """

    frame: pl.DataFrame
    outcome: bool = False

    @property
    def values(self) -> np.ndarray:
        """The numbers of the units that have one, in the order of the units."""
        return self.frame["value"].cast(pl.Float64).drop_nulls().to_numpy()

    def array(self) -> np.ndarray:
        """One number per unit, NaN where there is none."""
        return self.frame["value"].to_numpy().astype(np.float64)

    def count(self, state: str) -> int:
        """The number of units in a state."""
        return int((self.frame["state"] == state).sum())

    def __len__(self) -> int:
        return self.frame.height


class clean(Mapping[str, Any]):
    """Measures as readings see them: tables with null in place of NaN, made when asked for."""

    def __init__(self, measures: Measures):
        self.raw: Measures = measures.raw if isinstance(measures, clean) else measures

    def __getitem__(self, name: str) -> Any:
        if name not in self.raw:
            raise ToylabError(f"No table {name!r} among the measures: {nearest(name, self.raw)}")
        value = self.raw[name]
        return value.fill_nan(None) if isinstance(value, pl.DataFrame) else value

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def flagged(frame: pl.DataFrame, m: Measures, of: tuple[str, ...]) -> pl.DataFrame:
    """Return rows with a column that says which are of diverged networks, unless they have it."""
    if not isinstance(frame, pl.DataFrame):
        raise ToylabError(f"A reading needs a table, not {type(frame).__name__}.")
    if FLAG in frame.columns:
        return frame
    if DIVERGED in frame.columns:
        return frame.with_columns(pl.col(DIVERGED).fill_null(False).alias(FLAG))
    lost = m[DIVERGED] if DIVERGED in m else pl.DataFrame({SEED: [], "population": []})
    if of:
        lost = lost.filter(pl.col("population").is_in(of))
    if lost.is_empty():
        return frame.with_columns(pl.lit(False).alias(FLAG))
    keys = [c for c in (SEED, "population") if c in frame.columns]
    if SEED not in keys:
        return frame.with_columns(pl.lit(True).alias(FLAG))
    lost = lost.select(pl.col(c).cast(frame.schema[c]) for c in keys).unique()
    flags = lost.with_columns(pl.lit(True).alias(FLAG))
    joined = frame.join(flags, on=keys, how="left", maintain_order="left")
    return joined.with_columns(pl.col(FLAG).fill_null(False))


def settled(frame: pl.DataFrame, unit: tuple[str, ...]) -> pl.DataFrame:
    """Sort a reading by its unit; only finite numbers are values."""
    whole = [c for c in unit if frame.schema[c].is_integer()]
    frame = frame.with_columns(pl.col("value").cast(pl.Float64), pl.col(whole).cast(pl.Int64))
    finite = pl.col("value").is_finite().fill_null(False)
    lost = (pl.col("state") == "value") & ~finite
    frame = frame.with_columns(
        state=pl.when(lost).then(pl.lit("undefined")).otherwise(pl.col("state"))
    )
    is_value = pl.col("state") == "value"
    frame = frame.with_columns(value=pl.when(is_value).then(pl.col("value")))
    if frame.select(pl.struct(unit).is_duplicated().any()).item():
        raise ToylabError(f"A reading names a unit twice: {', '.join(unit)} is not one per row.")
    return frame.select(*unit, "value", "state").sort(unit)


def names(unit: Unit) -> tuple[str, ...]:
    """Return a unit's columns as a tuple."""
    return (unit,) if isinstance(unit, str) else tuple(unit)


def need(rows: pl.DataFrame, column: str, name: str) -> None:
    """Refuse rows that lack a column."""
    if column not in rows.columns:
        known = [c for c in rows.columns if c not in (KEPT, FLAG)]
        raise ToylabError(f"Table {name!r} has no column {column!r}; {nearest(column, known)}")
