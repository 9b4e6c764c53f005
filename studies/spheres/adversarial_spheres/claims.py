"""Claims of the study ``adversarial_spheres``."""

import numpy as np
import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import given, only, passage
from toylab.read import table

from .readings import (
    exponent,
    first_when,
    follows_the_bound,
    later,
    nearness,
    of_dim,
    of_pool,
    over_the_bound,
    perfect,
    relu_nearness,
    trained,
    untrained,
    untrained_slope,
)

bounds = passage("Gilmer et al. 2018 (arXiv:1801.02774), section 5")
quadratic = passage("Gilmer et al. 2018 (arXiv:1801.02774), section 4")
spheres = passage("Gilmer et al. 2018 (arXiv:1801.02774), section 3")
SMALL = (pl.col("inner") < 1e-4) & (pl.col("inner") > 0)
UNSEEN = pl.col("found") == 0

LEARNED = Condition(
    "in the most dimensions quadratic networks end with less than 1% of errors on either sphere",
    of_dim("largest").last().value(pl.max_horizontal("inner", "outer")),
    Expect.below(0.01),
)
RELU_LEARNED = Condition(
    "ReLU networks end with less than 1% of errors on either sphere",
    table("relu").last().value(pl.max_horizontal("inner", "outer")),
    Expect.below(0.01),
)
FITTED = Condition(
    "networks with the fewest examples end with less than 1% of them wrong",
    table("pools").filter(pl.col("pool") == pl.col("pool").min()).value("wrong"),
    Expect.below(0.01),
)

BOUND = (
    bounds(
        "near_the_bound",
        "Error sets come near to the farthest possible: through training, at error rates from "
        "0.0001 to 0.2, the mean distance to the nearest error is 0.6 of the cap's or more in 50, "
        "100 and 200 dimensions each.",
        nearness(),
        Expect.above(0.6),
        bar="ours: 0.6, where the paper shows points near the curve and gives no number",
        control=only(
            "an untrained network, whose bias gives it an error rate of 1%, keeps less than 0.6 of "
            "the cap's distance in the most dimensions",
            untrained(0.01),
            Expect.below(0.6),
        ),
        headline=True,
    ),
    bounds(
        "under_the_bound",
        "No network's mean distance, less three standard errors, exceeds that of a cap of its "
        "error rate in as many dimensions.",
        over_the_bound(),
        Expect.below(1.0),
        bar="theory: 1, by the isoperimetric inequality; a check of rates and distances",
    ),
    bounds(
        "root_of_dimensions",
        "At an error rate of 1% the distance falls as one over the root of the number of "
        "dimensions, from 50 to 200.",
        exponent(0.01),
        Expect.near(-0.5, 0.05),
        bar="theory: -1/2 for caps, within 0.05",
        paper=-0.5,
    ),
    bounds(
        "training_brings_nearer",
        "Training brings error sets nearer to the bound: at an error rate of 1% in 200 dimensions "
        "the distance is a larger part of the cap's than in the untrained network whose bias gives "
        "it that rate, by 0.05.",
        trained(0.01) - untrained(0.01),
        Expect.above(0.05),
        bar="control: what the untrained network has, and 0.05, which the figure would show",
    ),
)
QUADRATIC = (
    quadratic(
        "most_axes_bad",
        "When fewer than 1 in 10,000 inner points are errors, most axes of the ellipsoid are still "
        "too long or too short to separate the spheres (200 dimensions).",
        first_when(SMALL, "bad"),
        Expect.above(0.5),
        bar="paper: most of the 500 axes, where the rate is far lower still",
        paper="325 or 394 of 500 (secondary sources differ)",
    ),
    spheres(
        "errors_unseen",
        "When none of 100,000 inner test points is an error any more, errors exist nevertheless "
        "(200 dimensions).",
        first_when(UNSEEN, pl.col("top") > 1) >= 1.0,
        Expect.above(0.6),
        bar="ours: most networks, where 20 of 20 would leave everything above 0.83 open",
    ),
    spheres(
        "unseen_but_near",
        "The mean distance to these unseen errors is at most a quarter of that between two random "
        "points, the root of 2 (200 dimensions).",
        first_when(UNSEEN, "distance"),
        Expect.below(2**0.5 / 4),
        bar="ours: a quarter, twice the paper's 0.18 over the root of 2 in 500 dimensions",
        paper=0.18,
    ),
    quadratic(
        "normal_estimate",
        "The paper's estimate of the error rate, by the central limit theorem, is right within a "
        "factor of two where the exact rate first is below 0.0001.",
        first_when(SMALL, (pl.col("normal") / pl.col("inner")).log10()),
        Expect.near(0.0, 0.30103),
        bar="ours: a factor of two, for an estimate that the paper takes down to 1e-11",
    ),
)
LOW = (
    spheres(
        "perfect_in_ten",
        "In 10 dimensions networks end without any error on either sphere.",
        perfect("smallest"),
        Expect.above(0.8),
        bar="ours: four of five networks, near to all that 20 of 20 would show",
    ),
    spheres(
        "perfect_later",
        "The more dimensions, the later is a network free of errors (rank correlation over 10 to "
        "200 dimensions).",
        later(),
        Expect.above(0.9),
        bar="ours: 0.9, what one swap of neighbours leaves of five ranks",
    ),
)
POOL = given(
    FITTED,
    bounds(
        "more_data_fewer_errors",
        "With 64,000 examples in place of 1,000 the error rate on the inner sphere is a tenth or "
        "less.",
        (of_pool(pl.Expr.max, "inner") / of_pool(pl.Expr.min, "inner")).map(np.log10),
        Expect.below(-1.0),
        bar="ours: a tenth, which a figure on a logarithmic axis shows",
    ),
    bounds(
        "more_data_follows_bound",
        "As training sets grow, the distance rises with the cap's: with a slope of 0.6 to 1.",
        follows_the_bound(),
        Expect.between(0.6, 1.0),
        bar="theory: a slope of 1 at the bound; ours: 0.6 as for the ratio itself",
        control=only(
            "over error rates of an untrained network it has a slope below 0.6",
            untrained_slope(),
            Expect.below(0.6),
        ),
    ),
)
RELU = (
    bounds(
        "relu_near_the_bound",
        "Error sets of ReLU networks in 100 dimensions come as near: at the last look with 20 "
        "counted errors the distance that an attack finds is 0.6 of the cap's or more (judged "
        "first over all looks, of which the attack is weak on the early ones).",
        relu_nearness(),
        Expect.between(0.6, 1.05),
        bar="ours: 0.6 as for quadratic networks; theory: 1, and 0.05 for the attack",
        requires=(RELU_LEARNED,),
        control=only(
            "on quadratic networks the attack's distance is within 5% of the exact one",
            table("attacked").value("excess"),
            Expect.between(1.0, 1.05),
        ),
    ),
)
CLAIMS = (*given(LEARNED, *BOUND, *QUADRATIC), *LOW, *POOL, *RELU)
