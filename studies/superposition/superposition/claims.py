"""Claims of the study ``superposition``."""

import polars as pl

from toylab.claims import Claim, Condition, Expect

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
    rows_of,
    unused_dimensions,
)

PANEL = "Elhage et al. 2022, Demonstrating superposition, basic results"
UNIFORM = "Elhage et al. 2022, The geometry of superposition, uniform superposition"
OURS = "region: this laboratory"
PAIRED = IN_PAIR.filter(KEPT).mean()

KEPT_FEATURES = (
    Claim(
        "linear_keeps_top",
        "A linear model keeps its 5 most important features at every density: none has a norm "
        "below 0.9.",
        PANEL,
        rows_of("linear").filter(TOP).aggregate(pl.col("norm").min()),
        Expect.above(0.9),
        paper=1.0,
    ),
    Claim(
        "linear_drops_rest",
        "A linear model drops the other 15 features at every density: none has a norm above 0.1.",
        PANEL,
        rows_of("linear").filter(~TOP).aggregate(pl.col("norm").max()),
        Expect.below(0.1),
        paper=0.0,
    ),
    Claim(
        "dense_relu_is_pca",
        "With dense features a ReLU model of 5 dimensions keeps exactly 5 features, as principal "
        "component analysis does.",
        PANEL,
        kept("relu", 1.0),
        Expect.near(5, 0.5),
        paper=5.0,
    ),
    Claim(
        "superposition_at_003",
        "At density 0.03 a ReLU model of 5 dimensions keeps 6 features or more.",
        PANEL,
        kept("relu", 0.03),
        Expect.above(6),
        control=(
            Condition(
                "a linear model keeps no more features than it has dimensions",
                kept("linear", 0.03),
                Expect.below(5.5),
            ),
        ),
        headline=True,
    ),
    Claim(
        "nearly_all_at_0001",
        "At density 0.001 a ReLU model of 5 dimensions keeps at least 15 of its 20 features.",
        f"{PANEL}; {OURS}",
        kept("relu", 0.001),
        Expect.above(15),
        paper=20.0,
    ),
    Claim(
        "sparser_keeps_more",
        "The sparser the features, the more of them are kept (Spearman's correlation of the "
        "number kept with density).",
        PANEL,
        kept_against_density("relu"),
        Expect.below(-0.9),
        paper=-1.0,
    ),
    Claim(
        "large_sparser_keeps_more",
        "The same correlation holds for 80 features in 20 dimensions.",
        PANEL,
        kept_against_density("large"),
        Expect.below(-0.9),
        paper=-1.0,
    ),
    Claim(
        "least_important_first",
        "At density 0.3, where superposition begins, features in superposition are less important "
        "than those with a dimension of their own, by at least one rank on average.",
        f"{PANEL}; {OURS}",
        at("relu", 0.3).aggregate(RANK.filter(SHARED).mean() - RANK.filter(ALONE).mean()),
        Expect.above(1.0),
    ),
    Claim(
        "antipodal_pairs",
        "At density 0.1 features in superposition lie in antipodal pairs: the median cosine with "
        "the most opposite feature is below -0.95.",
        f"{PANEL}; {OURS}",
        at("relu", 0.1).aggregate(pl.col("lowest_cosine").filter(SHARED).median()),
        Expect.below(-0.95),
        paper=-1.0,
    ),
    Claim(
        "ignored_bias_is_mean",
        "The output of a dense feature that is dropped is its mean: the bias is 1/2.",
        PANEL,
        at("relu", 1.0).aggregate(pl.col("bias").filter(pl.col("norm") < 0.1).mean()),
        Expect.near(0.5, 0.02),
        paper=0.5,
    ),
)

GEOMETRY = (
    Claim(
        "d_star_dense",
        "Dense features get a whole dimension each: D* is at least 0.97 for 1/(1-S) up to 1.17.",
        f"{UNIFORM}; {OURS}",
        band(1.0, 1.18).aggregate(pl.col("d_star").min()),
        Expect.above(0.97),
        paper=1.0,
    ),
    Claim(
        "d_star_sticks_at_half",
        "D* sticks at 1/2 for 1/(1-S) from 2.2 to 3.5: it is never more than 0.03 away.",
        f"{UNIFORM}; {OURS}",
        band(*STICKY).aggregate((pl.col("d_star") - 0.5).abs().max()),
        Expect.below(0.03),
        paper=0.0,
    ),
    Claim(
        "features_in_antipodal_pairs",
        "On that plateau at least 80% of the kept features have a D_i within 0.02 of 1/2.",
        f"{UNIFORM}; {OURS}",
        band(*STICKY).aggregate(PAIRED),
        Expect.above(0.8),
        control=(
            Condition(
                "in untrained models fewer than 80% do",
                band(*STICKY, "untrained").aggregate(PAIRED),
                Expect.below(0.8),
            ),
        ),
    ),
    Claim(
        "dimensions_are_used_up",
        "At every density the D_i sum to the number of dimensions, within 5%.",
        f"{UNIFORM}; {OURS}",
        unused_dimensions("geometry"),
        Expect.below(0.05),
        paper=0.0,
        control=(
            Condition(
                "in untrained models the sum is further off",
                unused_dimensions("untrained"),
                Expect.above(0.05),
            ),
        ),
    ),
    Claim(
        "features_on_polytope_lines",
        "For 1/(1-S) up to 5 the fraction of kept features whose D_i lies within 0.02 of a "
        "regular polytope's is 0.3 above that in untrained models.",
        f"{UNIFORM}; {OURS}",
        on_polytopes("geometry") - on_polytopes("untrained"),
        Expect.above(0.3),
    ),
)

CLAIMS = (*KEPT_FEATURES, *GEOMETRY)
