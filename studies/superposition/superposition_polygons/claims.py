"""Claims of the study ``superposition_polygons``."""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.tasks.superposition.superposition_theory import best_polygon, polygon_level

from .readings import (
    GROUP,
    VISITS_SQUARE,
    above_lowest_level,
    best,
    ends_on_level,
    lingers_on_levels,
)

UNIT = "group of 30 seeds"

CLAIMS = (
    Claim(
        key="pentagon_loss",
        text="The best of 30 models of 5 features has the exact pentagon's loss (relative gap).",
        source="Chen et al. 2023, L(5,5) = 0.01583",
        paper=0.0,
        reading=best(5).value((pl.col("loss") / polygon_level(5, 5) - 1).abs(), GROUP),
        expect=Expect.below(0.01),
        unit=UNIT,
    ),
    Claim(
        key="pentagon_radius",
        text="Its features have the exact pentagon's norm (difference).",
        source="Chen et al. 2023, radius 1.17046",
        paper=0.0,
        reading=best(5).value("radius", GROUP) - best_polygon(5).radius,
        expect=Expect.near(0, 0.01),
        unit=UNIT,
    ),
    Claim(
        key="pentagon_bias",
        text="Its biases are the exact pentagon's (difference).",
        source="Chen et al. 2023, bias -0.28230",
        paper=0.0,
        reading=best(5).value("bias", GROUP) - best_polygon(5).bias,
        expect=Expect.near(0, 0.01),
        unit=UNIT,
    ),
    Claim(
        key="lowest_polygon_4_to_8",
        text="For every c from 4 to 8 the best of 30 lies on the lowest k-gon level (greatest gap, "
        "in units of the loss of one dropped feature).",
        source="Chen et al. 2023, section 4",
        paper=0.0,
        reading=above_lowest_level(4, 8),
        expect=Expect.below(0.01),
        unit=UNIT,
    ),
    Claim(
        key="no_large_polygon",
        text="With 9 or more features the best of 30 is no c-gon: it keeps at most 8 (most kept).",
        source="derived numerically: from 9 features on a 7-gon with the rest dropped costs less",
        reading=best(9, 99).aggregate(pl.col("corners").max(), GROUP),
        expect=Expect.below(8),
        unit=UNIT,
    ),
    Claim(
        key="ends_on_level_5",
        text="Whatever the seed, 5 features end within 1% of some k-gon's loss (share of seeds).",
        source="Chen et al. 2023, critical points",
        reading=ends_on_level(5),
        expect=Expect.above(0.9),
        unit=UNIT,
    ),
    Claim(
        key="ends_on_level_6",
        text="Whatever the seed, 6 features end within 1% of some k-gon's loss (share of seeds).",
        source="Chen et al. 2023, critical points",
        reading=ends_on_level(6),
        expect=Expect.above(0.9),
        unit=UNIT,
    ),
    Claim(
        key="plateaus_are_levels",
        text="Where training of 6 features lingers it lies on a k-gon's level: share of slow "
        "records within 2% of one, less the share near the points half-way between levels.",
        source="Chen et al. 2023, figures 1 and 2",
        reading=lingers_on_levels(6) - lingers_on_levels(6, shift=0.5),
        expect=Expect.above(0.5),
        unit=UNIT,
    ),
    Claim(
        key="square_on_the_way",
        text="On the way to the pentagon, training lingers on the 4-gon's level (share of seeds).",
        source="Chen et al. 2023, figure 1: the route 4-gon to 5-gon",
        reading=VISITS_SQUARE,
        expect=Expect.above(0.2),
        unit=UNIT,
    ),
)
