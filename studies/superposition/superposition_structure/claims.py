"""Claims of the study ``superposition_structure``, with thresholds of the paper."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import (
    CROSSING,
    DENSITY,
    GROUP,
    SNAP,
    SNAPPED,
    antipodal,
    bases,
    changes,
    collapsed,
    ladder,
    nonuniform,
    orthogonal,
)

NONUNIFORM = "The geometry of superposition, non-uniform superposition"
SETS = "The geometry of superposition, correlated and anticorrelated features"
TRIES = "group of tries"

CLAIMS = (
    Claim(
        key="regular_at_equal_density",
        text="With five equal features the best solution is a regular pentagon (greatest distance "
        "of a gap from 72 degrees).",
        source=NONUNIFORM,
        paper=0.0,
        reading=nonuniform(1.0, 1.0).aggregate(pl.col("gap_error").max(), GROUP),
        expect=Expect.below(5),
        unit=TRIES,
    ),
    Claim(
        key="snap_at_04",
        text="The best solution snaps from pentagon to two digons where one feature is about 2.5 "
        "times sparser than the others.",
        source=NONUNIFORM,
        paper=0.4,
        reading=SNAP,
        expect=Expect.between(0.3, 0.5),
        unit=TRIES,
    ),
    Claim(
        key="losses_cross_at_04",
        text="The loss curves of the pentagons and of the two digons cross there.",
        source=NONUNIFORM,
        paper=0.4,
        reading=CROSSING,
        expect=Expect.between(0.3, 0.5),
        unit=TRIES,
    ),
    Claim(
        key="sparse_feature_at_0",
        text="Sparser than at the snap, wherever that is, the feature is at 0: its greatest norm.",
        source=NONUNIFORM,
        paper=0.0,
        reading=SNAPPED.aggregate(pl.col("norm").max(), GROUP),
        expect=Expect.below(0.1),
        unit=TRIES,
    ),
    Claim(
        key="digons_after_snap",
        text="There the others form two digons (share of relative densities).",
        source=NONUNIFORM,
        paper=1.0,
        reading=SNAPPED.mean(pl.col("kind") == "digons", GROUP),
        expect=Expect.above(0.9),
        unit=TRIES,
    ),
    Claim(
        key="pentagon_before_snap",
        text="Before the snap (relative density 0.5 to 1) the sparse feature does not fade: its "
        "least norm.",
        source=NONUNIFORM,
        reading=nonuniform(0.5, 1.0).aggregate(pl.col("norm").min(), GROUP),
        expect=Expect.above(0.7),
        unit=TRIES,
    ),
    Claim(
        key="pentagon_deforms",
        text="The sparser the feature, the nearer its neighbours come (rank correlation of their "
        "angle with the relative density, from 0.5).",
        source=NONUNIFORM,
        paper=1.0,
        reading=nonuniform(0.5).aggregate(
            pl.corr("ratio", "neighbour_angle", method="spearman"), GROUP
        ),
        expect=Expect.above(0.9),
        unit=TRIES,
    ),
    Claim(
        key="deforms_smoothly",
        text="It does so smoothly: greatest change of that angle (degrees) between neighbouring "
        "relative densities from 0.5 to 1.",
        source=NONUNIFORM,
        reading=nonuniform(0.5, 1.0).aggregate(changes("neighbour_angle").max(), GROUP),
        expect=Expect.below(10),
        unit=TRIES,
    ),
    Claim(
        key="snap_is_a_jump",
        text="The snap is a jump: greatest change of the sparse feature's norm between "
        "neighbouring relative densities, less the second greatest.",
        source=NONUNIFORM,
        reading=nonuniform().aggregate(
            changes("norm").top_k(2).max() - changes("norm").top_k(2).min(), GROUP
        ),
        expect=Expect.above(0.5),
        unit=TRIES,
    ),
    Claim(
        key="correlated_orthogonal",
        text="Correlated pairs are orthogonal: share of low-loss tries with |cos| < 0.2 within "
        "both pairs.",
        source=SETS,
        reading=orthogonal("correlated"),
        expect=Expect.above(0.8),
        unit=TRIES,
    ),
    Claim(
        key="correlated_orthogonal_control",
        text="That share, less the share among independent features of the same density.",
        source=SETS,
        reading=orthogonal("correlated") - orthogonal("independent"),
        expect=Expect.above(0.1),
        unit=TRIES,
    ),
    Claim(
        key="anticorrelated_antipodal",
        text="Anticorrelated pairs are antipodal: share of low-loss tries with cos < -0.9 within "
        "both pairs.",
        source=SETS,
        reading=antipodal("anticorrelated"),
        expect=Expect.above(0.8),
        unit=TRIES,
    ),
    Claim(
        key="anticorrelated_antipodal_control",
        text="That share, less the share among independent features of the same density.",
        source=SETS,
        reading=antipodal("anticorrelated") - antipodal("independent", DENSITY / 2),
        expect=Expect.above(0.3),
        unit=TRIES,
    ),
    Claim(
        key="ladder_none",
        text="Of three correlated pairs none is collapsed at densities up to 0.05 (mean count).",
        source=SETS,
        paper=0.0,
        reading=collapsed(0, 0.05),
        expect=Expect.below(0.25),
        unit=TRIES,
    ),
    *(
        Claim(
            key=f"ladder_{word}",
            text=f"{word.capitalize()} of them collapsed at densities {low} to {high} (mean).",
            source=SETS,
            paper=float(count),
            reading=collapsed(low, high),
            expect=Expect.near(count, 0.25),
            unit=TRIES,
        )
        for word, count, low, high in (
            ("one", 1, 0.05, 0.15),
            ("two", 2, 0.15, 0.2),
            ("three", 3, 0.25, 0.5),
        )
    ),
    Claim(
        key="ladder_monotone",
        text="The denser, the more are collapsed (rank correlation, densities up to 0.5).",
        source=SETS,
        paper=1.0,
        reading=ladder(0, 0.5).aggregate(pl.corr("density", "collapsed", method="spearman"), GROUP),
        expect=Expect.above(0.9),
        unit=TRIES,
    ),
    Claim(
        key="dense_reads_sums",
        text="At densities from 0.5 the weights read the pairs' sums, their principal components "
        "(least share of ||W||^2; random directions have 1/2).",
        source=SETS,
        paper=1.0,
        reading=ladder(0.5, 1).aggregate(pl.col("sum_share").min(), GROUP),
        expect=Expect.above(0.95),
        unit=TRIES,
    ),
    Claim(
        # In place of "two pairs are kept": the three components have equal variance, so any plane
        # they span is principal, and the count is left open.
        key="dense_projects",
        text="And they project, as principal component analysis does (greatest distance of a "
        "singular value of W from 1).",
        source=SETS,
        paper=0.0,
        reading=ladder(0.5, 1).aggregate(pl.col("stretch").max(), GROUP),
        expect=Expect.below(0.1),
        unit=TRIES,
    ),
    Claim(
        key="ladder_control",
        text="Independent features of the same densities do not collapse (mean count).",
        source=SETS,
        reading=collapsed(0, 1, "independent"),
        expect=Expect.below(0.1),
        unit=TRIES,
    ),
    Claim(
        key="side_by_side",
        text="Up to density 0.05 correlated features lie side by side (share; a random order of "
        "six has 2/15).",
        source=SETS,
        paper=1.0,
        reading=ladder(0, 0.05).mean("side_by_side", GROUP),
        expect=Expect.above(0.8),
        unit=TRIES,
    ),
    Claim(
        key="hexagon",
        text="There they form a hexagon (mean over densities of the greatest distance of a gap "
        "from 60 degrees).",
        source=SETS,
        paper=0.0,
        reading=ladder(0, 0.05).mean("gap_error", GROUP),
        expect=Expect.below(15),
        unit=TRIES,
    ),
    Claim(
        key="local_bases",
        text="Of two sets of ten correlated features in ten dimensions each is an almost "
        "orthogonal basis (mean over features of the greatest |cos| within their set).",
        source=SETS,
        reading=bases("correlated").value("within", GROUP),
        expect=Expect.below(0.3),
        unit=TRIES,
    ),
    Claim(
        key="local_bases_share",
        text="Their interference is across the sets (share within sets of squared overlaps).",
        source=SETS,
        reading=bases("correlated").value("within_share", GROUP),
        expect=Expect.below(0.1),
        unit=TRIES,
    ),
    Claim(
        key="local_bases_control",
        text="Among independent features the same sets are not set apart: share within sets "
        "(9/19 by chance).",
        source=SETS,
        reading=bases("independent").value("within_share", GROUP),
        expect=Expect.between(0.3, 0.65),
        unit=TRIES,
    ),
)
