"""Readings of the study ``superposition_phase``, one value per group of seeds."""

import polars as pl

from toylab.read import Reading, Rows, greatest, table
from toylab.tasks.superposition.superposition_phase import superposition_boundary

GROUP = "group"
SIZES = {"n2": 2, "n3": 3}  # features, in one dimension less
ASIDE = (pl.col("importance") <= 0.5) | (pl.col("importance") >= 2)  # of the triple point
IMPORTANT = pl.col("importance") >= 1.25
ONSET = pl.col("onset") / pl.col("theory")  # measured over predicted density


def off_band(n: str) -> Rows:
    """Cells of which no neighbour has another phase in theory."""
    return table(n).filter(~pl.col("band"))


def agreement(n: str) -> Reading:
    """Share of cells off the band in which the best of the seeds is in the phase of theory."""
    return off_band(n).mean(pl.col("phase") == pl.col("theory"), GROUP)


def blind_agreement(n: str) -> Reading:
    """The same of untrained networks, or of one phase everywhere, whichever is greater."""
    one_phase = [off_band(n).mean(pl.col("theory") == phase, GROUP) for phase in range(3)]
    return greatest(off_band(n).mean("untrained_right", GROUP), *one_phase)


def columns(n: str) -> Rows:
    """Columns of the grid, one per importance, with the onset that the candidates predict."""
    predicted = lambda rows: rows.with_columns(
        theory=superposition_boundary(rows["importance"], SIZES[n])
    )
    return table("columns").filter(n=n).then(predicted)


def nearest_to(n: str, ratio: float, count: int) -> Rows:
    """The columns of the ``count`` importances nearest to a ratio, on the log axis."""
    distance = (pl.col("importance") / ratio).log().abs()
    return columns(n).filter(distance.rank("dense").over(GROUP) <= count)


def gap(n: str) -> Reading:
    """Mean over cells of the relative distance of the best loss from the exact optimum."""
    return columns(n).mean("gap", GROUP)
