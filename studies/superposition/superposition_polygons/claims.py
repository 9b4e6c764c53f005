"""Claims of the study ``superposition_polygons``."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage
from toylab.tasks.superposition.superposition_theory import best_polygon, polygon_level

from .readings import (
    BETWEEN,
    GROUP,
    SQUARE,
    above_lowest_level,
    best,
    ends_on_level,
    lingers_on_levels,
    visits,
)

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
        at="L(5,5) = 0.01583",
        paper=0.0,
    ),
    chen(
        "pentagon_radius",
        "Its features have the exact pentagon's norm, within 0.01.",
        best(5).value("radius", GROUP) - best_polygon(5).radius,
        Expect.near(0, 0.01),
        at="radius 1.17046",
        paper=0.0,
        requires=(PENTAGON,),
    ),
    chen(
        "pentagon_bias",
        "Its biases are the exact pentagon's, within 0.01.",
        best(5).value("bias", GROUP) - best_polygon(5).bias,
        Expect.near(0, 0.01),
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
        at="section 4",
        paper=0.0,
    ),
    Claim(
        "no_large_polygon",
        "With 9 features or more the best of 30 models is no polygon of all features: it keeps at "
        "most 8.",
        "derived numerically: from 9 features on a 7-gon with the rest dropped costs less",
        best(9, 99).aggregate(pl.col("corners").max(), GROUP),
        Expect.below(8),
        unit=UNIT,
    ),
    *(
        chen(
            f"ends_on_level_{c}",
            f"Whatever the seed, {c} features end within 1% of the loss of some k-gon, in at least "
            "90% of seeds.",
            ends_on_level(c),
            Expect.above(0.9),
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
        at="figures 1 and 2",
        headline=True,
    ),
    chen(
        "square_on_the_way",
        "On the way to the pentagon at least a fifth of the seeds linger on the level of the "
        "4-gon.",
        visits(SQUARE),
        Expect.above(0.2),
        at="figure 1: the route from 4-gon to 5-gon",
        control=only(
            "fewer linger half-way between the levels of the 4-gon and the 5-gon",
            visits(BETWEEN),
            Expect.below(0.2),
        ),
    ),
)
