"""Readings and claims of the study ``superposition_dynamics``."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, table

NETWORK = "member"
FIFTH = "ours: a fifth faster than at the times of other networks"
jumping = passage(
    "Elhage et al. 2022, Superposition and learning dynamics, discrete energy level jumps"
)
turning = passage(
    "Elhage et al. 2022, Superposition and learning dynamics, geometric transformations"
)


def level(value: str) -> Reading:
    """A number of the networks with equal features."""
    return table("levels").value(value, NETWORK)


def six(value: str, world: str = "correlated") -> Reading:
    """A number of the networks with six features, in two sets or independent."""
    return table("octahedra").filter(world=world).value(value, NETWORK)


def octahedron(value: str, world: str = "correlated") -> Reading:
    """A number of the networks with six features that ended as an octahedron."""
    formed = table("octahedra").filter(world=world).where(pl.col("octahedron"))
    return formed.value(value, NETWORK)


JUMPS = Condition(
    "a network's features jump once or more after the opening", level("jumps"), Expect.above(1)
)
FORMS = Condition("half of the networks end as an octahedron", six("octahedron"), Expect.above(0.5))

CLAIMS = (
    jumping(
        "ends_in_digons",
        "Equally important features end dropped or in antipodal pairs: the fraction with D_i "
        "within 0.02 of 0 or 1/2 rises by 0.9 over that of the untrained network.",
        level("digons") - level("digons_untrained"),
        Expect.above(0.9),
        bar="paper: a network of which every feature ends so, less a tenth",
        paper=1.0,
    ),
    jumping(
        "features_jump",
        "After the opening at least one feature per network jumps by half a level or more within "
        "2% of the run.",
        level("jumps"),
        Expect.above(1),
        bar="ours: one jump a network, the least that can be called jumping",
        headline=True,
    ),
    jumping(
        "drops_are_own",
        "At its features' jumps a network's loss falls 1.2 times as fast, relative to the time "
        "just before and after, as it does at the jumps of other networks.",
        level("peak") / level("peak_others"),
        Expect.above(1.2),
        bar=FIFTH,
        requires=(JUMPS,),
    ),
    jumping(
        "loss_goes_with_moves",
        "After the opening the rate of fall of the loss is correlated with how much the D_i move, "
        "by 0.1 more than with the moves of other networks.",
        level("correlation"),
        Expect.above(0.1),
        bar="ours: 0.1 above the correlation with other networks' moves",
    ),
    jumping(
        "drop_at_last_move",
        "When its last feature comes within 0.05 of its level, a network's loss falls 1.2 times "
        "as fast as when other networks' last features do (median).",
        level("last_drop"),
        Expect.above(1.2),
        bar=FIFTH,
        statistic="median",
    ),
    jumping(
        "last_drop_is_last_jump",
        "The loss reaches its end within 2% of the run of the time at which the last feature "
        "reaches its level (time between them, in windows of 2%).",
        level("gap"),
        Expect.below(1),
        bar="ours: one window of 2% of the run, as fine as times are measured",
        paper=0.0,
        control=only(
            "the last features of other networks settle more than a window away",
            level("gap_others"),
            Expect.above(1),
        ),
    ),
    turning(
        "octahedron_forms",
        "Two sets of three correlated features end as an octahedron in more than half of the "
        "networks.",
        six("octahedron"),
        Expect.above(0.5),
        bar="ours: most networks, as the paper says that not every seed does",
    ),
    turning(
        "pairs_across_sets",
        "In these octahedra the antipode of a feature is in the other set for at least 95% of the "
        "features; chance is 60%.",
        octahedron("other_set"),
        Expect.above(0.95),
        bar="paper: every antipode, less one in twenty",
        paper=1.0,
        requires=(FORMS,),
        control=tuple(
            Condition(text, octahedron(value, world), Expect.below(0.95))
            for text, world, value in (
                ("octahedra of independent features do so less", "independent", "other_set"),
                ("untrained networks do so less", "correlated", "other_set_untrained"),
            )
        ),
    ),
    turning(
        "stages_in_order",
        "First the sets separate, then both spread to triangles, then all pairs become antipodal, "
        "in more than half of the networks; chance is 1/6.",
        six("in_order"),
        Expect.above(0.5),
        bar="ours: most networks, where chance is 1/6",
        control=only(
            "networks with independent features pass the stages in order in under a quarter",
            six("in_order", "independent"),
            Expect.below(0.25),
        ),
    ),
    turning(
        "triangles_turn",
        "After the triangles have spread they turn towards the antiprism by at least 10 degrees, "
        "in networks that end as an octahedron.",
        octahedron("twist") - octahedron("twist_end"),
        Expect.above(10),
        bar="ours: 10 of the 60 degrees from prism to antiprism",
        requires=(FORMS,),
    ),
    turning(
        "plateau_between_stages",
        "Between the two first stages the loss rests: its least rate of fall is less than half of "
        "the lesser rate at the stages.",
        six("plateau"),
        Expect.below(0.5),
        bar="ours: half the rate, a rest that one sees by eye",
    ),
    turning(
        "kink_at_triangles",
        "When the triangles spread the loss falls faster than 4% of the run before and after, 1.2 "
        "times as much so as at the times of other networks (median).",
        six("triangles_peak") / six("triangles_peak_others"),
        Expect.above(1.2),
        bar=FIFTH,
        statistic="median",
    ),
    turning(
        "kink_at_pairs",
        "The loss does so too when the last pair becomes antipodal (median).",
        six("pairs_peak") / six("pairs_peak_others"),
        Expect.above(1.2),
        bar=FIFTH,
        statistic="median",
    ),
)
