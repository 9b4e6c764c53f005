"""Claims of the study ``othello_tpr``. Thresholds come from the paper's numbers, named at each.

One network is trained, so a claim's unit is a held-out game, an edited board, or a probe's own
random start: intervals say how sure the number is for this network, not for others.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.units import per_unit

PAPER = "Lee et al. 2026"
GAME = "held-out game of one network"
BOARD = "edited board of one network"
PROBE = "probe seed on one network"

Tables = Mapping[str, Any]


def game_gap(more: str, less: str) -> Callable[[Tables], np.ndarray]:
    """Accuracy of one probe less that of another, game by game."""
    return lambda m: (m["games"][more] - m["games"][less]).to_numpy()


def recovered(probe: str, above: float, centre: bool = True) -> Callable[[Tables], np.ndarray]:
    """Share of a linear probe's vectors recovered to a cosine, per probe seed."""

    def measure(m: Tables) -> np.ndarray:
        rows = m["recovery"].filter(pl.col("probe") == probe)
        if not centre:
            rows = rows.filter(~pl.col("centre"))
        return per_unit(rows, (pl.col("centred") > above).mean(), "seed")

    return measure


def by_source(m: Tables, source: str, column: str) -> np.ndarray:
    """A number of the geometry of one source, per probe seed."""
    return per_unit(m["geometry"].filter(pl.col("source") == source), pl.col(column).mean(), "seed")


def source_gap(more: str, less: str) -> Callable[[Tables], np.ndarray]:
    """Difference of two sources' gap-table R^2, per probe seed."""
    return lambda m: by_source(m, more, "gap_r2") - by_source(m, less, "gap_r2")


def edit(m: Tables, method: str, *edits: str) -> pl.DataFrame:
    """Rows of one method's edits."""
    kept = (pl.col("method") == method) & pl.col("edit").is_in(edits)
    return m["edits"].filter(kept).sort("case")


def cut(method: str, *edits: str) -> Callable[[Tables], np.ndarray]:
    """Share of the mean null error that an edit takes away, board by board."""

    def measure(m: Tables) -> np.ndarray:
        rows = edit(m, method, *edits)
        null = rows["null"].to_numpy()
        return (null - rows["error"].to_numpy()) / max(null.mean(), 1e-9)

    return measure


def extra(method: str, other: str, *edits: str) -> Callable[[Tables], np.ndarray]:
    """Error of one method less another's, in shares of the mean null error, board by board."""

    def measure(m: Tables) -> np.ndarray:
        rows = edit(m, method, *edits)
        more = rows["error"].to_numpy() - edit(m, other, *edits)["error"].to_numpy()
        return more / max(rows["null"].to_numpy().mean(), 1e-9)

    return measure


CLAIMS = (
    Claim(
        key="bilinear_matches_linear",
        text="A bilinear probe with six tenths of the linear probe's parameters reads the board as "
        "well: at most 1 point less accurate.",
        source=f"{PAPER}, accuracy by number of parameters",
        paper="both 99%, with 57.6% of the parameters",
        measure=game_gap("linear", "bilinear"),
        expect=Expect.below(0.01),
        unit=GAME,
    ),
    Claim(
        key="trilinear_matches_linear",
        text="A trilinear probe with as many row and column roles as rows and columns reads it as "
        "well (which is no compression: it is the linear probe less what softmax ignores).",
        source=f"{PAPER}, accuracy by number of parameters; the bracket is ours",
        paper="both 99%, with 66.8% of the parameters",
        measure=game_gap("linear", "trilinear"),
        expect=Expect.below(0.01),
        unit=GAME,
    ),
    Claim(
        key="trilinear_compressed",
        text="So does a trilinear probe with three quarters as many row roles, which does compress "
        "(at most 1 point less).",
        source=f"{PAPER}, code: 6 by 8 roles on 8x8",
        measure=game_gap("linear", "trilinear, compressed"),
        expect=Expect.below(0.01),
        unit=GAME,
    ),
    Claim(
        key="truncation_falls_short",
        text="The linear probe cut by SVD to the bilinear probe's parameters is at least 5 points "
        "less accurate than it.",
        source=f"{PAPER}, SVD control",
        paper="99% against 85%",
        measure=game_gap("bilinear", "truncated"),
        expect=Expect.above(0.05),
        unit=GAME,
    ),
    Claim(
        key="fair_truncation_falls_short",
        text="It still is where the cut wastes no rank on what softmax ignores (the mean over "
        "states is taken off first).",
        source=f"{PAPER}, SVD control; taking the mean off is our control",
        paper="99% against 85%",
        measure=game_gap("bilinear", "truncated, centred"),
        expect=Expect.above(0.05),
        unit=GAME,
    ),
    Claim(
        key="more_than_low_rank",
        text="Products of roles and fillers, not fewness of parameters, carry the board: a linear "
        "probe trained at low rank with as many parameters is at least 1 point less accurate.",
        source="our control: Lee et al. cut after training only; 1 point is the margin of matching",
        measure=game_gap("bilinear", "low rank"),
        expect=Expect.above(0.01),
        unit=GAME,
    ),
    Claim(
        key="roles_are_learned",
        text="Roles have to be learned: with random ones the bilinear probe is at least 1 point "
        "less accurate.",
        source="our control; 1 point is the margin of matching",
        measure=game_gap("bilinear", "bilinear, random roles"),
        expect=Expect.above(0.01),
        unit=GAME,
    ),
    Claim(
        key="rows_and_columns",
        text="The trilinear compression follows the board's rows and columns: with the squares in "
        "another order it is at least 1 point less accurate.",
        source="our control; 1 point is the margin of matching",
        measure=game_gap("trilinear, compressed", "trilinear, squares mixed"),
        expect=Expect.above(0.01),
        unit=GAME,
    ),
    Claim(
        key="recovers_linear",
        text="With as many role numbers as squares, nearly all of the linear probe's vectors are "
        "recovered: at least 90% with a cosine above 0.95, less the mean over states.",
        source=f"{PAPER}, recovery of linear probes",
        paper="above 0.95 nearly everywhere",
        measure=recovered("bilinear, full", 0.95),
        expect=Expect.above(0.9),
        unit=PROBE,
    ),
    Claim(
        key="recovers_linear_compressed",
        text="With seven eighths as many, most are: at least 80% of those outside the centre have "
        "a cosine above 0.85.",
        source=f"{PAPER}, recovery of linear probes",
        paper="mostly above 0.85, the centre's four lower",
        measure=recovered("bilinear, wider", 0.85, centre=False),
        expect=Expect.above(0.8),
        unit=PROBE,
    ),
    Claim(
        key="geometry_of_the_board",
        text="Distances between role vectors follow the board: how many rows and columns apart two "
        "squares are explains at least 39% of their variance.",
        source=f"{PAPER}, pairwise geometry: half-way from their baseline's 0.24 to 0.54",
        paper=0.54,
        measure=lambda m: by_source(m, "network", "gap_r2"),
        expect=Expect.above(0.39),
        unit=PROBE,
    ),
    Claim(
        key="geometry_beyond_boards",
        text="They follow it more than those of a random code of the same boards do, by at least "
        "0.15 in R^2.",
        source=f"{PAPER}, random-encoding baseline: half of its difference",
        paper="0.54 against 0.24",
        measure=source_gap("network", "code of real boards"),
        expect=Expect.above(0.15),
        unit=PROBE,
    ),
    Claim(
        key="geometry_needs_boards",
        text="Those of a random code of boards of random states hardly follow it (R^2 at most 0.1; "
        "chance is 0.05 on 6x6).",
        source=f"{PAPER}, random-board baseline",
        paper=0.03,
        measure=lambda m: by_source(m, "code of random boards", "gap_r2"),
        expect=Expect.below(0.1),
        unit=PROBE,
    ),
    Claim(
        key="geometry_is_learned",
        text="They follow it more than those of a probe of the untrained network do, by at least "
        "0.15 in R^2.",
        source="our control, the same margin as for the random code",
        measure=source_gap("network", "untrained network"),
        expect=Expect.above(0.15),
        unit=PROBE,
    ),
    Claim(
        key="neighbours",
        text="At least half of the role vectors nearest to a square's belong to the squares "
        "around it.",
        source=f"{PAPER}, nearest neighbours",
        paper=0.6,
        measure=lambda m: by_source(m, "network", "overlap"),
        expect=Expect.above(0.5),
        unit=PROBE,
    ),
    Claim(
        key="bilinear_edit",
        text="Flips and erasures along the bilinear probe's direction take away at least three "
        "quarters of the error in legal moves.",
        source=f"{PAPER}, figure 3; fourfold is this project's mark for an edit that works",
        paper="error near zero, strengths chosen case by case",
        measure=cut("bilinear", "flip", "erase"),
        expect=Expect.above(0.75),
        unit=BOARD,
    ),
    Claim(
        key="trilinear_edit",
        text="So do those along the compressed trilinear probe's.",
        source=f"{PAPER}, figure 3",
        paper="error near zero, strengths chosen case by case",
        measure=cut("trilinear, compressed", "flip", "erase"),
        expect=Expect.above(0.75),
        unit=BOARD,
    ),
    Claim(
        key="two_squares",
        text="So do those of two discs at once along the bilinear probe's.",
        source=f"{PAPER}, figure 3, several squares",
        paper="error near zero, strengths chosen case by case",
        measure=cut("bilinear", "flip two"),
        expect=Expect.above(0.75),
        unit=BOARD,
    ),
    Claim(
        key="as_good_as_linear",
        text="The bilinear edit leaves no more error than the linear one (at most a tenth of the "
        "null error more).",
        source=f"{PAPER}, figure 3",
        measure=extra("bilinear", "linear", "flip", "erase", "flip two"),
        expect=Expect.below(0.1),
        unit=BOARD,
    ),
    Claim(
        key="random_edit",
        text="Random directions of the same length, at their own best strength, take away at most "
        "a quarter of the error.",
        source="control",
        measure=cut("random", "flip", "erase", "flip two"),
        expect=Expect.below(0.25),
        unit=BOARD,
    ),
    Claim(
        key="wrong_square_edit",
        text="So does the bilinear edit of another square in the same state.",
        source="control",
        measure=cut("wrong square", "flip", "erase", "flip two"),
        expect=Expect.below(0.25),
        unit=BOARD,
    ),
)
