"""Claims of the study ``ungrokking``; ``decay`` is relative to the setting's weight decay."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
from toylab.read import Measures, Reading, table

MODELS = table("models")
CONTINUED = MODELS.filter(set="continued", decay=1)
TURNS = table("transitions").filter(set="continued")


def beside_continued(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """Add the test accuracy of the continued network of the same seed and size."""
    key, found = ("init_seed", "size"), CONTINUED.rows(m)
    return rows.join(found.select(*key, continued="test_accuracy"), on=key)


SCRATCH = MODELS.filter(set="scratch", decay=1).then(beside_continued, with_measures=True)


def norms(of: str, column: str) -> Reading:
    """A number of the norms that memorising, or generalising, needs at one correct logit."""
    return table("exponents").filter(set=of).value(column)


FITS = MODELS.filter(pl.col("decay") > 0, set="continued").aggregate(pl.col("train_accuracy").min())
FULL = Condition(
    "networks learn the full dataset of pairs",
    MODELS.filter(set="full").value("train_accuracy"),
    Expect.above(0.99),
)
KEPT = CONTINUED.last("size").value("test_accuracy")
STILL_GENERALISES = Condition("on the largest D' networks keep it", KEPT, Expect.above(0.95))
STILL_FITS = Condition("every network fits its D'", FITS, Expect.above(0.95))
FEW = "Varma et al. 2023, section 5 and figure 7 (ungrokking)"
THEORY = "Varma et al. 2023, section 3 (efficiency and critical size)"
COST = "Varma et al. 2023, section 5 and figure 4 (efficiency of both circuits)"

CLAIMS = given(
    FULL,
    Claim(
        key="ungroks_on_few_data",
        text="A network that has generalised ungroks on the smallest D': its test accuracy ends at "
        "20% or less.",
        source=FEW,
        reading=CONTINUED.first("size").value("test_accuracy"),
        expect=Expect.below(0.2),
        bar="ours: 20%, little of the accuracy; the paper's networks often end at about 0",
        requires=(STILL_FITS,),
        headline=True,
    ),
    Claim(
        key="keeps_on_many_data",
        text="On the largest D' it goes on generalising: test accuracy ends at 95% or more.",
        source=FEW,
        reading=KEPT,
        expect=Expect.above(0.95),
        bar="ours: 95%, a task as good as kept",
    ),
    Claim(
        key="accuracy_rises_with_data",
        text="Final test accuracy rises with D': Spearman's correlation over the sizes is at least "
        "0.9.",
        source=FEW,
        paper=1.0,
        reading=CONTINUED.aggregate(pl.corr("size", "test_accuracy", method="spearman")),
        expect=Expect.above(0.9),
        bar="ours: 0.9, nearly one order for all sizes",
    ),
    Claim(
        key="transition_free_of_decay",
        text="The D' at which test accuracy crosses 1/2 moves by at most 25% over a fourfold range "
        "of weight decay.",
        source=THEORY,
        paper=0.0,
        reading=TURNS.last("decay").value("size") / TURNS.first("decay").value("size") - 1,
        expect=Expect.near(0, 0.25),
        bar="theory: 0, where a size in proportion to the decay moves by 3; 0.25 is ours",
        requires=(STILL_GENERALISES,),
    ),
    Claim(
        key="still_fits",
        text="Ungrokking is no failure to train: every network ends with a training accuracy of "
        "99% or more, over all D' and decays.",
        source=FEW,
        paper=1.0,
        reading=FITS,
        expect=Expect.above(0.99),
        bar="ours: 99%, a training set as good as fitted",
    ),
    Claim(
        key="needs_decay",
        text="Without weight decay nothing ungroks: test accuracy on the smallest D' stays at 95% "
        "or more.",
        source="Varma et al. 2023, section 7 (relies crucially on weight decay)",
        paper=1.0,
        reading=MODELS.filter(set="continued", decay=0).first("size").value("test_accuracy"),
        expect=Expect.above(0.95),
        bar="ours: 95%, as on the largest D'",
    ),
    Claim(
        key="scratch_never_generalises_below",
        text="From scratch no network generalises on a D' on which the continued one ungrokked: "
        "their greatest test accuracy is below 50%.",
        source=FEW,
        reading=SCRATCH.where(pl.col("continued") < 0.5).aggregate(pl.col("test_accuracy").max()),
        expect=Expect.below(0.5),
        bar="ours: half, as for the continued networks",
    ),
    Claim(
        key="memorising_costs_more_norm",
        text="The more random labels a network memorises, the more norm it needs for one mean "
        "correct logit: Spearman's correlation over sizes is at least 0.9.",
        source=COST,
        paper=1.0,
        reading=norms("memorising", "rank"),
        expect=Expect.above(0.9),
        bar="ours: 0.9, nearly one order for all sizes",
        requires=only(
            "random labels are memorised",
            MODELS.filter(set="random").mean("train_accuracy"),
            Expect.above(0.95),
        ),
    ),
    Claim(
        key="generalising_costs_the_same",
        text="Networks that generalise need the same norm for that logit whatever D': the exponent "
        "of norm against size is 0, within 0.1.",
        source=COST,
        paper=0.0,
        reading=norms("generalising", "exponent"),
        expect=Expect.near(0, 0.1),
        bar="theory: a constant norm has 0; within 0.1 is ours",
        requires=(STILL_GENERALISES,),
    ),
    Claim(
        key="efficiency_tells_the_transition",
        text="The transition lies where memorising random labels costs as much norm as "
        "generalising, within a factor of two.",
        source=THEORY,
        paper=1.0,
        reading=norms("memorising", "crossing") / TURNS.filter(decay=1).value("size"),
        expect=Expect.between(0.5, 2.0),
        bar="theory: equal norms at a ratio of 1; a factor of two is ours",
        requires=(STILL_GENERALISES,),
    ),
)
