"""Rows of a stored table, on the way to a reading."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from polars.exceptions import ColumnNotFoundError

from toylab.errors import ToylabError, nearest
from toylab.read.expressions import Reading
from toylab.read.values import FLAG, KEPT, SEED, Measures, Unit, clean, flagged, names, need

Test = pl.Expr | Callable[[Measures], pl.Expr]


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of a stored table, on the way to a reading; made by :func:`table`."""

    name: str
    of: tuple[str, ...] = ()
    steps: tuple[Callable[[pl.DataFrame, Measures], pl.DataFrame], ...] = ()
    source: Callable[[Measures], pl.DataFrame] | None = None

    def filter(self, *tests: Test, **equals: Any) -> "Rows":
        """Select the rows that a reading is about.

        Args:
            *tests: polars tests; one that depends on the measures is a function of them.
            **equals: the value of a column, or a tuple of those it may have.
        """

        def step(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
            for column, value in equals.items():
                need(rows, column, self.name)
                column = pl.col(column)
                rows = rows.filter(
                    column.is_in(value) if isinstance(value, tuple | list) else column == value
                )
            return rows.filter(*_tests(tests, m)) if tests else rows

        return self._then(step)

    def where(self, *tests: Test) -> "Rows":
        """Drop rows by their outcome: a unit left without any is excluded, not forgotten."""

        def step(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
            passed = pl.all_horizontal(*_tests(tests, m))
            kept = passed if KEPT not in rows.columns else pl.col(KEPT) & passed
            return rows.with_columns(kept.fill_null(False).alias(KEPT))

        return self._then(step)

    def last(self, column: str = "step", over: Unit = ()) -> "Rows":
        """Select the rows at the greatest value of a column, or at that of each group."""
        return self._extreme(column, over, pl.Expr.max)

    def first(self, column: str = "step", over: Unit = ()) -> "Rows":
        """Select the rows at the least value of a column, or at that of each group."""
        return self._extreme(column, over, pl.Expr.min)

    def then(self, step: Callable[..., pl.DataFrame], with_measures: bool = False) -> "Rows":
        """Change the rows as a whole: a join, new columns, a table of groups.

        Args:
            step: from the rows to other rows.
            with_measures: whether it takes the measures besides.
        """
        return self._then(step if with_measures else lambda rows, m: step(rows))

    def value(self, value: str | pl.Expr, unit: Unit = SEED) -> Reading:
        """Read a column, or an expression of columns, of the one row of each unit."""
        return self.aggregate(_expression(value).first(), unit, _one_row)

    def mean(self, value: str | pl.Expr, unit: Unit = SEED, skip: bool = False) -> Reading:
        """Read the mean over each unit's rows; see :meth:`aggregate`."""
        return self.aggregate(_expression(value).mean(), unit, skip=skip)

    def aggregate(
        self,
        value: pl.Expr,
        unit: Unit = SEED,
        check: Callable[[pl.DataFrame, tuple[str, ...], str], None] | None = None,
        *,
        skip: bool = False,
    ) -> Reading:
        """Read an aggregate of each unit's rows, such as ``pl.col("loss").max()``.

        Args:
            value: the aggregate.
            unit: column, or columns, that name a unit.
            check: called with the rows first.
            skip: leave missing entries out; otherwise a unit with one is undefined.
        """
        unit = names(unit)
        roots = value.meta.root_names()

        def take(m: Measures) -> pl.DataFrame:
            rows = self.rows(m)
            for column in (*unit, *roots):
                need(rows, column, self.name)
            kept = rows.filter(KEPT) if KEPT in rows.columns else rows
            if check:
                check(kept, unit, self.name)
            number = value
            if roots and not skip:
                lacking = pl.any_horizontal(pl.col(c).is_null().any() for c in roots)
                number = pl.when(~lacking).then(number)
            found = kept.group_by(unit, maintain_order=True).agg(number.alias("value"))
            found = found.with_columns(kept=True)
            units = rows.group_by(unit, maintain_order=True).agg(pl.col(FLAG).any())
            both = units.join(found, on=unit, how="left", maintain_order="left")
            state = pl.when("kept").then(pl.lit("value")).otherwise(pl.lit("excluded"))
            state = pl.when(FLAG).then(pl.lit("diverged")).otherwise(state)
            return both.select(*unit, "value", state=state)

        return Reading(unit, take)

    def each(self, function: Callable[[pl.DataFrame], float | None], unit: Unit = SEED) -> Reading:
        """Read ``function(rows)`` of each unit's rows; None or NaN is undefined."""
        unit = names(unit)

        def take(m: Measures) -> pl.DataFrame:
            rows = self.rows(m)
            for column in unit:
                need(rows, column, self.name)
            found = []
            for key, own in rows.group_by(unit, maintain_order=True):
                diverged = bool(own[FLAG].any())
                kept = own.filter(KEPT) if KEPT in own.columns else own
                state = "diverged" if diverged else "excluded" if kept.is_empty() else "value"
                value = function(kept) if state == "value" else None
                found.append((*key, None if value is None else float(value), state))
            schema = {c: rows.schema[c] for c in unit}
            schema |= {"value": pl.Float64(), "state": pl.String()}
            return pl.DataFrame(found, schema, orient="row")

        return Reading(unit, take)

    def rows(self, measures: Measures) -> pl.DataFrame:
        """Return the rows of a run, with null for NaN."""
        m = clean(measures)
        frame = flagged(self.source(m) if self.source else m[self.name], m, self.of)
        for step in self.steps:
            try:
                frame = flagged(step(frame, m), m, self.of)
            except ColumnNotFoundError as error:
                name = str(error).splitlines()[0].strip()
                hint = nearest(name.split('"')[1] if '"' in name else name, frame.columns)
                raise ToylabError(f"Table {self.name!r} has no column {name}; {hint}") from None
        return frame

    def _then(self, step: Callable[[pl.DataFrame, Measures], pl.DataFrame]) -> "Rows":
        return dataclasses.replace(self, steps=(*self.steps, step))

    def _extreme(self, column: str, over: Unit, best: Callable[[pl.Expr], pl.Expr]) -> "Rows":
        over = [over] if isinstance(over, str) else list(over)

        def step(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
            need(rows, column, self.name)
            kept = pl.col(KEPT) if KEPT in rows.columns else pl.lit(True)
            edge = best(pl.when(kept).then(pl.col(column)))
            at_edge = pl.col(column) == (edge.over(over) if over else edge)
            return rows.filter(~kept | at_edge)  # dropped rows tell of their units

        return self._then(step)


def table(name: str, of: str | Sequence[str] = ()) -> Rows:
    """Start a reading from a stored table.

    Args:
        name: the table's name among the study's measures.
        of: population, or populations, that its networks are of; all by default.

    Example:
        >>> m = {"ends": pl.DataFrame({"init_seed": [0, 1], "loss": [0.5, float("nan")]})}
        >>> (1 - table("ends").value("loss"))(m).array()
        array([0.5, nan])
    """
    return Rows(name, (of,) if isinstance(of, str) else tuple(of))


def as_rows(reading: Reading) -> Rows:
    """Return the values of a reading as rows, to read anew for a coarser unit.

    Units that diverged or were excluded stay so; of one without a value there is a null.

    Args:
        reading: of several columns, such as seed and width.

    Returns:
        Rows with the columns of its unit, and ``value``.

    Example:
        >>> rows = {"init_seed": [0, 0, 1, 1], "width": [8, 9, 8, 9], "gain": [1, 3, 2, 0]}
        >>> m = {"ends": pl.DataFrame(rows)}
        >>> gain = table("ends").value("gain", ("init_seed", "width"))
        >>> as_rows(2 * gain).aggregate(pl.col("value").max())(m).array()
        array([6., 4.])
    """

    def source(m: Measures) -> pl.DataFrame:
        state = pl.col("state")
        flags = {FLAG: state == "diverged", KEPT: state != "excluded"}
        return reading(m).frame.with_columns(**flags)

    return Rows("value", source=source)


def _tests(tests: Sequence[Test], m: Measures) -> list[pl.Expr]:
    return [test if isinstance(test, pl.Expr) else test(m) for test in tests]


def _expression(value: str | pl.Expr) -> pl.Expr:
    return pl.col(value) if isinstance(value, str) else value


def _one_row(rows: pl.DataFrame, unit: tuple[str, ...], name: str) -> None:
    twice = rows.filter(pl.struct(unit).is_duplicated())
    if not twice.is_empty():
        which = ", ".join(f"{c} {twice[c][0]}" for c in unit)
        raise ToylabError(
            f"Table {name!r} has several rows of {which}: filter them, or read an aggregate."
        )
