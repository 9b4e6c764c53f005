"""Claims of the study ``othello_tpr``. Thresholds come from the paper's numbers, named at each.

One network is trained, so a claim's unit is a held-out game, an edited board, or a probe's own
random start: intervals say how sure the number is for this network, not for others.
"""

import functools

from toylab.claims import Claim, Expect

from .readings import gap, geometry, recovered, repaired

PAPER = "Lee et al. 2026"
game_claim = functools.partial(Claim, unit="held-out game of one network")
board_claim = functools.partial(Claim, unit="edited board of one network")
probe_claim = functools.partial(Claim, unit="probe seed on one network")

CLAIMS = (
    game_claim(
        key="bilinear_matches_linear",
        text="A bilinear probe with six tenths of the linear probe's parameters reads the board as "
        "well: at most 1 point less accurate.",
        source=f"{PAPER}, accuracy by number of parameters",
        paper="both 99%, with 57.6% of the parameters",
        reading=gap("linear", "bilinear"),
        expect=Expect.below(0.01),
    ),
    game_claim(
        key="trilinear_matches_linear",
        text="So does a trilinear probe with a role for each row and column, which is the linear "
        "probe less what softmax ignores.",
        source=f"{PAPER}, accuracy by number of parameters; the remark is ours",
        paper="both 99%, with 66.8% of the parameters",
        reading=gap("linear", "trilinear"),
        expect=Expect.below(0.01),
    ),
    game_claim(
        key="trilinear_compressed",
        text="So does a trilinear probe with three quarters as many row roles, which does compress "
        "(at most 1 point less).",
        source=f"{PAPER}, code: 6 by 8 roles on 8x8",
        reading=gap("linear", "trilinear, compressed"),
        expect=Expect.below(0.01),
    ),
    game_claim(
        key="truncation_falls_short",
        text="The linear probe cut by SVD to the bilinear probe's parameters is at least 5 points "
        "less accurate than it.",
        source=f"{PAPER}, SVD control",
        paper="99% against 85%",
        reading=gap("bilinear", "truncated"),
        expect=Expect.above(0.05),
    ),
    game_claim(
        key="fair_truncation_falls_short",
        text="It still is where the cut wastes no rank on what softmax ignores (the mean over "
        "states is taken off first).",
        source=f"{PAPER}, SVD control; taking the mean off is our control",
        paper="99% against 85%",
        reading=gap("bilinear", "truncated, centred"),
        expect=Expect.above(0.05),
    ),
    game_claim(
        key="more_than_low_rank",
        text="Products of roles and fillers, not fewness of parameters, carry the board: a linear "
        "probe trained at low rank with as many parameters is at least 1 point less accurate.",
        source="our control (Lee et al. cut after training only); matching allows 1 point",
        reading=gap("bilinear", "low rank"),
        expect=Expect.above(0.01),
    ),
    game_claim(
        key="roles_are_learned",
        text="Roles have to be learned: with random ones the bilinear probe is at least 1 point "
        "less accurate.",
        source="our control; matching allows 1 point",
        reading=gap("bilinear", "bilinear, random roles"),
        expect=Expect.above(0.01),
    ),
    game_claim(
        key="rows_and_columns",
        text="The trilinear compression follows the board's rows and columns: with the squares in "
        "another order it is at least 1 point less accurate.",
        source="our control; matching allows 1 point",
        reading=gap("trilinear, compressed", "trilinear, squares mixed"),
        expect=Expect.above(0.01),
    ),
    probe_claim(
        key="recovers_linear",
        text="With as many role numbers as squares, nearly all of the linear probe's vectors are "
        "recovered: at least 90% with a cosine above 0.95, less the mean over states.",
        source=f"{PAPER}, recovery of linear probes",
        paper="above 0.95 nearly everywhere",
        reading=recovered("bilinear, full", 0.95),
        expect=Expect.above(0.9),
    ),
    probe_claim(
        key="recovers_linear_compressed",
        text="With seven eighths as many, most are: at least 80% of those outside the centre have "
        "a cosine above 0.85.",
        source=f"{PAPER}, recovery of linear probes",
        paper="mostly above 0.85, the centre's four lower",
        reading=recovered("bilinear, wider", 0.85, centre=False),
        expect=Expect.above(0.8),
    ),
    probe_claim(
        key="geometry_of_the_board",
        text="Distances between role vectors follow the board: how many rows and columns apart two "
        "squares are explains at least 39% of their variance.",
        source=f"{PAPER}, pairwise geometry: half-way from their baseline's 0.24 to 0.54",
        paper=0.54,
        reading=geometry("network"),
        expect=Expect.above(0.39),
    ),
    probe_claim(
        key="geometry_beyond_boards",
        text="They follow it more than those of a random code of the same boards do, by at least "
        "0.15 in R^2.",
        source=f"{PAPER}, random-encoding baseline: half of its difference",
        paper="0.54 against 0.24",
        reading=geometry("network") - geometry("code of real boards"),
        expect=Expect.above(0.15),
    ),
    probe_claim(
        key="geometry_needs_boards",
        text="Those of a random code of boards of random states hardly follow it (R^2 at most 0.1; "
        "chance is 0.05 on 6x6).",
        source=f"{PAPER}, random-board baseline",
        paper=0.03,
        reading=geometry("code of random boards"),
        expect=Expect.below(0.1),
    ),
    probe_claim(
        key="geometry_is_learned",
        text="They follow it more than those of a probe of the untrained network do, by at least "
        "0.15 in R^2.",
        source="our control, the same margin as for the random code",
        reading=geometry("network") - geometry("untrained network"),
        expect=Expect.above(0.15),
    ),
    probe_claim(
        key="neighbours",
        text="At least half of the role vectors nearest to a square's belong to the squares "
        "around it.",
        source=f"{PAPER}, nearest neighbours",
        paper=0.6,
        reading=geometry("network", "overlap"),
        expect=Expect.above(0.5),
    ),
    board_claim(
        key="bilinear_edit",
        text="Flips and erasures along the bilinear probe's direction take away at least three "
        "quarters of the error in legal moves.",
        source=f"{PAPER}, figure 3; fourfold is this project's mark for an edit that works",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("bilinear", "flip", "erase"),
        expect=Expect.above(0.75),
    ),
    board_claim(
        key="trilinear_edit",
        text="So do those along the compressed trilinear probe's.",
        source=f"{PAPER}, figure 3",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("trilinear, compressed", "flip", "erase"),
        expect=Expect.above(0.75),
    ),
    board_claim(
        key="two_squares",
        text="So do those of two discs at once along the bilinear probe's.",
        source=f"{PAPER}, figure 3, several squares",
        paper="error near zero, strengths chosen case by case",
        reading=repaired("bilinear", "flip two"),
        expect=Expect.above(0.75),
    ),
    board_claim(
        key="as_good_as_linear",
        text="The bilinear edit takes away as much error as the linear one (at most a tenth of the "
        "null error less).",
        source=f"{PAPER}, figure 3",
        reading=repaired("bilinear", "flip", "erase", "flip two", than="linear"),
        expect=Expect.above(-0.1),
    ),
    board_claim(
        key="random_edit",
        text="Random directions, at their own best strength, take away at most a quarter of it.",
        source="control",
        reading=repaired("random", "flip", "erase", "flip two"),
        expect=Expect.below(0.25),
    ),
    board_claim(
        key="wrong_square_edit",
        text="So does the bilinear edit of another square in the same state.",
        source="control",
        reading=repaired("wrong square", "flip", "erase", "flip two"),
        expect=Expect.below(0.25),
    ),
)
