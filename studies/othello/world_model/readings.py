"""Readings of the study ``world_model``: per unit of the network, per seed of the small ones."""

import polars as pl

from toylab.read import Measures, Reading, reading, table
from toylab.read.rows import Rows

VALUE, CONTROL = pl.col("name") == "value", pl.col("name") != "value"


def rows(criterion: str, *parts: str) -> Rows:
    """The network's numbers of a test, or of some of its parts: part, name, unit, value."""
    found = table("units", of="main").filter(criterion=criterion)
    return found.filter(part=parts) if parts else found


def value(criterion: str, *parts: str) -> Reading:
    """The value of a test; of several parts, that of the least mean, or one without any value."""
    values = rows(criterion, *parts).filter(VALUE)
    worst = lambda m: _extreme(values.rows(m), "part")
    return values.filter(lambda m: pl.col("part") == worst(m)).value("value", unit="unit")


def margin(criterion: str) -> Reading:
    """Value minus the best control, unit by unit; of several parts, the one of least mean."""

    @reading("unit")
    def least(m: Measures) -> pl.DataFrame:
        parts = rows(criterion).rows(m).group_by("part", maintain_order=True)
        margins = pl.concat([_margin(part) for _, part in parts])
        return margins.filter(pl.col("part") == _extreme(margins, "part"))

    return least


def _margin(part: pl.DataFrame) -> pl.DataFrame:
    controls = part.filter(CONTROL)
    best = controls.filter(pl.col("name") == _extreme(controls, "name", greatest=True))
    both = part.filter(VALUE).join(best.select("unit", control="value"), on="unit")
    return both.with_columns(value=pl.col("value") - pl.col("control")).drop("control")


def _extreme(frame: pl.DataFrame, column: str, greatest: bool = False) -> str | None:
    """Group whose mean value is the least, one without values first; or the greatest."""
    means = frame.group_by(column).agg(pl.col("value").mean()).sort("value", column)
    return None if means.is_empty() else means[column][-1 if greatest else 0]


def spurious() -> Reading:
    """Share of the error that the more successful of the control edits repairs, case by case."""
    controls = rows("T6").filter(CONTROL)
    best = lambda m: _extreme(controls.rows(m), "name", greatest=True)
    return controls.filter(lambda m: pl.col("name") == best(m)).value("value", unit="unit")


def changes(criterion: str = "T7") -> Reading:
    """Change between prefixes of one state over that between different states, pair by pair.

    Of outputs and patched outputs the one with the greater mean, each over the mean of its least
    control.
    """

    @reading("unit")
    def greatest(m: Measures) -> pl.DataFrame:
        found = rows(criterion, "outputs", "patched outputs").rows(m)
        lowest = found.filter(CONTROL).group_by("part", "name").agg(pl.col("value").mean())
        lowest = lowest.group_by("part").agg(lowest=pl.col("value").min())
        equal = found.filter(VALUE).join(lowest, on="part", maintain_order="left")
        shares = equal.with_columns(pl.col("value") / pl.col("lowest")).drop("lowest")
        return shares.filter(pl.col("part") == _extreme(shares, "part", greatest=True))

    return greatest


def by_seed(
    criterion: str, part: str | None = None, minus: str | None = None, name: str = "value"
) -> Reading:
    """Mean of a test's value, or of a control, per small network: the least over its parts.

    Args:
        criterion: T1 to T8.
        part: a part of the test; all by default.
        minus: a control to subtract.
        name: the control to read in place of the value.
    """
    means = table("means").filter(population="small", criterion=criterion)
    means = means if part is None else means.filter(part=part)

    def of_parts(frame: pl.DataFrame) -> pl.DataFrame:
        mean = lambda name: pl.col("mean").filter(pl.col("name") == name).first()
        number = mean(name) if minus is None else mean(name) - mean(minus)
        keys = ("population", "init_seed", "part")
        return frame.group_by(keys, maintain_order=True).agg(number.alias("number"))

    return means.then(of_parts).aggregate(pl.col("number").min())


def _build_up(frame: pl.DataFrame) -> float | None:
    first = pl.col("accuracy").filter(pl.col("layer") == 0).first()
    gains = frame.group_by("label").agg(gain=pl.col("accuracy").max() - first)
    real, wrong = gains.filter(label="real"), gains.filter(pl.col("label") != "real")
    return real["gain"][0] - wrong["gain"].max()


# Accuracy gained over the layers on the real board, minus the most on any wrong one.
build_up = (
    table("layers")
    .filter(pl.col("label") != "renamed", population="small", feature="activations")
    .each(_build_up)
)
