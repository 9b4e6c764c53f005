"""Claims of the study ``superposition_dynamics``."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import level, octahedron, six

JUMPING = "Superposition and learning dynamics, discrete energy level jumps"
TURNING = "Superposition and learning dynamics, learning as geometric transformations"

CLAIMS = (
    Claim(
        key="ends_in_digons",
        text="Equal features end dropped or in antipodal pairs: share with D_i within 0.02 of 0 or "
        "1/2, less that of the untrained model.",
        source=JUMPING,
        paper=1.0,
        reading=level(pl.col("digons") - pl.col("digons_untrained")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="features_jump",
        text="After the opening, features still jump by half a level or more, each within 2% of "
        "the run (jumps per seed).",
        source=JUMPING,
        reading=level("jumps"),
        expect=Expect.above(1),
    ),
    Claim(
        key="loss_drops_at_jumps",
        text="The loss falls faster at a jump than one window of 2% of the run before and after "
        "(ratio, of the seeds with jumps).",
        source=JUMPING,
        reading=level("peak"),
        expect=Expect.above(1.2),
    ),
    Claim(
        key="drops_are_own",
        text="That ratio, over the same of the seed's loss at the jumps of other seeds.",
        source=JUMPING,
        reading=level("peak") / level("peak_others"),
        expect=Expect.above(1.2),
    ),
    Claim(
        key="loss_goes_with_moves",
        text="After the opening, the rate of fall goes with how much the D_i move: correlation, "
        "less that with the moves of other seeds.",
        source=JUMPING,
        reading=level("correlation"),
        expect=Expect.above(0.1),
    ),
    Claim(
        key="drop_at_last_move",
        text="The loss falls faster within 0.5% of the run of the moment a seed's last feature "
        "comes within 0.05 of its level than at the same moments of other seeds (median ratio).",
        source=JUMPING,
        reading=level("last_drop"),
        statistic="median",
        expect=Expect.above(1.2),
    ),
    Claim(
        key="last_drop_is_last_jump",
        text="The loss reaches its end when the last feature reaches its level (time between "
        "them, in windows of 2% of the run).",
        source=JUMPING,
        paper=0.0,
        reading=level("gap"),
        expect=Expect.below(1),
    ),
    Claim(
        key="last_drop_is_own",
        text="These times lie closer than those of the last drop and other seeds' last jumps "
        "(difference of the gaps, in windows).",
        source=JUMPING,
        reading=level("gap_others") - level("gap"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="octahedron_forms",
        text="Two sets of three correlated features end as an octahedron (share of seeds).",
        source=TURNING,
        reading=six("correlated", "octahedron"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="pairs_across_sets",
        text="In these octahedra the antipode of a feature is in the other set (share).",
        source=TURNING,
        paper=1.0,
        reading=octahedron("correlated", "other_set"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="pairs_across_sets_learnt",
        text="That share is higher than in the untrained models.",
        source=TURNING,
        reading=octahedron("correlated", "other_set")
        - octahedron("correlated", "other_set_untrained"),
        expect=Expect.above(0.2),
    ),
    Claim(
        key="independent_pairs_are_random",
        text="Control: octahedra of independent features pair at random, 3/5 across the same sets.",
        source="chance: three of the five other features",
        paper=0.6,
        reading=octahedron("independent", "other_set"),
        expect=Expect.near(0.6, 0.15),
    ),
    Claim(
        key="stages_in_order",
        text="First the sets part, then both spread to triangles, then all pairs are antipodal "
        "(share of seeds; chance 1/6).",
        source=TURNING,
        reading=six("correlated", "in_order"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="order_needs_sets",
        text="Control: the same stages of the same sets when features are independent (share).",
        source=TURNING,
        reading=six("independent", "in_order"),
        expect=Expect.below(0.25),
    ),
    Claim(
        key="triangles_turn",
        text="After they spread, the triangles turn towards the antiprism (degrees, of the seeds "
        "that end as an octahedron).",
        source=TURNING,
        reading=octahedron("correlated", "twist") - octahedron("correlated", "twist_end"),
        expect=Expect.above(10),
    ),
    Claim(
        key="plateau_between_stages",
        text="Between parting and spreading the loss rests: least rate of fall, over the lesser of "
        "those at the two stages.",
        source=TURNING,
        reading=six("correlated", "plateau"),
        expect=Expect.below(0.5),
    ),
    Claim(
        key="kink_at_triangles",
        text="The loss falls faster when the triangles spread than 4% of the run before and after, "
        "over the same at other seeds' times (median ratio).",
        source=TURNING,
        reading=six("correlated", "triangles_peak") / six("correlated", "triangles_peak_others"),
        statistic="median",
        expect=Expect.above(1.2),
    ),
    Claim(
        key="kink_at_pairs",
        text="The same when the last pair becomes antipodal (median ratio).",
        source=TURNING,
        reading=six("correlated", "pairs_peak") / six("correlated", "pairs_peak_others"),
        statistic="median",
        expect=Expect.above(1.2),
    ),
)
