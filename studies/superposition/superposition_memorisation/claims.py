"""Readings and claims of the study ``superposition_memorisation``."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import passage
from toylab.read import greatest, table

SET = "set_seed"
SIZES = table("sets")
LARGEST = SIZES.last("size")
RATIO = pl.col("example_dimensionality") * pl.col("size") / 2  # 1 for a T-gon of T examples
INTERIOR = (pl.col("size") > 10) & (pl.col("size") < pl.col("size").max())

WORST = SIZES.aggregate(pl.col("test").filter(INTERIOR).max(), SET)
ENDS = greatest(SIZES.first("size").value("test", SET), LARGEST.value("test", SET))
FIVE = LARGEST.value("features_above_02", SET)
STORED = Condition("from the largest set the model stores five features", FIVE, Expect.near(5, 0.5))

COST = pl.col("test") / pl.col("train")
NOTHING_STORED = Condition(
    "from the next smaller set, of which no feature is stored, fresh examples cost more than that",
    SIZES.filter(INTERIOR).last("size").value(COST, SET),
    Expect.above(1.05),
)

henighan = passage("Henighan et al. 2023", unit="data set")

CLAIMS = (
    henighan(
        "examples_form_polygons",
        "From 5 to 10 examples are stored as a tight frame, as a regular polygon is: their mean "
        "dimensionality is 2/T (relative distance, mean over T).",
        SIZES.filter(pl.col("size").is_between(5, 10)).aggregate((RATIO - 1).abs().mean(), SET),
        Expect.below(0.02),
        bar="theory: 2/T in a regular T-gon, within 2%; random examples are off by 5% to 17%",
        at="figure 2",
        paper=0.0,
    ),
    henighan(
        "double_descent",
        "The loss on fresh examples has a maximum at an intermediate number of training examples: "
        "it is higher there than at both ends, by 0.01 or more.",
        WORST - ENDS,
        Expect.above(0.01),
        bar="ours: 0.01 above both ends, a maximum that shows",
        at="figure 3",
        requires=(STORED,),  # a model that ignores everything is lower at the end too
        headline=True,
    ),
    henighan(
        "many_give_pentagon",
        "From 5,000 examples the model stores five features (number with a dimensionality above "
        "0.2).",
        FIVE,
        Expect.near(5, 0.5),
        bar="paper: five features, rounded",
        at="figure 2",
        paper=5.0,
    ),
    henighan(
        "pentagon_norm",
        "Its weights then have the norm of five unit features, sqrt(5), within 15%.",
        LARGEST.value((pl.col("norm") / 5**0.5 - 1).abs(), SET),
        Expect.below(0.15),
        bar="theory: five unit features have the norm sqrt(5), within 15%",
        at="figure 3",
        paper=0.0,
        requires=(STORED,),
    ),
    henighan(
        "many_generalise",
        "It generalises then: fresh examples cost at most 5% more than the training set.",
        LARGEST.value(COST, SET),
        Expect.below(1.05),
        bar="theory: where nothing is memorised both cost the same; 5% is allowed",
        at="figure 3",
        paper=1.0,
        requires=(STORED,),
        control=(NOTHING_STORED,),
    ),
)
