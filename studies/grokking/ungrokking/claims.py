"""Claims of the study ``ungrokking``; ``decay`` is relative to the setting's weight decay."""

import polars as pl

from toylab.claims import Claim, Expect
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


FEW = "Varma et al. 2023, section 5 and figure 7 (ungrokking)"
THEORY = "Varma et al. 2023, section 3 (efficiency and critical size)"
COST = "Varma et al. 2023, section 5 and figure 4 (efficiency of both circuits)"

CLAIMS = (
    Claim(
        key="ungroks_on_few_data",
        text="A network that computes the whole table loses it on the smallest D': final test "
        "accuracy.",
        source=FEW,
        reading=CONTINUED.first("size").value("test_accuracy"),
        expect=Expect.below(0.2),
    ),
    Claim(
        key="keeps_on_many_data",
        text="On the largest D' the network goes on generalising: final test accuracy.",
        source=FEW,
        reading=CONTINUED.last("size").value("test_accuracy"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="accuracy_rises_with_data",
        text="Final test accuracy rises with D' (Spearman's correlation over the sizes).",
        source=FEW,
        paper=1.0,
        reading=CONTINUED.aggregate(pl.corr("size", "test_accuracy", method="spearman")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="transition_free_of_decay",
        text="The D' at which test accuracy crosses 1/2 does not depend on the weight decay: "
        "relative shift from the least decay to the greatest, a fourfold range, over which a "
        "size proportional to the decay would shift by 3.",
        source=THEORY,
        paper=0.0,
        reading=TURNS.last("decay").value("size") / TURNS.first("decay").value("size") - 1,
        expect=Expect.near(0, 0.25),
    ),
    Claim(
        key="still_fits",
        text="Ungrokking is no failure to train: the least final training accuracy over every D' "
        "and decay.",
        source=FEW,
        paper=1.0,
        reading=MODELS.filter(pl.col("decay") > 0, set="continued").aggregate(
            pl.col("train_accuracy").min()
        ),
        expect=Expect.above(0.99),
    ),
    Claim(
        key="needs_decay",
        text="Without weight decay nothing ungroks: final test accuracy on the smallest D'.",
        source="Varma et al. 2023, section 7 (relies crucially on weight decay)",
        paper=1.0,
        reading=MODELS.filter(set="continued", decay=0).first("size").value("test_accuracy"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="scratch_never_generalises_below",
        text="From scratch, no network generalises on a D' on which the continued one ungrokked: "
        "their greatest final test accuracy.",
        source=FEW,
        reading=SCRATCH.where(pl.col("continued") < 0.5).aggregate(pl.col("test_accuracy").max()),
        expect=Expect.below(0.5),
    ),
    Claim(
        key="memorising_costs_more_norm",
        text="The more random labels a network memorises, the more norm it needs for one mean "
        "correct logit (Spearman's correlation over sizes).",
        source=COST,
        paper=1.0,
        reading=norms("memorising", "rank"),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="generalising_costs_the_same",
        text="Networks that generalise need the same norm for that logit whatever D': exponent of "
        "norm against size.",
        source=COST,
        paper=0.0,
        reading=norms("generalising", "exponent"),
        expect=Expect.near(0, 0.1),
    ),
    Claim(
        key="efficiency_tells_the_transition",
        text="The transition lies where memorising random labels costs as much norm as "
        "generalising, within a factor of two: the one size over the other.",
        source=THEORY,
        paper=1.0,
        reading=norms("memorising", "crossing") / TURNS.filter(decay=1).value("size"),
        expect=Expect.between(0.5, 2.0),
    ),
)
