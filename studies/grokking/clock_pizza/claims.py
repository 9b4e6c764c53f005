"""Claims of the study ``clock_pizza``."""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import Reading, table

from .symmetries import PIZZA

MODELS, SYMMETRY, Q = table("models"), pl.col("symmetricity"), pl.col("q")
AGREE = ((SYMMETRY > PIZZA[0]) == (Q < PIZZA[1])).mean()


def accurate(rate: float, value: pl.Expr) -> Reading:
    """A number of the models at one attention rate that answer every pair correctly."""
    return MODELS.filter(rate=rate).where(pl.col("accurate")).value(value)


def circular(rate: float, value: pl.Expr) -> Reading:
    """The same of those whose embedding is circular too."""
    return MODELS.filter(rate=rate).where(pl.col("circular")).value(value)


def untrained(rate: float) -> Reading:
    """Symmetricity of the same models before training."""
    return table("untrained").filter(rate=rate).value(SYMMETRY)


CLAIMS = (
    Claim(
        key="constant_attention_symmetric",
        text="With constant attention the gradients to both summands are alike: the symmetricity "
        "is at least 0.98 (median over members that know the table).",
        source="section 4.1 and figure 7, model A",
        paper=0.9937,
        reading=accurate(0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="constant_attention_distance",
        text="With constant attention the correct logit depends on a - b: q is at most 0.4 (median "
        "over the same).",
        source="section 4.2, model A",
        paper=0.17,
        reading=accurate(0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="free_attention_asymmetric",
        text="With free attention the gradients differ: the symmetricity is at most 0.8 (median "
        "over members that know the table and are circular).",
        source="section 4.1, model B",
        paper=0.3336,
        reading=accurate(1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="free_attention_distance",
        text="With free attention the correct logit depends little on a - b: q is at least 0.5 "
        "(median over the same).",
        source="section 4.2, model B",
        paper=0.85,
        reading=accurate(1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="pizza_formula",
        text="With constant attention and the main circle alone, the Pizza's formula explains at "
        "least 0.15 more of the logits' variance than the Clock's does.",
        source="table 2: 99.2% against 75.5%",
        paper=0.238,
        reading=accurate(0.0, pl.col("pizza_fve") - pl.col("clock_fve")),
        expect=Expect.above(0.15),
    ),
    Claim(
        key="circular_share",
        text="At least 30% of the members know the whole table and are circular (share over the "
        "attention rates).",
        source="appendix B.1: 34.31% of the one-layer runs, at 0.995 and over several widths",
        paper=0.3431,
        reading=MODELS.mean("circular"),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="circular_constant_symmetric",
        text="The same of members that are circular as well: with constant attention the "
        "symmetricity is at least 0.98 (median).",
        source="section 4.1 and figure 7, model A",
        paper=0.9937,
        reading=circular(0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="circular_constant_distance",
        text="The same of circular members: with constant attention q is at most 0.4 (median).",
        source="section 4.2, model A",
        paper=0.17,
        reading=circular(0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="circular_free_asymmetric",
        text="The same of circular members: with free attention the symmetricity is at most 0.8 "
        "(median).",
        source="section 4.1, model B",
        paper=0.3336,
        reading=circular(1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="circular_free_distance",
        text="The same of circular members: with free attention q is at least 0.5 (median).",
        source="section 4.2, model B",
        paper=0.85,
        reading=circular(1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="phase_line",
        text="Pizza (symmetricity above 0.98, q below 0.6) gives way to Clock at a rate within 0.2 "
        "of 0.57; the paper's line moves with the width.",
        source="figure 7; of its released one-layer runs of width 128 the Pizzas end between 0.54 "
        "and 0.59",
        paper=0.57,
        reading=table("lines").value("line"),
        expect=Expect.near(0.57, 0.2),
    ),
    Claim(
        key="measures_agree",
        text="Symmetricity above 0.98 and q below 0.6 call the same members Pizzas (share of those "
        "that know the table).",
        source="figures 6 and 7",
        paper=1.0,
        reading=MODELS.where(pl.col("accurate")).aggregate(AGREE),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="asymmetry_is_learned",
        text="Control: the symmetricity falls from constant to free attention by 0.18 more in "
        "trained models than in the same models untrained.",
        source="0.98 less 0.8, of the claims above",
        paper=0.66,
        reading=accurate(0.0, SYMMETRY) - accurate(1.0, SYMMETRY) - untrained(0.0) + untrained(1.0),
        expect=Expect.above(0.18),
    ),
    Claim(
        key="distance_is_not_memorised",
        text="Control: with constant attention q is at least 0.5 lower in models that add than in "
        "models that memorise a fifth of the table.",
        source="q is 1 where a - b says nothing about the correct logit",
        reading=table("memorising").filter(rate=0.0).value(Q) - accurate(0.0, Q),
        expect=Expect.above(0.5),
    ),
)
