"""Claims of ``grokking_analytic``; thresholds are the paper's, chance's, or derived as they say."""

from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import Reading, greatest, least, table

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


CLAIMS = (
    Claim(
        key="analytic_solves",
        text="Weights written down solve x + y without training, at p = 97 and N = 500 (accuracy).",
        source="Gromov 2023, analytic solution",
        paper=1.0,
        reading=at_width("tied"),
        expect=Expect.above(0.99),
        unit=DRAW,
    ),
    Claim(
        key="analytic_needs_the_phases",
        text="The same weights without phi1 + phi2 = phi3, and Gaussian weights of the same size, "
        "are at chance (the better of the two, in units of 1/p).",
        source="Control of the above; three times chance is the notes' bound of 3% at p = 97",
        reading=P * greatest(at_width("free"), at_width("gaussian")),
        expect=Expect.below(CHANCE),
        unit=DRAW,
    ),
    Claim(
        key="accuracy_by_width",
        text="Accuracy rises with the width as for one signal in Gaussian noise: mean distance "
        "from E_u Phi(u + sqrt(N) p / (2 (p - 1)))^(p - 1) over widths.",
        source="Gromov 2023: accuracy rises with N; the formula is derived here",
        reading=ANALYTIC.filter(kind="tied").aggregate(
            (pl.col("accuracy") - pl.col("expected")).abs().mean(), "draw"
        ),
        expect=Expect.below(0.05),
        unit=DRAW,
    ),
    Claim(
        key="relu_needs_width",
        text="With ReLU in place of the square the same weights need a greater width: ratio of the "
        "widths at which half of the answers are right.",
        source="Gromov 2023: other activations work at larger N only; the first harmonics of "
        "max(0, cos A + cos B), worked out here, give 3.4, of which we ask 2",
        paper="> 1",
        reading=half_width("relu") / half_width("tied"),
        expect=Expect.above(2),
        unit=DRAW,
    ),
    Claim(
        key="analytic_sums_of_functions",
        text="With f(x) in the input layer the same weights solve x^2 + y^2; and p need not be a "
        "prime: they solve x + y modulo 96 (the lower accuracy).",
        source="Gromov 2023, table of polynomials",
        paper=1.0,
        reading=form("x^2+y^2", "x+y mod p-1"),
        expect=Expect.above(0.99),
        unit=DRAW,
    ),
    Claim(
        key="analytic_square_half",
        text="(x + y)^2 is solved for half of the pairs when each output listens to one root.",
        source="Gromov 2023, table of polynomials: about 51%, two branches",
        paper=0.51,
        reading=form("(x+y)^2"),
        expect=Expect.between(0.45, 0.55),
        unit=DRAW,
    ),
    Claim(
        key="analytic_square_both_roots",
        text="The half is the readout's doing: an output that listens to both roots solves "
        "(x + y)^2 (accuracy).",
        source="Derived here; the paper has no such solution",
        reading=form("(x+y)^2, all roots"),
        expect=Expect.above(0.99),
        unit=DRAW,
    ),
    Claim(
        key="trained_one_frequency",
        text="Neurons of networks trained on x + y have one frequency: mean inverse participation "
        "ratio of the rows of U, V and W.",
        source="Gromov 2023, figure of the inverse participation ratio; untrained: about 4/p",
        reading=shape("participation"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="trained_phases_cancel",
        text="Their phases meet phi1 + phi2 = phi3 (concentration of the residual's angle).",
        source="Gromov 2023: trained networks approach the analytic phases",
        paper=1.0,
        reading=shape("concentration"),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="random_phases_do_not",
        text="Neither phases of the untrained networks nor trained ones shuffled between neurons "
        "do (the greater concentration).",
        source="Control of the above; 256 random angles give 0.06",
        reading=greatest(shape("concentration", "untrained"), shape("shuffled")),
        expect=Expect.below(0.2),
    ),
    Claim(
        key="one_cosine_suffices",
        text="Cut down to one cosine in each row of each neuron, they still solve the table, and "
        "what was cut away does not: accuracy of the one less that of the other.",
        source="Gromov 2023: trained networks approach the analytic solution; the test is ours",
        reading=shape(pl.col("one_cosine") - pl.col("rest")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="trained_separable",
        text="Trained on half the table, networks learn x + y and x^2 + y^2 (lower test accuracy).",
        source="Gromov 2023, table of polynomials",
        paper=1.0,
        reading=least(accuracy("x+y"), accuracy("x^2+y^2")),
        expect=Expect.above(0.99),
    ),
    Claim(
        key="no_decay_needed",
        text="Without weight decay they learn x + y too (test accuracy).",
        source="Gromov 2023: grokking without regularisation, there by gradient descent",
        paper=1.0,
        reading=accuracy("x+y", weight_decay=0),
        expect=Expect.above(0.99),
    ),
    Claim(
        key="trained_square_both_branches",
        text="On (x + y)^2 training on half the table beats the one-root solution's 51% (test "
        "accuracy).",
        source="Derived here from the two branches; the bound is the paper's analytic accuracy "
        "with 4% to spare",
        reading=accuracy("(x+y)^2"),
        expect=Expect.above(0.55),
    ),
    Claim(
        key="mixed_term_needs_data",
        text="x^2 + xy + y^2 is learned from 95% of the table only: test accuracy there less that "
        "at 50%.",
        source="Gromov 2023, table of polynomials: 97%, above 95% of the data only; 0.3 is ours",
        reading=accuracy("x^2+xy+y^2", "most") - accuracy("x^2+xy+y^2"),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="cubic_at_chance",
        text="x^3 + xy^2 + y stays at chance even at 95% of the table (test accuracy in units of "
        "1/p).",
        source="Gromov 2023, table of polynomials: at most 1% at p = 97",
        paper=1.0,
        reading=accuracy("x^3+xy^2+y", "most", OVER_CHANCE),
        expect=Expect.below(CHANCE),
    ),
)
