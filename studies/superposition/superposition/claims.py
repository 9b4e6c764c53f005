"""Readings and claims of the study ``superposition``."""

import polars as pl

from toylab.claims import Expect
from toylab.conditions import only, passage
from toylab.read import Reading, Rows, table
from toylab.read.networks import trend

KEPT = pl.col("norm") > 0.5  # a feature of norm above this counts as kept
LINES = (1.0, 3 / 4, 2 / 3, 1 / 2, 2 / 5, 3 / 8)  # the paper's polytope lines
POPULATIONS = {"untrained": "geometry"}  # of the tables that do not bear their name


def rows_of(name: str) -> Rows:
    """Features of the networks of a table."""
    return table(name, of=POPULATIONS.get(name, name))


def at(name: str, density: float) -> Rows:
    """Features of the networks of one density."""
    return rows_of(name).filter(density=density)


def band(low: float, high: float, name: str = "geometry") -> Rows:
    """Features of the networks whose 1/(1-S) lies in a band."""
    return rows_of(name).filter((1 / pl.col("density")).is_between(low - 1e-6, high + 1e-6))


def kept(name: str, density: float) -> Reading:
    """Number of features that the network of one density keeps."""
    return at(name, density).aggregate(KEPT.sum())


def unused_dimensions(name: str) -> Reading:
    """Greatest distance over densities of the sum of all D_i from M, as a fraction of M."""
    # D* is M / ||W||^2, which gives M back.
    hidden = (pl.col("d_star").first() * (pl.col("norm") ** 2).sum()).round()
    gap = (pl.col("dimensionality").sum() / hidden - 1).abs().alias("gap")
    models = rows_of(name).then(lambda rows: rows.group_by("init_seed", "density").agg(gap))
    return models.aggregate(pl.col("gap").max())


def on_polytopes(name: str, tolerance: float = 0.02) -> Reading:
    """Share of kept features whose D_i lies near a polytope's, for 1/(1-S) up to 5."""
    near = pl.any_horizontal([(pl.col("dimensionality") - x).abs() < tolerance for x in LINES])
    return band(1.0, 5.0, name).aggregate(near.filter(KEPT).mean())


panel = passage("Elhage et al. 2022, Demonstrating superposition, basic results")
uniform = passage("Elhage et al. 2022, The geometry of superposition, uniform superposition")

RANK = pl.col("feature")  # the most important first
TOP = RANK < 5
SHARED = KEPT & (pl.col("interference") > 0.25)
ALONE = KEPT & ~SHARED
PAIRED = ((pl.col("dimensionality") - 0.5).abs() < 0.02).filter(KEPT).mean()
STICKY = (2.19, 3.5)  # span of 1/(1-S) over which D* should stay at 1/2; the sweep has 2.1998

CLAIMS = (
    panel(
        "linear_keeps_top",
        "A linear model keeps its 5 most important features at every density: none has a norm "
        "below 0.9.",
        rows_of("linear").filter(TOP).aggregate(pl.col("norm").min()),
        Expect.above(0.9),
        bar="paper: a norm of 1, less a tenth",
        paper=1.0,
    ),
    panel(
        "linear_drops_rest",
        "A linear model drops the other 15 features at every density: none has a norm above 0.1.",
        rows_of("linear").filter(~TOP).aggregate(pl.col("norm").max()),
        Expect.below(0.1),
        bar="paper: a norm of 0, within a tenth",
        paper=0.0,
    ),
    panel(
        "dense_relu_is_pca",
        "With dense features a ReLU model of 5 dimensions keeps exactly 5 features, as principal "
        "component analysis does.",
        kept("relu", 1.0),
        Expect.near(5, 0.5),
        bar="paper: 5 features in its dense panel, rounded",
        paper=5.0,
    ),
    panel(
        "superposition_at_003",
        "At density 0.03 a ReLU model of 5 dimensions keeps 6 features or more.",
        kept("relu", 0.03),
        Expect.above(6),
        bar="theory: without superposition 5 dimensions hold 5 features",
        control=only(
            "a linear model keeps no more features than it has dimensions",
            kept("linear", 0.03),
            Expect.below(5.5),
        ),
        headline=True,
    ),
    panel(
        "nearly_all_at_0001",
        "At density 0.001 a ReLU model of 5 dimensions keeps at least 15 of its 20 features.",
        kept("relu", 0.001),
        Expect.above(15),
        bar="ours: three quarters of the 20 in the paper's picture",
        paper=20.0,
    ),
    panel(
        "sparser_keeps_more",
        "The sparser the features, the more of them are kept (Spearman's correlation of the "
        "number kept with density).",
        trend(rows_of("relu"), KEPT.sum(), "density"),
        Expect.below(-0.9),
        bar="paper: more in every sparser panel, -1, less a tenth",
        paper=-1.0,
    ),
    panel(
        "large_sparser_keeps_more",
        "The same correlation holds for 80 features in 20 dimensions.",
        trend(rows_of("large"), KEPT.sum(), "density"),
        Expect.below(-0.9),
        bar="paper: more in every sparser panel, -1, less a tenth",
        paper=-1.0,
    ),
    panel(
        "least_important_first",
        "At density 0.3, where superposition begins, features in superposition are less important "
        "than those with a dimension of their own, by at least one rank on average.",
        at("relu", 0.3).aggregate(RANK.filter(SHARED).mean() - RANK.filter(ALONE).mean()),
        Expect.above(1.0),
        bar="ours: one rank, as far as neighbours in importance are apart",
    ),
    panel(
        "antipodal_pairs",
        "At density 0.1 features in superposition lie in antipodal pairs: the median cosine with "
        "the most opposite feature is below -0.95.",
        at("relu", 0.1).aggregate(pl.col("lowest_cosine").filter(SHARED).median()),
        Expect.below(-0.95),
        bar="ours: within 18 degrees of the paper's antipodes, -1",
        paper=-1.0,
    ),
    panel(
        "ignored_bias_is_mean",
        "The output of a dense feature that is dropped is its mean: the bias is 1/2.",
        at("relu", 1.0).aggregate(pl.col("bias").filter(pl.col("norm") < 0.1).mean()),
        Expect.near(0.5, 0.02),
        bar="theory: features uniform on [0, 1] have the mean 1/2; within 0.02",
        paper=0.5,
    ),
    uniform(
        "d_star_dense",
        "Dense features get a whole dimension each: D* is at least 0.97 for 1/(1-S) up to 1.17.",
        band(1.0, 1.18).aggregate(pl.col("d_star").min()),
        Expect.above(0.97),
        bar="paper: D* sticks at 1, less 0.03",
        paper=1.0,
    ),
    uniform(
        "d_star_sticks_at_half",
        "D* sticks at 1/2 for 1/(1-S) from 2.2 to 3.5: it is never more than 0.03 away.",
        band(*STICKY).aggregate((pl.col("d_star") - 0.5).abs().max()),
        Expect.below(0.03),
        bar="paper: D* sticks at 1/2, within 0.03",
        paper=0.0,
    ),
    uniform(
        "features_in_antipodal_pairs",
        "On that plateau at least 80% of the kept features have a D_i within 0.02 of 1/2.",
        band(*STICKY).aggregate(PAIRED),
        Expect.above(0.8),
        bar="ours: four of five, where the paper's picture has nearly all",
        control=only(
            "in untrained models fewer than 80% do",
            band(*STICKY, "untrained").aggregate(PAIRED),
            Expect.below(0.8),
        ),
    ),
    uniform(
        "dimensions_are_used_up",
        "At every density the D_i sum to the number of dimensions, within 5%.",
        unused_dimensions("geometry"),
        Expect.below(0.05),
        bar="paper: the D_i sum to the number of dimensions, within 5%",
        paper=0.0,
        control=only(
            "in untrained models the sum is further off",
            unused_dimensions("untrained"),
            Expect.above(0.05),
        ),
    ),
    uniform(
        "features_on_polytope_lines",
        "For 1/(1-S) up to 5 the fraction of kept features whose D_i lies within 0.02 of a "
        "regular polytope's is 0.3 above that in untrained models.",
        on_polytopes("geometry") - on_polytopes("untrained"),
        Expect.above(0.3),
        bar="ours: 0.3 above untrained models, a cluster that one sees by eye",
    ),
)
