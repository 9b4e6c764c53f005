"""Claims of ``grokking_analytic``; each ``bar`` says where its threshold comes from."""

from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only
from toylab.read import Reading, greatest, least, table

ALL = "paper: 100%, less a point"
CHANCE = 3.0  # "at chance": at most three times 1/p, which is 3% at the paper's p = 97
DRAW = "draw of phases"
ANALYTIC = table("analytic")
OFF_FORMULA = (pl.col("accuracy") - pl.col("expected")).abs().mean()
OVER_CHANCE = pl.col("value").cast(pl.Float64) * pl.col("p")
P = ANALYTIC.filter(kind="tied", main=True).value("p", "draw")


def at_width(kind: str) -> Reading:
    """Accuracy of analytic weights of the polynomials' width."""
    return ANALYTIC.filter(kind=kind, main=True).value("accuracy", "draw")


def half_width(kind: str) -> Reading:
    """Width at which accuracy passes 1/2, between widths on a log scale; else the widest."""

    def crossing(rows: pl.DataFrame) -> float:
        rows = rows.sort("width")
        rising = np.maximum.accumulate(rows["accuracy"].to_numpy())
        return np.exp(np.interp(0.5, rising, np.log(rows["width"].to_numpy())))

    return ANALYTIC.filter(kind=kind).each(crossing, "draw")


def form(*names: str) -> Reading:
    """Least accuracy of these polynomials' analytic weights."""
    rows = table("analytic_forms").filter(form=names)
    return rows.aggregate(pl.col("accuracy").min(), "draw")


def shape(value: str | pl.Expr, stage: str = "trained") -> Reading:
    """A number of the main networks' form."""
    return table("form").filter(stage=stage).value(value)


def accuracy(
    operation: str, population: str = "half", value: str | pl.Expr = "value", **which: Any
) -> Reading:
    """Final test accuracy on a polynomial, at the main decay unless another is named."""
    rows = table("trained").filter(operation=operation, population=population)
    return rows.filter(name="test_accuracy", **(which or {"main_decay": True})).value(value)


LEARNED = Condition(
    "networks learn x + y from half of the pairs", accuracy("x+y"), Expect.above(0.99)
)

ANALYTIC_CLAIMS = (
    Claim(
        key="analytic_solves",
        text="Analytic weights solve 99% of x + y mod 97 without training, with 500 neurons.",
        source="Gromov 2023, analytic solution",
        paper=1.0,
        reading=at_width("tied"),
        expect=Expect.above(0.99),
        bar=ALL,
        unit=DRAW,
        control=only(
            "without phi1 + phi2 = phi3, and with Gaussian weights, accuracy is at most three "
            "times chance",
            P * greatest(at_width("free"), at_width("gaussian")),
            Expect.below(CHANCE),
        ),
        headline=True,
    ),
    Claim(
        key="accuracy_by_width",
        text="The accuracy of analytic weights at every width is that of one signal in Gaussian "
        "noise, E_u Phi(u + sqrt(N) p / (2 (p - 1)))^(p - 1), within 0.05 on average.",
        source="Gromov 2023: accuracy rises with N; the formula is derived here",
        reading=ANALYTIC.filter(kind="tied").aggregate(OFF_FORMULA, "draw"),
        expect=Expect.below(0.05),
        bar="theory: the formula's accuracy; 0.05 on average is ours",
        unit=DRAW,
    ),
    Claim(
        key="relu_needs_width",
        text="With ReLU in place of the square, analytic weights need at least twice the width for "
        "half of the answers.",
        source="Gromov 2023: other activations work at larger N only",
        paper="> 1",
        reading=half_width("relu") / half_width("tied"),
        expect=Expect.above(2),
        bar="theory: first harmonics of max(0, cos A + cos B) give 3.4, of which we ask 2",
        unit=DRAW,
    ),
    Claim(
        key="analytic_sums_of_functions",
        text="Analytic weights solve 99% of x^2 + y^2, with f(x) in the input layer, and of x + y "
        "modulo 96, which is no prime (the lower accuracy).",
        source="Gromov 2023, table of polynomials",
        paper=1.0,
        reading=form("x^2+y^2", "x+y mod p-1"),
        expect=Expect.above(0.99),
        bar=ALL,
        unit=DRAW,
    ),
    Claim(
        key="analytic_square_half",
        text="Analytic weights whose outputs each listen to one square root solve half of "
        "(x + y)^2.",
        source="Gromov 2023, table of polynomials, two branches",
        paper=0.51,
        reading=form("(x+y)^2"),
        expect=Expect.between(0.45, 0.55),
        bar="theory: one of two roots is 1/2; within 0.05 is ours",
        unit=DRAW,
    ),
    Claim(
        key="analytic_square_both_roots",
        text="Outputs that listen to both square roots solve 99% of (x + y)^2.",
        source="this laboratory; the paper has no such solution",
        reading=form("(x+y)^2, all roots"),
        expect=Expect.above(0.99),
        bar="theory: with both roots every answer is right; a point to spare is ours",
        unit=DRAW,
    ),
)

TRAINED_CLAIMS = (
    Claim(
        key="trained_one_frequency",
        text="Neurons of networks trained on x + y have one frequency: the inverse participation "
        "ratio of the rows of U, V and W is at least 0.5.",
        source="Gromov 2023, figure of the inverse participation ratio",
        reading=shape("participation"),
        expect=Expect.above(0.5),
        bar="ours: 0.5, what two equal frequencies have; untrained rows have about 4/p",
        requires=(LEARNED,),
    ),
    Claim(
        key="trained_phases_cancel",
        text="Phases of trained neurons obey phi1 + phi2 = phi3: the residual's angle has a "
        "concentration of at least 0.9.",
        source="Gromov 2023: trained networks approach the analytic phases",
        paper=1.0,
        reading=shape("concentration"),
        expect=Expect.above(0.9),
        bar="ours: 0.9, where phases as exact as the paper's have 1",
        requires=(LEARNED,),
        control=only(
            "untrained phases, and trained ones shuffled between neurons, stay below 0.2 (256 "
            "random angles give 0.06)",
            greatest(shape("concentration", "untrained"), shape("shuffled")),
            Expect.below(0.2),
        ),
    ),
    Claim(
        key="one_cosine_suffices",
        text="One cosine in each row of each neuron does the task and the rest does not: their "
        "accuracies differ by at least 0.9.",
        source="Gromov 2023: trained networks approach the analytic solution; the test is ours",
        reading=shape(pl.col("one_cosine") - pl.col("rest")),
        expect=Expect.above(0.9),
        bar="ours: 0.9, where all of the accuracy would be 1",
        requires=(LEARNED,),
    ),
    Claim(
        key="trained_separable",
        text="Trained on half of the pairs, networks reach 99% test accuracy on x + y and on "
        "x^2 + y^2 (the lower of the two).",
        source="Gromov 2023, table of polynomials",
        paper=1.0,
        reading=least(accuracy("x+y"), accuracy("x^2+y^2")),
        expect=Expect.above(0.99),
        bar=ALL,
    ),
    Claim(
        key="no_decay_needed",
        text="Networks reach 99% test accuracy on x + y without weight decay too.",
        source="Gromov 2023: grokking without regularisation, there by gradient descent",
        paper=1.0,
        reading=accuracy("x+y", weight_decay=0),
        expect=Expect.above(0.99),
        bar=ALL,
    ),
    Claim(
        key="trained_square_both_branches",
        text="Trained networks do better on (x + y)^2 than the one-root solution's 51%: test "
        "accuracy of at least 55%.",
        source="this laboratory, from the two branches of Gromov 2023",
        reading=accuracy("(x+y)^2"),
        expect=Expect.above(0.55),
        bar="paper: 51% of its one-root solution, and 4 points to spare",
    ),
    Claim(
        key="mixed_term_needs_data",
        text="x^2 + xy + y^2 takes 95% of the pairs: test accuracy there is at least 0.3 above "
        "that at 50%.",
        source="Gromov 2023, table of polynomials: above 95% of the data only",
        reading=accuracy("x^2+xy+y^2", "most") - accuracy("x^2+xy+y^2"),
        expect=Expect.above(0.3),
        bar="ours: 30 points, about a third of the paper's 97%",
    ),
    Claim(
        key="cubic_at_chance",
        text="x^3 + xy^2 + y stays at chance even at 95% of the pairs: test accuracy is at most "
        "three times 1/p.",
        source="Gromov 2023, table of polynomials",
        paper=1.0,
        reading=accuracy("x^3+xy^2+y", "most", OVER_CHANCE),
        expect=Expect.below(CHANCE),
        bar="ours: three times chance, 1/p; the paper has about once",
    ),
)

CLAIMS = (*ANALYTIC_CLAIMS, *TRAINED_CLAIMS)
