"""Readings of the study ``superposition_computation``, one value per seed or group of seeds."""

import polars as pl

from toylab.read import SEED, Reading, Rows, table

from .neurons import SECOND

GROUP, MODEL = "group", "seed"
BASIS, DEMO = table("basis", of="basis"), table("demo", of="demo")
NEURONS, COMPUTED = table("neurons", of="abs"), table("computed", of="abs")
MOTIFS = table("motifs")
SMALL = MOTIFS.filter(part="small")
LADDER = {0.3: 6, 0.15: 7, 0.12: 7, 0.06: 8, 0.03: 10}  # features kept in the paper's figure

LIVE = pl.col("live")
MONOSEMANTIC = (pl.col("second") < SECOND).filter(LIVE)
TOP = pl.col("top").cast(pl.Float64)
# Mean rank of the strongest feature: of polysemantic neurons minus that of monosemantic ones.
POLYSEMANTIC_LATER = (
    TOP.filter(LIVE & (pl.col("second") >= SECOND)).mean()
    - TOP.filter(LIVE & (pl.col("second") < SECOND)).mean()
)


def at(low: float, high: float = 0.0) -> pl.Expr:
    """Rows of densities from ``low`` to ``high``; of one when only one is given."""
    return pl.col("density").is_between(low - 1e-9, max(low, high) + 1e-9)


DENSE = at(0.5, 1.0)


def trend(rows: Rows, value: pl.Expr, unit: str = SEED) -> Reading:
    """Spearman's correlation of a network's value with density; 0 where the value never moves."""

    def correlation(own: pl.DataFrame) -> float | None:
        models = own.group_by("density").agg(value.cast(pl.Float64).alias("value")).sort("density")
        if models["value"].null_count():
            return None
        moves = models["value"].n_unique() > 1
        return models.select(pl.corr("density", "value", method="spearman")).item() if moves else 0

    return rows.each(correlation, unit)


# Mean distance of the number of kept features from the paper's.
OFF_LADDER = BASIS.filter(pl.any_horizontal([at(density) for density in LADDER])).mean(
    (pl.col("kept") - pl.col("density").replace_strict(LADDER, return_dtype=pl.Float64)).abs(),
    GROUP,
)


def computed_per_pair(density: float) -> Reading:
    """Features with more than half of their variance computed, per pair of neurons."""
    pairs = NEURONS.filter(at(density)).aggregate(pl.col("neuron").len() / 2)
    return COMPUTED.filter(at(density)).aggregate((pl.col("explained") > 0.5).sum()) / pairs


def within_neurons(column: str) -> Reading:
    """Correlation of log |input| with log output weight within neurons, pooled over a seed."""
    xx, xy, yy = (pl.col(column).list.get(i).sum() for i in range(3))
    return SMALL.aggregate(xy / (xx * yy).sqrt(), MODEL)
