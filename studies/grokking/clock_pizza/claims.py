"""Claims of the study ``clock_pizza``."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading, table
from toylab.tasks.grokking.clock_pizza import PIZZA

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


MODEL_A, MODEL_B = "section 4.1 and figure 7, model A", "section 4.1, model B"
Q_A, Q_B = "section 4.2, model A", "section 4.2, model B"
SOUND = "models that answer every pair correctly"
CIRCLES = "models that are circular too"

ACCURATE_CLAIMS = (
    Claim(
        key="constant_attention_symmetric",
        text=f"With constant attention the gradients to both summands are alike: a symmetricity of "
        f"at least 0.98 (median over {SOUND}).",
        source=MODEL_A,
        paper=0.9937,
        reading=accurate(0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="constant_attention_distance",
        text=f"With constant attention the correct logit depends on a - b: q is at most 0.4 "
        f"(median over {SOUND}).",
        source=Q_A,
        paper=0.17,
        reading=accurate(0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="free_attention_asymmetric",
        text=f"With free attention the gradients differ: a symmetricity of at most 0.8 (median "
        f"over {SOUND}).",
        source=f"{MODEL_B}, which is circular",
        paper=0.3336,
        reading=accurate(1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="free_attention_distance",
        text=f"With free attention the correct logit depends little on a - b: q is at least 0.5 "
        f"(median over {SOUND}).",
        source=f"{Q_B}, which is circular",
        paper=0.85,
        reading=accurate(1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="pizza_formula",
        text="With constant attention and the main circle alone, the Pizza's formula explains at "
        "least 15 points more of the logits' variance than the Clock's.",
        source="table 2: 99.2% against 75.5%",
        paper=0.238,
        reading=accurate(0.0, pl.col("pizza_fve") - pl.col("clock_fve")),
        expect=Expect.above(0.15),
        headline=True,
        control=(
            Condition(
                "with free attention it does not",
                accurate(1.0, pl.col("pizza_fve") - pl.col("clock_fve")),
                Expect.below(0.15),
            ),
        ),
    ),
    Claim(
        key="phase_line",
        text="Pizza (symmetricity above 0.98, q below 0.6) gives way to Clock at a rate within 0.2 "
        "of 0.57.",
        source="figure 7; of its released one-layer runs of width 128 the Pizzas end between 0.54 "
        "and 0.59; the paper's line moves with the width",
        paper=0.57,
        reading=table("lines").value("line"),
        expect=Expect.near(0.57, 0.2),
    ),
    Claim(
        key="measures_agree",
        text=f"Symmetricity above 0.98 and q below 0.6 call the same models Pizzas, in 80% of "
        f"{SOUND}.",
        source="figures 6 and 7",
        paper=1.0,
        reading=MODELS.where(pl.col("accurate")).aggregate(AGREE),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="asymmetry_is_learned",
        text="The symmetricity falls from constant to free attention by 0.18 more in trained "
        "models than in the same models untrained.",
        source="control; 0.98 minus 0.8, of the claims above",
        paper=0.66,
        reading=accurate(0.0, SYMMETRY) - accurate(1.0, SYMMETRY) - untrained(0.0) + untrained(1.0),
        expect=Expect.above(0.18),
    ),
    Claim(
        key="distance_is_not_memorised",
        text="With constant attention q is at least 0.5 lower in models that add than in models "
        "that memorise a fifth of the pairs.",
        source="control; q is 1 where a - b says nothing about the correct logit",
        reading=table("memorising").filter(rate=0.0).value(Q) - accurate(0.0, Q),
        expect=Expect.above(0.5),
    ),
)

CIRCULAR_CLAIMS = (
    Claim(
        key="circular_share",
        text="At least 30% of the models answer every pair correctly and are circular (over all "
        "attention rates).",
        source="appendix B.1: 34.31% of the one-layer runs, at 0.995 and over several widths",
        paper=0.3431,
        reading=MODELS.mean("circular"),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="circular_constant_symmetric",
        text=f"With constant attention the symmetricity is at least 0.98 (median over {CIRCLES}).",
        source=MODEL_A,
        paper=0.9937,
        reading=circular(0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="circular_constant_distance",
        text=f"With constant attention q is at most 0.4 (median over {CIRCLES}).",
        source=Q_A,
        paper=0.17,
        reading=circular(0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="circular_free_asymmetric",
        text=f"With free attention the symmetricity is at most 0.8 (median over {CIRCLES}).",
        source=MODEL_B,
        paper=0.3336,
        reading=circular(1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="circular_free_distance",
        text=f"With free attention q is at least 0.5 (median over {CIRCLES}).",
        source=Q_B,
        paper=0.85,
        reading=circular(1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
)

CLAIMS = (*ACCURATE_CLAIMS, *CIRCULAR_CLAIMS)
