"""Claims of the study ``superposition``."""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import table

from .readings import (
    ALONE,
    IN_PAIR,
    KEPT,
    RANK,
    SHARED,
    STICKY,
    TOP,
    at,
    band,
    kept,
    kept_against_density,
    on_polytopes,
    unused_dimensions,
)

RELU_PANEL = "Demonstrating superposition, basic results"
UNIFORM = "The geometry of superposition, uniform superposition"

CLAIMS = (
    Claim(
        key="linear_keeps_top",
        text="A linear model keeps its 5 most important features at every density (least norm).",
        source=RELU_PANEL,
        paper=1.0,
        reading=table("linear", of="linear").filter(TOP).aggregate(pl.col("norm").min()),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="linear_drops_rest",
        text="A linear model drops the other 15 features at every density (greatest norm).",
        source=RELU_PANEL,
        paper=0.0,
        reading=table("linear", of="linear").filter(~TOP).aggregate(pl.col("norm").max()),
        expect=Expect.below(0.1),
    ),
    Claim(
        key="dense_relu_is_pca",
        text="With dense features a ReLU model keeps exactly as many features as dimensions.",
        source=RELU_PANEL,
        paper=5.0,
        reading=kept("relu", 1.0),
        expect=Expect.near(5, 0.5),
    ),
    Claim(
        key="superposition_at_003",
        text="At density 0.03 a ReLU model keeps more features than it has dimensions.",
        source=RELU_PANEL,
        reading=kept("relu", 0.03),
        expect=Expect.above(6),
    ),
    Claim(
        key="nearly_all_at_0001",
        text="At density 0.001 a ReLU model keeps nearly all of its 20 features.",
        source=RELU_PANEL,
        paper=20.0,
        reading=kept("relu", 0.001),
        expect=Expect.above(15),
    ),
    Claim(
        key="sparser_keeps_more",
        text="The sparser the features, the more are kept (Spearman's correlation with density).",
        source=RELU_PANEL,
        paper=-1.0,
        reading=kept_against_density("relu"),
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="large_sparser_keeps_more",
        text="The same holds for 80 features in 20 dimensions.",
        source=RELU_PANEL,
        paper=-1.0,
        reading=kept_against_density("large"),
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="least_important_first",
        text="At density 0.3, where superposition begins, the features in superposition are less "
        "important than those with a dimension of their own (mean difference of rank).",
        source=RELU_PANEL,
        reading=at("relu", 0.3).aggregate(RANK.filter(SHARED).mean() - RANK.filter(ALONE).mean()),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="antipodal_pairs",
        text="At density 0.1 features in superposition lie in antipodal pairs (median over them of "
        "the lowest cosine to another feature).",
        source=RELU_PANEL,
        paper=-1.0,
        reading=at("relu", 0.1).aggregate(pl.col("lowest_cosine").filter(SHARED).median()),
        expect=Expect.below(-0.95),
    ),
    Claim(
        key="ignored_bias_is_mean",
        text="Dense features that are dropped are replaced by their mean: bias 1/2.",
        source=RELU_PANEL,
        paper=0.5,
        reading=at("relu", 1.0).aggregate(pl.col("bias").filter(pl.col("norm") < 0.1).mean()),
        expect=Expect.near(0.5, 0.02),
    ),
    Claim(
        key="d_star_dense",
        text="Dense features get a whole dimension each: D* is 1 for 1/(1-S) up to 1.17.",
        source=UNIFORM,
        paper=1.0,
        reading=band(1.0, 1.18).aggregate(pl.col("d_star").min()),
        expect=Expect.above(0.97),
    ),
    Claim(
        key="d_star_sticks_at_half",
        text="D* sticks at 1/2 for 1/(1-S) from 2.2 to 3.5 (greatest distance from 1/2).",
        source=UNIFORM,
        paper=0.0,
        reading=band(*STICKY).aggregate((pl.col("d_star") - 0.5).abs().max()),
        expect=Expect.below(0.03),
    ),
    Claim(
        key="features_in_antipodal_pairs",
        text="On that plateau at least 80% of the kept features have D_i within 0.02 of 1/2.",
        source=UNIFORM,
        reading=band(*STICKY).aggregate(IN_PAIR.filter(KEPT).mean()),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="dimensions_are_used_up",
        text="The D_i sum to the number of dimensions at every density (greatest relative gap).",
        source=UNIFORM,
        paper=0.0,
        reading=unused_dimensions("geometry"),
        expect=Expect.below(0.05),
    ),
    Claim(
        key="features_on_polytope_lines",
        text="For 1/(1-S) up to 5, D_i gathers within 0.02 of the polytopes' fractions: the share "
        "of kept features there, less that of the same untrained models.",
        source=UNIFORM,
        reading=on_polytopes("geometry") - on_polytopes("untrained"),
        expect=Expect.above(0.3),
    ),
)
