"""Claims of the study ``superposition_scaling``."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import RANDOM_VARIANCE, STRONG, WEAK, exponent, of

FIGURES = "Liu et al. 2025, toy model"

CLAIMS = (
    Claim(
        key="strong_flat_exponent",
        text="Strong superposition, equally frequent features: loss falls as m^-1 (exponent).",
        source=FIGURES,
        paper=1.0,
        reading=exponent(STRONG, 0.0),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="strong_zipf_exponent",
        text="Strong superposition, frequencies 1/i: still m^-1 (exponent).",
        source=FIGURES,
        paper=1.0,
        reading=exponent(STRONG, 1.0),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="strong_skewed_exponent",
        text="Strong superposition, skewed frequencies i^-2: the exponent is 2(alpha - 1) = 2.",
        source=FIGURES,
        paper=2.0,
        reading=exponent(STRONG, 2.0),
        expect=Expect.between(1.5, 2.5),
    ),
    Claim(
        key="weak_exponent_2",
        text="Weak superposition, frequencies i^-2: the exponent is alpha - 1 = 1.",
        source=FIGURES,
        paper=1.0,
        reading=exponent(WEAK, 2.0),
        expect=Expect.between(0.75, 1.25),
    ),
    Claim(
        key="weak_exponent_15",
        text="Weak superposition, frequencies i^-1.5: the exponent is alpha - 1 = 0.5.",
        source=FIGURES,
        paper=0.5,
        reading=exponent(WEAK, 1.5),
        expect=Expect.between(0.25, 0.75),
    ),
    Claim(
        key="strong_beats_weak",
        text="With equally frequent features the loss falls faster in width under strong "
        "superposition than under weak (difference of exponents).",
        source=FIGURES,
        reading=exponent(STRONG, 0.0) - exponent(WEAK, 0.0),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="weak_loss_is_what_is_dropped",
        text="Under weak superposition at alpha 2 the loss is 4/3 of the frequencies of the "
        "features not kept (mean over widths of |ratio - 1|).",
        source=FIGURES,
        paper=0.0,
        reading=of(WEAK, 2.0).mean((pl.col("loss") / pl.col("predicted") - 1).abs()),
        expect=Expect.below(0.15),
    ),
    Claim(
        key="strong_keeps_all",
        text="Under strong superposition nearly all features are kept (least share over widths).",
        source=FIGURES,
        paper=1.0,
        reading=of(STRONG).aggregate((pl.col("kept") / pl.col("n_features")).min()),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="weak_keeps_width",
        text="Under weak superposition at alpha 2 about as many features are kept as there are "
        "dimensions (mean over widths of kept / m).",
        source=FIGURES,
        paper=1.0,
        reading=of(WEAK, 2.0).mean(pl.col("kept") / pl.col("width")),
        expect=Expect.between(0.75, 1.5),
    ),
    Claim(
        key="overlaps_are_one_over_m",
        text="Under strong superposition, equal frequencies: squared overlaps average 1/m (mean "
        "over widths of overlap x m; random directions give 1).",
        source=FIGURES,
        paper=1.0,
        reading=of(STRONG, 0.0).mean(pl.col("overlap") * pl.col("width")),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="more_even_than_random",
        text="These overlaps are more even than those of random directions (mean over widths of "
        "their variance, as a share of the random one).",
        source=FIGURES,
        reading=of(STRONG, 0.0).mean(pl.col("overlap_variance") / RANDOM_VARIANCE),
        expect=Expect.below(0.9),
    ),
)
