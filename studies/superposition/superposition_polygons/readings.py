"""Readings of the study ``superposition_polygons``, one value per group of seeds."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table
from toylab.read.networks import lowest
from toylab.tasks.superposition.superposition_theory import polygon_level, polygon_levels

GROUP = "group"
SLOW = 0.01  # relative change of the loss per record below which it lingers


def best(low: int, high: int | None = None) -> Rows:
    """The network of lowest exact loss of every group, for every c from ``low`` to ``high``."""
    every = table("models").then(lambda rows: lowest(rows, GROUP, "c"))
    return every.filter(pl.col("c").is_between(low, high or low))


def above_lowest_level(low: int, high: int) -> Reading:
    """Greatest distance of the best loss from the lowest k-gon's, in losses of a dropped feature.

    A dropped feature costs 1/(3c); c = 4 has the level 0, so a ratio of losses would not do.
    """
    lowest = {c: min(polygon_levels(c).values()) for c in range(low, high + 1)}
    level = pl.col("c").replace_strict(lowest, return_dtype=pl.Float64)
    gap = 3 * pl.col("c") * (pl.col("loss").cast(pl.Float64) - level).abs()
    return best(low, high).aggregate(gap.max(), GROUP)


def near(loss: pl.Series, levels: np.ndarray, tolerance: float) -> np.ndarray:
    """Whether each loss lies within a relative distance of some level."""
    return np.abs(loss.to_numpy()[:, None] / levels - 1).min(1) < tolerance


def ends_on_level(c: int) -> Reading:
    """Share of all seeds whose final loss is within 1% of a level."""
    levels = np.array(list(polygon_levels(c).values()))
    models = table("models").filter(c=c)
    return models.each(lambda rows: near(rows["loss"], levels, 0.01).mean(), GROUP)


def lingers_on_levels(c: int, shift: float = 0.0) -> Reading:
    """Share of the slow records of the loss that lie within 2% of a level.

    Args:
        c: number of features.
        shift: 0 for the levels; 0.5 for the control, points half-way between neighbours.
    """
    levels = np.array(sorted({0.0, *polygon_levels(c).values()}))
    levels = levels[1:] - shift * np.diff(levels)

    def share(rows: pl.DataFrame) -> float | None:
        change = (pl.col("value").diff().abs() / pl.col("value")).over("member", order_by="step")
        rows = rows.filter(pl.col("value") < levels.max() * 1.1)
        slow = rows.filter(change < SLOW)
        return near(slow["value"], levels, 0.02).mean() if len(slow) else None

    return table("curves").filter(c=c).each(share, GROUP)


def visits(levels: np.ndarray) -> Reading:
    """Share of the seeds of 5 features that stay within 2% of a level for three records."""

    def share(rows: pl.DataFrame) -> float:
        rows = rows.with_columns(near=near(rows["value"], levels, 0.02))
        return rows.group_by("member").agg(pl.col("near").sum() >= 3)["near"].mean()

    return table("curves").filter(c=5).each(share, GROUP)


SQUARE = np.array([polygon_level(4, 5, plus) for plus in (0, 1)])
BETWEEN = (SQUARE + polygon_level(5, 5)) / 2  # the control
