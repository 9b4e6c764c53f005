"""Claims of the study ``superposition_memorisation``."""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect

from .readings import ENDS, LARGEST, RATIO, SET, WORST, of_sizes

PAPER = "Henighan et al. 2023"
OURS = "region: this laboratory"
FIVE = LARGEST.value("features_above_02", SET)
STORED = Condition("from the largest set the model stores five features", FIVE, Expect.near(5, 0.5))

of_set = functools.partial(Claim, unit="data set")

CLAIMS = (
    of_set(
        "examples_form_polygons",
        "From 5 to 10 examples are stored as a regular polygon: the dimensionality of each is 2/T "
        "(relative distance, mean over T).",
        f"{PAPER}, figure 2; {OURS}",
        of_sizes(5, 10).aggregate((RATIO - 1).abs().mean(), SET),
        Expect.below(0.15),
        paper=0.0,
    ),
    of_set(
        "double_descent",
        "The loss on fresh examples has a maximum at an intermediate number of training examples: "
        "it is higher there than at both ends, by 0.01 or more.",
        f"{PAPER}, figure 3; {OURS}",
        WORST - ENDS,
        Expect.above(0.01),
        headline=True,
    ),
    of_set(
        "many_give_pentagon",
        "From 5,000 examples the model stores five features (number with a dimensionality above "
        "0.2).",
        f"{PAPER}, figure 2",
        FIVE,
        Expect.near(5, 0.5),
        paper=5.0,
    ),
    of_set(
        "pentagon_norm",
        "Its weights then have the norm of five unit features, sqrt(5), within 15%.",
        f"{PAPER}, figure 3; {OURS}",
        LARGEST.value((pl.col("norm") / 5**0.5 - 1).abs(), SET),
        Expect.below(0.15),
        paper=0.0,
        requires=(STORED,),
    ),
    of_set(
        "many_generalise",
        "It generalises then: fresh examples cost at most 5% more than the training set.",
        f"{PAPER}, figure 3; {OURS}",
        LARGEST.value(pl.col("test") / pl.col("train"), SET),
        Expect.below(1.05),
        paper=1.0,
        requires=(STORED,),  # a model that stores nothing costs the same on both
    ),
)
