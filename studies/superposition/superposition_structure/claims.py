"""Readings and claims of the study ``superposition_structure``."""

import numpy as np
import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, Rows, table

GROUP = "group"
DENSITY = 0.05  # the baseline of the non-uniform section; the paper gives none for sets


def nonuniform(low: float = 0.0, high: float = np.inf) -> Rows:
    """Best of every group and relative density, in a span of relative densities."""
    return table("nonuniform_best").filter(pl.col("ratio").is_between(low, high))


def snap(best: pl.DataFrame) -> float | None:
    """Relative density between the last digons and the next solution of one group, or None."""
    best = best.sort("ratio")
    ratio, digons = best["ratio"].to_numpy(), np.flatnonzero(best["kind"] == "digons")
    inside = len(digons) and digons[-1] + 1 < len(ratio)
    return (ratio[digons[-1]] + ratio[digons[-1] + 1]) / 2 if inside else None


LAST_DIGONS = pl.col("ratio").filter(pl.col("kind") == "digons").max().over(GROUP)

SNAPPED = nonuniform().where(pl.col("ratio") <= LAST_DIGONS)
SNAP = nonuniform().each(snap, GROUP)


def changes(value: str) -> pl.Expr:
    """Sizes of the changes of a column from one relative density to the next."""
    return pl.col(value).sort_by("ratio").diff().abs()


def low_loss(kind: str, density: float) -> Rows:
    """Tries of ``pairs`` that ended near the lowest loss of their group."""
    return table("pairs").filter(pl.col("low"), kind=kind, density=density)


def orthogonal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with |cos| < 0.2 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest_size") < 0.2, GROUP)


def antipodal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with cos < -0.9 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest") < -0.9, GROUP)


def ladder(low: float, high: float, kind: str = "correlated") -> Rows:
    """Best of every group and density of three pairs, in a span of densities."""
    return table("ladder_best").filter(pl.col("density").is_between(low, high), kind=kind)


def collapsed(low: float, high: float, kind: str = "correlated") -> Reading:
    """Mean number of collapsed pairs over a span of densities."""
    return ladder(low, high, kind).mean("collapsed", GROUP)


def bases(kind: str) -> Reading:
    """Share within sets of the squared overlaps of the best of two sets of ten."""
    return table("bases_best").filter(kind=kind).value("within_share", GROUP)


GEOMETRY = "Elhage et al. 2022, The geometry of superposition"
TRIES = "group of tries"
sparser = passage(f"{GEOMETRY}, non-uniform superposition", unit=TRIES)
sets = passage(f"{GEOMETRY}, correlated and anticorrelated features", unit=TRIES)
BY_DENSITY = {"method": "spearman"}
SNAPS = Condition(
    "the best solution snaps from pentagon to digons within the span",
    SNAP,
    Expect.between(0.15, 2.0),
)

CLAIMS = (
    sparser(
        "regular_at_equal_density",
        "The best solution for five equal features is a regular pentagon: no gap is more than 5 "
        "degrees from 72.",
        nonuniform(1.0, 1.0).aggregate(pl.col("gap_error").max(), GROUP),
        Expect.below(5),
        bar="theory: 72 degrees in a regular pentagon, within 5",
        paper=0.0,
    ),
    sparser(
        "snap_at_04",
        "The best solution snaps from a pentagon to two digons where one feature has 0.4 of the "
        "others' density, within 0.1.",
        SNAP,
        Expect.between(0.3, 0.5),
        bar="paper: 0.4, within 0.1",
        paper=0.4,
    ),
    sparser(
        "snap_is_a_jump",
        "The snap is a jump: between two neighbouring densities the norm of the sparser feature "
        "changes by 0.5 more than between any other two.",
        nonuniform().aggregate(
            changes("norm").top_k(2).max() - changes("norm").top_k(2).min(), GROUP
        ),
        Expect.above(0.5),
        bar="ours: 0.5 of a norm of about 1, more than half of the way at once",
        requires=(SNAPS,),
        headline=True,
    ),
    sparser(
        "digons_after_snap",
        "At densities below the snap the sparser feature is dropped and the others form two "
        "digons, at 90% of the densities or more.",
        SNAPPED.mean(pl.col("kind") == "digons", GROUP),
        Expect.above(0.9),
        bar="paper: at every density below, less a tenth",
        paper=1.0,
        requires=(SNAPS,),
    ),
    sparser(
        "pentagon_before_snap",
        "Before the snap the sparser feature does not fade: from half of the others' density on "
        "its norm is at least 0.7.",
        nonuniform(0.5, 1.0).aggregate(pl.col("norm").min(), GROUP),
        Expect.above(0.7),
        bar="ours: 0.7, nearer to the others' norm than to 0",
    ),
    sparser(
        "pentagon_deforms",
        "Before the snap the pentagon deforms: the sparser the feature, the nearer its neighbours "
        "come (Spearman's correlation of their angle with its density).",
        nonuniform(0.5).aggregate(pl.corr("ratio", "neighbour_angle", **BY_DENSITY), GROUP),
        Expect.above(0.9),
        bar="paper: nearer with every step, 1, less a tenth",
        paper=1.0,
    ),
    sets(
        "correlated_orthogonal",
        "Correlated pairs are orthogonal: in at least 80% of low-loss tries |cos| is below 0.2 "
        "within both pairs.",
        orthogonal("correlated"),
        Expect.above(0.8),
        bar="ours: four tries of five, where the paper says it of all",
        control=only(
            "pairs of independent features are orthogonal in fewer tries",
            orthogonal("independent"),
            Expect.below(0.8),
        ),
    ),
    sets(
        "anticorrelated_antipodal",
        "Anticorrelated pairs are antipodal: in at least 80% of low-loss tries cos is below -0.9 "
        "within both pairs.",
        antipodal("anticorrelated"),
        Expect.above(0.8),
        bar="ours: four tries of five, where the paper says it of all",
        control=only(
            "pairs of independent features are antipodal in fewer tries",
            antipodal("independent", DENSITY / 2),
            Expect.below(0.8),
        ),
    ),
    *(
        sets(
            f"ladder_{word}",
            f"At densities {low:g} to {high:g}, {word} of three correlated pairs collapsed to one "
            "direction (mean number, within 0.25).",
            collapsed(low, high),
            Expect.near(count, 0.25),
            bar=f"paper: {word} of the three pairs, within a quarter of a pair",
            paper=float(count),
        )
        for word, count, low, high in (
            ("none", 0, 0, 0.05),
            ("one", 1, 0.05, 0.15),
            ("two", 2, 0.15, 0.2),
            ("three", 3, 0.25, 0.5),
        )
    ),
    sets(
        "ladder_monotone",
        "The denser the features up to 0.5, the more pairs collapse (Spearman's correlation).",
        ladder(0, 0.5).aggregate(pl.corr("density", "collapsed", **BY_DENSITY), GROUP),
        Expect.above(0.9),
        bar="paper: more at every step of its ladder, 1, less a tenth",
        paper=1.0,
        control=only(
            "independent features of the same densities do not collapse",
            collapsed(0, 1, "independent"),
            Expect.below(0.1),
        ),
    ),
    sets(
        "dense_reads_sums",
        "From density 0.5 on the weights read the sums of the pairs, their principal components, "
        "with 95% of the squared norm; random directions have 50%.",
        ladder(0.5, 1).aggregate(pl.col("sum_share").min(), GROUP),
        Expect.above(0.95),
        bar="theory: principal components have 1 and random directions 0.5; less 0.05",
        paper=1.0,
    ),
    sets(
        # Not "two pairs are kept": the three components have equal variance, so any plane that they
        # span is principal, and the number is left open.
        "dense_projects",
        "They project as principal component analysis does: the singular values of W are 1, "
        "within 0.1.",
        ladder(0.5, 1).aggregate(pl.col("stretch").max(), GROUP),
        Expect.below(0.1),
        bar="theory: a projection's singular values are 1, within a tenth",
        paper=0.0,
    ),
    sets(
        "side_by_side",
        "Up to density 0.05 correlated features lie side by side in at least 80% of the "
        "solutions; chance is 2/15.",
        ladder(0, 0.05).mean("side_by_side", GROUP),
        Expect.above(0.8),
        bar="ours: four solutions of five, where chance is 2/15",
        paper=1.0,
    ),
    sets(
        "hexagon",
        "The six features then form a hexagon: the greatest distance of a gap from 60 degrees is "
        "at most 15 (mean over densities).",
        ladder(0, 0.05).mean("gap_error", GROUP),
        Expect.below(15),
        bar="theory: 60 degrees in a regular hexagon, within a quarter",
        paper=0.0,
    ),
    sets(
        "local_bases_share",
        "Of two sets of ten correlated features in ten dimensions each is a basis of its own, "
        "with interference across the sets: at most a tenth of the squared overlaps is within "
        "them; chance is 9/19.",
        bases("correlated"),
        Expect.below(0.1),
        bar="theory: 0 for an orthogonal basis and 9/19 by chance; within a tenth",
        control=only(
            "of independent features more than a tenth is", bases("independent"), Expect.above(0.1)
        ),
    ),
)
