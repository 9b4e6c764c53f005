"""Claims of the study ``clock_pizza``."""

from collections.abc import Callable

import polars as pl

from toylab.claims import Claim, Expect
from toylab.conditions import only
from toylab.read import Reading, table
from toylab.tasks.grokking.clock_pizza import PIZZA, phase_line

MODELS, SYMMETRY, Q = table("models"), pl.col("symmetricity"), pl.col("q")
ACCURATE = MODELS.where(pl.col("accurate"))
LINE = ACCURATE.each(lambda rows: phase_line(rows["rate"].to_numpy(), rows["pizza"].to_numpy()))
GAIN = pl.col("pizza_fve") - pl.col("clock_fve")
AGREE = ((SYMMETRY > PIZZA[0]) == (Q < PIZZA[1])).mean()


def accurate(rate: float, value: pl.Expr) -> Reading:
    """A number of the models at one attention rate that answer every pair correctly."""
    return ACCURATE.filter(rate=rate).value(value)


def circular(rate: float, value: pl.Expr) -> Reading:
    """The same of those whose embedding is circular too."""
    return MODELS.filter(rate=rate).where(pl.col("circular")).value(value)


def untrained(rate: float) -> Reading:
    """Symmetricity of the same models before training."""
    return table("untrained").filter(rate=rate).value(SYMMETRY)


def ends(names: str, models: str, of: Callable[[float, pl.Expr], Reading]) -> tuple[Claim, ...]:
    """Claims on both measures at either end of the attention rate.

    Args:
        names: of the keys, with a place for the kind of attention.
        models: which models they are about, in words.
        of: reads a number of these models at a rate.
    """
    return (
        Claim(
            key=f"{names.format('constant')}_symmetric",
            text="With constant attention the gradients to both summands are alike: a "
            f"symmetricity of at least 0.98 (median over {models}).",
            source="section 4.1 and figure 7, model A, which is circular",
            paper=0.9937,
            reading=of(0.0, SYMMETRY),
            expect=Expect.above(0.98),
            bar="paper: figure 7 calls models Pizzas from 98% on",
            statistic="median",
        ),
        Claim(
            key=f"{names.format('constant')}_distance",
            text="With constant attention the correct logit depends on a - b: q is at most 0.4 "
            f"(median over {models}).",
            source="section 4.2, model A, which is circular",
            paper=0.17,
            reading=of(0.0, Q),
            expect=Expect.below(0.4),
            bar="paper: its Pizzas have q from 0 to 0.4",
            statistic="median",
        ),
        Claim(
            key=f"{names.format('free')}_asymmetric",
            text="With free attention the gradients differ: a symmetricity of at most 0.8 (median "
            f"over {models}).",
            source="section 4.1, model B, which is circular",
            paper=0.3336,
            reading=of(1.0, SYMMETRY),
            expect=Expect.below(0.8),
            bar="ours: 0.8, well below the 0.98 of Pizzas; the paper has 0.33",
            statistic="median",
        ),
        Claim(
            key=f"{names.format('free')}_distance",
            text="With free attention the correct logit depends little on a - b: q is at least 0.5 "
            f"(median over {models}).",
            source="section 4.2, model B, which is circular",
            paper=0.85,
            reading=of(1.0, Q),
            expect=Expect.above(0.5),
            bar="ours: 0.5, above the 0.4 of Pizzas; the paper has 0.85",
            statistic="median",
        ),
    )


CLAIMS = (
    *ends("{}_attention", "models that answer every pair correctly", accurate),
    Claim(
        key="pizza_formula",
        text="With constant attention and the main circle alone, the Pizza's formula explains at "
        "least 15 points more of the logits' variance than the Clock's.",
        source="table 2",
        paper=0.238,
        reading=accurate(0.0, GAIN),
        expect=Expect.above(0.15),
        bar="ours: 15 points, most of the paper's 23.8",
        headline=True,
        control=only("with free attention it does not", accurate(1.0, GAIN), Expect.below(0.15)),
    ),
    Claim(
        key="phase_line",
        text="Pizza (symmetricity above 0.98, q below 0.6) gives way to Clock at a rate within 0.2 "
        "of 0.57.",
        source="figure 7, and its released one-layer runs of width 128",
        paper=0.57,
        reading=LINE,
        expect=Expect.near(0.57, 0.2),
        bar="paper: 0.57, its runs' 0.54 to 0.59; within 0.2 is ours, as it moves with width",
    ),
    Claim(
        key="measures_agree",
        text="Symmetricity above 0.98 and q below 0.6 call the same models Pizzas, in 80% of the "
        "models that answer every pair correctly.",
        source="figures 6 and 7",
        paper=1.0,
        reading=ACCURATE.aggregate(AGREE),
        expect=Expect.above(0.8),
        bar="ours: four models in five, nearly all",
    ),
    Claim(
        key="asymmetry_is_learned",
        text="The symmetricity falls from constant to free attention by 0.18 more in trained "
        "models than in the same models untrained.",
        source="this laboratory",
        paper=0.66,
        reading=accurate(0.0, SYMMETRY) - accurate(1.0, SYMMETRY) - untrained(0.0) + untrained(1.0),
        expect=Expect.above(0.18),
        bar="ours: 0.98 minus 0.8, of the claims above",
    ),
    Claim(
        key="distance_is_not_memorised",
        text="With constant attention q is at least 0.5 lower in models that add than in models "
        "that memorise a fifth of the pairs.",
        source="this laboratory",
        reading=table("memorising").filter(rate=0.0).value(Q) - accurate(0.0, Q),
        expect=Expect.above(0.5),
        bar="ours: half of the way down from 1, where a - b tells nothing",
    ),
    Claim(
        key="circular_share",
        text="At least 30% of the models answer every pair correctly and are circular (over all "
        "attention rates).",
        source="appendix B.1, one-layer runs of several widths, circular at 0.995",
        paper=0.3431,
        reading=MODELS.mean("circular"),
        expect=Expect.above(0.3),
        bar="paper: 34.31% of its one-layer runs, rounded down",
    ),
    *ends("circular_{}", "models that are circular too", circular),
)
