"""Readings of the study ``superposition_phase``."""

import polars as pl

from toylab.read import Reading, Rows, table
from toylab.tasks.superposition.superposition_phase import superposition_boundary

COLUMN = "importance"
SIZES = {"n2": 2, "n3": 3}  # features, in one dimension less
ASIDE = (pl.col("importance") <= 0.5) | (pl.col("importance") >= 2)
CONTROL = pl.max_horizontal("untrained", "constant")


def columns(n: str) -> Rows:
    """Columns of the grid of one size."""
    return table("columns").filter(n=n)


IMPORTANT = columns("n3").filter(pl.col("importance") >= 1.25)


def nearest_to(n: str, ratio: float, count: int) -> Rows:
    """The columns of the ``count`` importances nearest to a ratio, on the log axis."""
    distance = (pl.col("importance") / ratio).log().abs()
    return columns(n).then(lambda rows: rows.sort(distance).head(count))


def onset_over_theory(n: str, ratio: float, count: int) -> Reading:
    """Measured density of the onset over that of the candidates, near a ratio."""
    boundary = lambda rows: rows.with_columns(
        theory=superposition_boundary(rows["importance"], SIZES[n])
    )
    return (
        nearest_to(n, ratio, count).then(boundary).value(pl.col("onset") / pl.col("theory"), COLUMN)
    )
