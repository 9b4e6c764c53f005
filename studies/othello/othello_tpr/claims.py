"""Claims of the study ``othello_tpr``.

One network is trained, so a claim's unit is a held-out game, an edited board, or a probe's own
random start: intervals say how sure the number is for this network, not for others.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from ..learned import plays
from .readings import gap, geometry, recovered, repaired

PAPER = "Lee et al. 2026"
POINT = "ours: more than the one point within which probes match"
FOURFOLD = "ours: a fourfold cut, an edit that works"
SINGLE, ALL = ("flip", "erase"), ("flip", "erase", "flip two")

of_network = functools.partial(Claim, scope="network", requires=(plays(),))
read = Condition(
    "the board is learned: the linear probe is 0.1 more accurate than of the untrained network",
    gap("linear", "untrained, linear"),
    Expect.above(0.1),
)
game_claim = functools.partial(of_network, unit="held-out game", requires=(plays(), read))
probe_claim = functools.partial(of_network, unit="probe seed", requires=(plays(), read))
board_claim = functools.partial(
    of_network,
    unit="edited board",
    control=(
        Condition(
            "random directions, at their own best strength, take away a quarter at most",
            repaired("random", *ALL),
            Expect.below(0.25),
        ),
        Condition(
            "the same edit of another square takes away a quarter at most",
            repaired("wrong square", *ALL),
            Expect.below(0.25),
        ),
    ),
)

ACCURACY = (
    game_claim(
        key="bilinear_matches_linear",
        text="A bilinear probe with 61% of the linear probe's parameters reads the board as well: "
        "it is at most 1 point less accurate.",
        source=f"{PAPER}, accuracy by number of parameters",
        paper="both 99%, with 57.6% of the parameters",
        reading=gap("linear", "bilinear"),
        expect=Expect.below(0.01),
        bar="paper: both have 99%, within one point",
        headline=True,
    ),
    game_claim(
        key="trilinear_compressed",
        text="A trilinear probe with a role for each column and for five rows of six reads the "
        "board as well: it is at most 1 point less accurate.",
        source=f"{PAPER}, code: 6 by 8 roles on 8x8",
        reading=gap("linear", "trilinear, compressed"),
        expect=Expect.below(0.01),
        bar="paper: as good as the linear probe, within one point",
    ),
    game_claim(
        key="fair_truncation_falls_short",
        text="Truncated by SVD to as many parameters, the linear probe is 5 points less accurate "
        "than the bilinear one, though no rank is wasted on what softmax ignores (the mean over "
        "states is subtracted first).",
        source=f"{PAPER}, SVD control, with the mean subtracted",
        paper="99% against 85%",
        reading=gap("bilinear", "truncated, centred"),
        expect=Expect.above(0.05),
        bar="ours: 5 points of the paper's 14",
    ),
    game_claim(
        key="more_than_low_rank",
        text="Products of roles and fillers carry the board, not the number of parameters: a "
        "linear probe trained at low rank with as many parameters is 1 point less accurate.",
        source="this laboratory (Lee et al. truncate after training only)",
        reading=gap("bilinear", "low rank"),
        expect=Expect.above(0.01),
        bar=POINT,
    ),
    game_claim(
        key="roles_are_learned",
        text="Roles have to be learned: with random ones the bilinear probe is 1 point less "
        "accurate.",
        source="this laboratory",
        reading=gap("bilinear", "bilinear, random roles"),
        expect=Expect.above(0.01),
        bar=POINT,
    ),
    game_claim(
        key="rows_and_columns",
        text="The trilinear compression follows the board's rows and columns: with the squares "
        "permuted it is 1 point less accurate.",
        source="this laboratory",
        reading=gap("trilinear, compressed", "trilinear, squares mixed"),
        expect=Expect.above(0.01),
        bar=POINT,
    ),
)

RECOVERY = (
    probe_claim(
        key="recovers_linear",
        text="With as many roles as squares the bilinear probe recovers nearly all of the linear "
        "probe's vectors: 90% have a cosine above 0.95 (the mean over states subtracted).",
        source=f"{PAPER}, recovery of linear probes",
        paper="above 0.95 nearly everywhere",
        reading=recovered("bilinear, full", 0.95),
        expect=Expect.above(0.9),
        bar="ours: 90% of the vectors, for the paper's nearly everywhere",
    ),
    probe_claim(
        key="recovers_linear_compressed",
        text="With seven eighths as many roles it recovers most: 80% of the vectors outside the "
        "centre have a cosine above 0.85.",
        source=f"{PAPER}, recovery of linear probes",
        paper="mostly above 0.85, the centre's four lower",
        reading=recovered("bilinear, wider", 0.85, centre=False),
        expect=Expect.above(0.8),
        bar="ours: 80% of the vectors, for the paper's mostly",
    ),
)

GEOMETRY = (
    probe_claim(
        key="geometry_of_the_board",
        text="Distances between role vectors follow the board: how many rows and columns apart two "
        "squares are explains 39% of their variance.",
        source=f"{PAPER}, pairwise geometry",
        paper=0.54,
        reading=geometry("network"),
        expect=Expect.above(0.39),
        bar="paper: half-way from its baseline's 0.24 to 0.54",
        control=only(
            "a random code of boards of random states has at most 10%, twice chance on 6x6",
            geometry("code of random boards"),
            Expect.below(0.1),
        ),
    ),
    probe_claim(
        key="geometry_beyond_boards",
        text="They follow it more than the roles of a random code of the same boards, by 0.15 of "
        "R².",
        source=f"{PAPER}, random-encoding baseline",
        paper="0.54 against 0.24",
        reading=geometry("network") - geometry("code of real boards"),
        expect=Expect.above(0.15),
        bar="paper: half of 0.54 less its baseline's 0.24",
    ),
    probe_claim(
        key="geometry_is_learned",
        text="They follow it more than the roles of a probe of the untrained network, by 0.15 of "
        "R².",
        source="this laboratory",
        reading=geometry("network") - geometry("untrained network"),
        expect=Expect.above(0.15),
        bar="ours: 0.15, the same margin as over the random code",
    ),
    probe_claim(
        key="neighbours",
        text="Half of the role vectors nearest to a square's belong to the squares around it.",
        source=f"{PAPER}, nearest neighbours",
        paper=0.6,
        reading=geometry("network", "overlap"),
        expect=Expect.above(0.5),
        bar="ours: half, where the paper has 0.6",
    ),
)

EDITS = (
    board_claim(
        key="bilinear_edit",
        text="Flips and erasures along the bilinear probe's direction take away three quarters of "
        "the error in legal moves.",
        source=f"{PAPER}, figure 3",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("bilinear", *SINGLE),
        expect=Expect.above(0.75),
        bar=FOURFOLD,
    ),
    board_claim(
        key="trilinear_edit",
        text="Flips and erasures along the compressed trilinear probe's direction take away three "
        "quarters of the error.",
        source=f"{PAPER}, figure 3",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("trilinear, compressed", *SINGLE),
        expect=Expect.above(0.75),
        bar=FOURFOLD,
    ),
    board_claim(
        key="two_squares",
        text="Flips of two discs at once along the bilinear probe's directions take away three "
        "quarters of the error.",
        source=f"{PAPER}, figure 3, several squares",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("bilinear", "flip two"),
        expect=Expect.above(0.75),
        bar=FOURFOLD,
    ),
    board_claim(
        key="as_good_as_linear",
        text="The bilinear edit takes away as much error as the linear one (at most a tenth of the "
        "null error less).",
        source=f"{PAPER}, figure 3",
        reading=repaired("bilinear", *ALL, than="linear"),
        expect=Expect.above(-0.1),
        bar="ours: a tenth of the error, hardly a difference",
        requires=(
            plays(),
            Condition(
                "the linear edit takes away half of the error",
                repaired("linear", *ALL),
                Expect.above(0.5),
            ),
        ),
    ),
)

CLAIMS = (*ACCURACY, *RECOVERY, *GEOMETRY, *EDITS)
