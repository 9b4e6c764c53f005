"""Claims of the study ``othello``.

The network on the larger board takes up to an hour of a laptop's time, so there is one: its
intervals are over held-out games, and say how sure a number of this network is, not how much
another seed would change it. For that there are the networks on the smallest board, a population of
seeds. A probe's number is that of the layer that is best on games set aside for choosing it, at
positions whose moves no game that it was fitted on begins with.
"""

import functools

import polars as pl

from toylab.claims import Claim, Expect
from toylab.conditions import only
from toylab.read import table

from ..learned import LEGAL, PLAYS
from .probes import LATE, WRONG
from .readings import GAIN, ahead, games, over, small

LI, NANDA = "Li et al. 2022", "Nanda et al. 2023"
WORLDS = (*WRONG, LATE)
BOARD = games("board")

large = functools.partial(
    Claim, unit="game", scope="network", requires=only(PLAYS, games("legal"), LEGAL)
)
of_seeds = functools.partial(Claim, requires=only(PLAYS, small("legal", row="main"), LEGAL))
best_wrong = games(pl.max_horizontal([f"world: {world}" for world in WORLDS]))
best_wrong_gain = games(
    pl.max_horizontal([pl.col(f"world: {w}") - pl.col(f"bag: {w}") for w in WORLDS])
)

SMALL = (
    of_seeds(
        "small_board",
        "In networks that play on 4x4, a linear probe of each square as empty, mine or theirs is "
        "at least 0.12 more accurate than in the same networks before training.",
        f"{NANDA}, table 1 (8x8)",
        small(GAIN, row="main"),
        Expect.above(0.12),
        bar="paper: about half of its difference of 0.26",
        paper=0.26,
        headline=True,
    ),
    of_seeds(
        "small_mine_not_black",
        "On 4x4 the board is coded as mine and theirs: a linear probe of black and white is at "
        "least 0.1 less accurate.",
        f"{NANDA}, table 1 (8x8)",
        small(pl.col("accuracy") - pl.col("colour"), row="main"),
        Expect.above(0.1),
        bar="ours: 0.1, less than half of the paper's 0.25",
        paper=0.25,
    ),
    of_seeds(
        "small_over_bag",
        "On 4x4 the board is not a simple function of the moves: the probe is at least 0.1 more "
        "accurate than a linear probe of who played where.",
        "Li, Viégas and Wattenberg 2025: not a simple function of the input",
        small(pl.col("accuracy") - pl.col("bag"), row="main"),
        Expect.above(0.1),
        bar="ours: 0.1, a difference that counts; the paper sets no margin",
    ),
    of_seeds(
        "depth",
        "Depth helps: on 4x4 the shallowest networks are at least 1.5 times as far from the best "
        "prediction (KL) as the deepest.",
        f"{NANDA}: later plies need more layers",
        over("depth", "divergence"),
        Expect.above(1.5),
        bar="ours: half as far again, a difference that counts",
    ),
    of_seeds(
        "width",
        "Width helps: on 4x4 the narrowest networks are at least 1.5 times as far from the best "
        "prediction (KL) as the widest.",
        "replications on small models",
        over("width", "divergence"),
        Expect.above(1.5),
        bar="ours: half as far again, a difference that counts",
    ),
    of_seeds(
        "games_seen",
        "The board takes many games: on 4x4, of networks trained on the smallest set the probe's "
        "gain over the untrained network is at most half of that with endless games.",
        "replications: no board with 10,000 games of 8x8",
        over("pool", GAIN),
        Expect.below(0.5),
        bar="ours: half of what endless games give",
    ),
    of_seeds(
        "targets",
        "The board does not come from targets that name all legal moves: on 4x4, networks trained "
        "on them have a board probe at most 0.03 more accurate than networks trained on moves "
        "played, where both are as near to the best prediction (a control added with the third "
        "network).",
        "this laboratory",
        ahead,
        Expect.below(0.03),
        bar="ours: 0.03, a quarter of the 0.12 that is asked of the board",
    ),
)

LARGE = (
    Claim(
        "legal",
        "The network's most probable next move is legal at 97% of the positions of a game (6x6).",
        f"{LI}, section 2.3",
        games("legal"),
        Expect.above(0.97),
        bar="ours: 97%, a game learned with far fewer games than the paper's",
        paper=0.9999,
        unit="game",
        scope="network",
    ),
    large(
        "board",
        "A linear probe reads 95% of the squares as empty, mine or theirs.",
        f"{NANDA}, table 1",
        BOARD,
        Expect.above(0.95),
        bar="ours: 95%, where the paper has 99.6%",
        paper=0.996,
    ),
    large(
        "board_over_untrained",
        "The probe is at least 0.12 more accurate than one of the untrained network.",
        f"{NANDA}, table 1; replications, for the untrained network",
        BOARD - games("untrained"),
        Expect.above(0.12),
        bar="paper: about half of 0.996 less the replications' 0.73",
        paper=0.26,
    ),
    large(
        "board_over_bag",
        "The probe is at least 0.1 more accurate than a linear probe of who played where.",
        "Li, Viégas and Wattenberg 2025: not a simple function of the input",
        BOARD - games("bag of moves"),
        Expect.above(0.1),
        bar="ours: 0.1, a difference that counts; the paper sets no margin",
    ),
    large(
        "mine_not_black",
        "The board is coded as mine and theirs: a linear probe of black and white is at least 0.1 "
        "less accurate.",
        f"{NANDA}, table 1",
        BOARD - games("colour"),
        Expect.above(0.1),
        bar="ours: 0.1, less than half of the paper's 0.25",
        paper=0.25,
    ),
    large(
        "colour_nonlinear",
        "Black and white are coded nonlinearly: an MLP probe of them is at least 0.1 more accurate "
        "than a linear one.",
        f"{LI}, tables 1 and 2",
        games("colour, MLP") - games("colour, fewer games"),
        Expect.above(0.1),
        bar="paper: about half of its difference of 0.19",
        paper=0.19,
    ),
    large(
        "linear_is_enough",
        "Mine and theirs are coded linearly: an MLP probe of them is at most 0.02 more accurate "
        "than a linear one.",
        f"{NANDA}, table 1",
        games("board, MLP") - games("board, fewer games"),
        Expect.below(0.02),
        bar="ours: 0.02, a difference that hardly counts",
    ),
    large(
        "wrong_worlds",
        "The board of Othello's rules is read at least 0.05 better than that of any world with "
        "other rules (no flip, rows only, ends only, delete, two moves ago).",
        "replications",
        BOARD - best_wrong,
        Expect.above(0.05),
        bar="paper: half of the replications' 0.992 less 0.891",
        paper=0.101,
        control=only(
            "over a linear probe of the moves too it gains more than any other board",
            BOARD - games("bag of moves") - best_wrong_gain,
            Expect.above(0.0),
        ),
    ),
    large(
        "builds_up",
        "The board builds up over the layers: from the first block to the best layer the probe's "
        "accuracy rises by 0.05.",
        f"{NANDA}, table 1",
        BOARD - games("board, layer 1"),
        Expect.above(0.05),
        bar="ours: 0.05, more than half of the paper's 0.087",
        paper=0.087,
    ),
    large(
        "flipped",
        "A linear probe finds the discs that the last move captured, with an F1 of 0.9.",
        f"{NANDA}, section 5",
        games("flipped"),
        Expect.above(0.9),
        bar="ours: 0.9, where the paper has 0.963",
        paper=0.963,
    ),
    large(
        "true_mover",
        "After a silent pass the board is that of the player who really moves next: its probe is "
        "at least 0.05 more accurate than that of strict alternation (games with a pass).",
        "an open question of the replications: their labels go by parity",
        table("passes", of="main").mean(pl.col("by_mover") - pl.col("by_parity"), unit="game"),
        Expect.above(0.05),
        bar="ours: 0.05, a difference that counts",
    ),
)

CLAIMS = (*SMALL, *LARGE)
