"""Readings and claims of the study ``superposition_polygons``."""

import numpy as np
import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, Rows, table
from toylab.read.networks import lowest
from toylab.tasks.superposition.superposition_theory import (
    best_polygon,
    polygon_level,
    polygon_levels,
)

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

UNIT = "group of 30 seeds"
chen = passage("Chen et al. 2023", unit=UNIT)
GAP = best(5).value((pl.col("loss") / polygon_level(5, 5) - 1).abs(), GROUP)
PENTAGON = Condition(
    "the best of 30 models has the exact pentagon's loss within 1%", GAP, Expect.below(0.01)
)

CLAIMS = (
    chen(
        "pentagon_loss",
        "The best of 30 models of 5 features has the loss of the exact pentagon, within 1%.",
        GAP,
        Expect.below(0.01),
        bar="theory: the exact pentagon's, within 1%",
        at="L(5,5) = 0.01583",
        paper=0.0,
    ),
    chen(
        "pentagon_radius",
        "Its features have the exact pentagon's norm, within 0.01.",
        best(5).value("radius", GROUP) - best_polygon(5).radius,
        Expect.near(0, 0.01),
        bar="theory: the exact pentagon's, within 0.01",
        at="radius 1.17046",
        paper=0.0,
        requires=(PENTAGON,),
    ),
    chen(
        "pentagon_bias",
        "Its biases are the exact pentagon's, within 0.01.",
        best(5).value("bias", GROUP) - best_polygon(5).bias,
        Expect.near(0, 0.01),
        bar="theory: the exact pentagon's, within 0.01",
        at="bias -0.28230",
        paper=0.0,
        requires=(PENTAGON,),
    ),
    chen(
        "lowest_polygon_4_to_8",
        "With 4 to 8 features the best of 30 models lies on the lowest level of any k-gon, within "
        "1% of the loss of a dropped feature (greatest distance).",
        above_lowest_level(4, 8),
        Expect.below(0.01),
        bar="theory: the lowest level of a k-gon, within 1% of a dropped feature",
        at="section 4",
        paper=0.0,
    ),
    Claim(
        "no_large_polygon",
        "With 9 features or more the best of 30 models is no polygon of all features: it keeps at "
        "most 8.",
        "this laboratory, from the closed form of the loss",
        best(9, 99).aggregate(pl.col("corners").max(), GROUP),
        Expect.below(8),
        bar="theory: from 9 features on a 7-gon with the rest dropped costs less",
        unit=UNIT,
    ),
    *(
        chen(
            f"ends_on_level_{c}",
            f"Whatever the seed, {c} features end within 1% of the loss of some k-gon, in at least "
            "90% of seeds.",
            ends_on_level(c),
            Expect.above(0.9),
            bar="ours: nine seeds of ten",
            at="critical points",
        )
        for c in (5, 6)
    ),
    chen(
        "plateaus_are_levels",
        "Where the training of 6 features lingers, its loss is that of a k-gon: the fraction of "
        "slow records within 2% of a level is 0.5 above that near the points half-way between "
        "levels.",
        lingers_on_levels(6) - lingers_on_levels(6, shift=0.5),
        Expect.above(0.5),
        bar="ours: half of the records more than at points between levels",
        at="figures 1 and 2",
        headline=True,
    ),
    chen(
        "square_on_the_way",
        "On the way to the pentagon at least a fifth of the seeds linger on the level of the "
        "4-gon.",
        visits(SQUARE),
        Expect.above(0.2),
        bar="ours: a fifth of the seeds, more than linger between the levels",
        at="figure 1: the route from 4-gon to 5-gon",
        control=only(
            "fewer linger half-way between the levels of the 4-gon and the 5-gon",
            visits(BETWEEN),
            Expect.below(0.2),
        ),
    ),
)
