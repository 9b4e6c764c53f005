"""Claims of the study ``superposition_memorisation``."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import ENDS, LARGEST, RATIO, SET, SIZES, WORST, of_sizes

UNIT = "data set"

CLAIMS = (
    Claim(
        key="examples_form_polygons",
        text="Up to 10 examples are stored as a T-gon: their dimensionality is 2/T (mean over T of "
        "the relative gap).",
        source="Henighan et al. 2023, figure 2",
        paper=0.0,
        reading=of_sizes(5, 10).aggregate((RATIO - 1).abs().mean(), SET),
        expect=Expect.below(0.15),
        unit=UNIT,
    ),
    Claim(
        key="few_are_memorised",
        text="5 examples are memorised: the training loss is under a tenth of the loss on fresh "
        "examples.",
        source="Henighan et al. 2023, figure 2",
        reading=of_sizes(5, 5).value(pl.col("train") / pl.col("test"), SET),
        expect=Expect.below(0.1),
        unit=UNIT,
    ),
    Claim(
        key="many_give_pentagon",
        text="From 5000 examples the model stores five features (number with D above 0.2).",
        source="Henighan et al. 2023, figure 2",
        paper=5.0,
        reading=LARGEST.value("features_above_02", SET),
        expect=Expect.near(5, 0.5),
        unit=UNIT,
    ),
    Claim(
        key="pentagon_norm",
        text="Its weights then have the norm of five unit features, sqrt(5) (relative gap).",
        source="Henighan et al. 2023, figure 3",
        paper=0.0,
        reading=LARGEST.value((pl.col("norm") / 5**0.5 - 1).abs(), SET),
        expect=Expect.below(0.15),
        unit=UNIT,
    ),
    Claim(
        key="double_descent",
        text="The loss on fresh examples is higher at some size in between than at both ends "
        "(worst interior loss less the worse end).",
        source="Henighan et al. 2023, figure 3",
        reading=WORST - ENDS,
        expect=Expect.above(0.01),
        unit=UNIT,
    ),
    Claim(
        key="many_generalise",
        text="At 5000 examples the model generalises: fresh examples cost at most 5% more than the "
        "training set.",
        source="Henighan et al. 2023, figure 3",
        paper=1.0,
        reading=LARGEST.value(pl.col("test") / pl.col("train"), SET),
        expect=Expect.below(1.05),
        unit=UNIT,
    ),
    Claim(
        key="worst_between_30_and_1000",
        text="The size of worst test loss lies between 30 and 1000 examples, where features have "
        "been seen 0.3 to 10 times (log10 of the size).",
        source="Henighan et al. 2023, comments: the onset is at T(1-S) of about 10",
        reading=SIZES.aggregate(pl.col("size").log(10).get(pl.col("test").arg_max()), SET),
        expect=Expect.between(1.47, 3.01),
        unit=UNIT,
    ),
)
