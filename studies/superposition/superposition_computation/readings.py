"""Readings of the study ``superposition_computation``, one value per seed or group of seeds."""

import polars as pl

from toylab.read import Reading, table

from .neurons import SECOND

GROUP, MODEL = "group", "seed"
BASIS, NEURONS = table("basis", of="basis"), table("neurons", of="abs")
SMALL = table("motifs").filter(part="small")
LADDER = {0.3: 6, 0.15: 7, 0.12: 7, 0.06: 8, 0.03: 10}  # features kept in the paper's figure

LIVE, SEVERAL = pl.col("live"), pl.col("second") >= SECOND  # neurons; that read several features
TOP = pl.col("top").cast(pl.Float64)  # rank of a neuron's strongest feature
POLYSEMANTIC_LATER = TOP.filter(LIVE & SEVERAL).mean() - TOP.filter(LIVE & ~SEVERAL).mean()

OFF_LADDER = BASIS.filter(density=tuple(LADDER)).mean(
    (pl.col("kept") - pl.col("density").replace_strict(LADDER, return_dtype=pl.Float64)).abs(),
    GROUP,
)


def computed_per_pair(density: float) -> Reading:
    """Features with more than half of their variance computed, per pair of neurons."""
    rows = table("computed", of="abs").filter(density=density)
    pairs = NEURONS.filter(density=density).aggregate(pl.col("neuron").len() / 2)
    return rows.aggregate((pl.col("explained") > 0.5).sum()) / pairs


def within_neurons(column: str) -> Reading:
    """Correlation of log |input| with log output weight within neurons, pooled over a seed."""
    xx, xy, yy = (pl.col(column).list.get(i).sum() for i in range(3))
    return SMALL.aggregate(xy / (xx * yy).sqrt(), MODEL)
