"""Readings and claims of the study ``superposition_scaling``."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import passage
from toylab.read import Reading, Rows, table

toy = passage("Liu et al. 2025, toy model")
WEAK, STRONG = 1.0, -1.0  # the coefficient gamma of the two regimes
WIDTH = pl.col("width")
# Of the squared overlap of random directions in m dimensions.
RANDOM_VARIANCE = 2 * (WIDTH - 1) / (WIDTH**2 * (WIDTH + 2))


def of(gamma: float, alpha: float | None = None) -> Rows:
    """Networks of a regime, and of one exponent of the frequencies, at every width."""
    rows = table("models").filter(gamma=gamma)
    return rows if alpha is None else rows.filter(alpha=alpha)


def exponent(gamma: float, alpha: float) -> Reading:
    """Exponent a of loss ~ m^-a, by least squares on logarithms."""
    x, y = WIDTH.log(), pl.col("loss").log()
    return of(gamma, alpha).aggregate(-pl.cov(x, y) / x.var())


def bend(gamma: float, alpha: float) -> Reading:
    """Largest less smallest exponent between neighbouring widths: 0 for a power law."""
    local = -pl.col("loss").log().diff() / WIDTH.log().diff()
    rows = of(gamma, alpha).then(lambda rows: rows.sort("init_seed", "width"))
    return rows.aggregate(local.max() - local.min())


KEPT = of(STRONG).aggregate((pl.col("kept") / pl.col("n_features")).min())
KEEPS_ALL = Condition("models in strong superposition keep all features", KEPT, Expect.above(0.95))
STRAIGHT = Expect.below(0.5)


def kept_per_width(alpha: float) -> Reading:
    """Features kept per dimension in weak superposition, mean over widths."""
    return of(WEAK, alpha).mean(pl.col("kept") / WIDTH)


def keeps_width(alpha: float) -> Condition:
    """Weak superposition is there."""
    return Condition(
        "at these frequencies models in weak superposition keep about as many features as they "
        "have dimensions",
        kept_per_width(alpha),
        Expect.between(0.75, 1.5),
    )


def straight(gamma: float, alpha: float) -> Condition:
    """A line through the losses is their law."""
    return Condition(
        "the loss falls as a power: exponents between neighbouring widths differ by 0.5 at most",
        bend(gamma, alpha),
        STRAIGHT,
    )


def falls(
    key: str,
    text: str,
    gamma: float,
    alpha: float,
    paper: float,
    within: float,
    bar: str,
    headline: bool = False,
) -> Claim:
    """A claim on the exponent of the loss in the width."""
    return toy(
        key,
        text,
        exponent(gamma, alpha),
        Expect.near(paper, within),
        bar=bar,
        paper=paper,
        requires=(KEEPS_ALL if gamma == STRONG else keeps_width(alpha),),
        control=(straight(gamma, alpha),),
        headline=headline,
    )


CLAIMS = (
    falls(
        "strong_flat_exponent",
        "In strong superposition, with equally frequent features, the loss falls as 1/m (exponent "
        "1 within 0.2).",
        *(STRONG, 0.0, 1.0, 0.2),
        bar="theory: squared overlaps of 1/m give 1, within 0.2",
        headline=True,
    ),
    falls(
        "strong_zipf_exponent",
        "In strong superposition the loss falls as 1/m for frequencies 1/i too (exponent 1 within "
        "0.2).",
        *(STRONG, 1.0, 1.0, 0.2),
        bar="paper: 1 for these frequencies too, within 0.2",
    ),
    falls(
        "strong_skewed_exponent",
        "In strong superposition the exponent for skewed frequencies i^-2 is 2(alpha - 1) = 2 "
        "(within 0.5).",
        *(STRONG, 2.0, 2.0, 0.5),
        bar="theory: 2(alpha - 1), within a quarter",
    ),
    falls(
        "weak_exponent_2",
        "In weak superposition the exponent for frequencies i^-2 is alpha - 1 = 1 (within 0.25).",
        *(WEAK, 2.0, 1.0, 0.25),
        bar="theory: alpha - 1, within 0.25",
    ),
    falls(
        "weak_exponent_15",
        "In weak superposition the exponent for frequencies i^-1.5 is alpha - 1 = 0.5 (within "
        "0.25).",
        *(WEAK, 1.5, 0.5, 0.25),
        bar="theory: alpha - 1, within 0.25",
    ),
    toy(
        "strong_beats_weak",
        "With equally frequent features the exponent is larger in strong than in weak "
        "superposition, by 0.3 or more.",
        exponent(STRONG, 0.0) - exponent(WEAK, 0.0),
        Expect.above(0.3),
        bar="ours: 0.3, slopes that differ by eye",
        requires=(KEEPS_ALL, keeps_width(0.0)),
    ),
    toy(
        "strong_flat_is_a_power",
        "In strong superposition, with equally frequent features, the loss is a power of m: "
        "exponents between neighbouring widths differ by 0.5 at most.",
        bend(STRONG, 0.0),
        STRAIGHT,
        bar="ours: 0.5, a curve that looks straight on logarithmic axes",
        paper=0.0,
        requires=(KEEPS_ALL,),
    ),
    toy(
        "weak_loss_is_what_is_dropped",
        "In weak superposition at alpha = 2 the loss is 4/3 of the summed frequencies of the "
        "features not kept, within 15% (mean over widths).",
        of(WEAK, 2.0).mean((pl.col("loss") / pl.col("predicted") - 1).abs()),
        Expect.below(0.15),
        bar="theory: dropped features cost 4/3 of their frequencies, within 15%",
        paper=0.0,
        requires=(keeps_width(2.0),),
    ),
    toy(
        "strong_keeps_all",
        "In strong superposition at least 95% of the features are kept at every width.",
        KEPT,
        Expect.above(0.95),
        bar="paper: all features, less one in twenty",
        paper=1.0,
    ),
    toy(
        "weak_keeps_width",
        "In weak superposition at alpha = 2 about as many features are kept as there are "
        "dimensions (0.75 to 1.5 per dimension, mean over widths).",
        kept_per_width(2.0),
        Expect.between(0.75, 1.5),
        bar="ours: a quarter less or a half more than the paper's one per dimension",
        paper=1.0,
    ),
    toy(
        "overlaps_are_one_over_m",
        "In strong superposition of equally frequent features the squared overlaps average 1/m, "
        "within 20%, as those of random directions do.",
        of(STRONG, 0.0).mean(pl.col("overlap") * pl.col("width")),
        Expect.between(0.8, 1.2),
        bar="theory: 1/m for random directions, within 20%",
        paper=1.0,
        requires=(KEEPS_ALL,),
    ),
    toy(
        "more_even_than_random",
        "These overlaps are more even than those of random directions: their variance is at most "
        "0.9 of the random one.",
        of(STRONG, 0.0).mean(pl.col("overlap_variance") / RANDOM_VARIANCE),
        Expect.below(0.9),
        bar="theory: random directions have 2(m - 1)/(m^2 (m + 2)); a tenth less",
        requires=(KEEPS_ALL,),
    ),
)
