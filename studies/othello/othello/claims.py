"""Claims of the study ``othello``.

The network on the larger board takes half an hour of a laptop's time to train, so there is one: its
intervals are over held-out games, and say how sure a number of this network is, not how much
another seed would change it. That is what the small boards are for, with a population of seeds.
A probe's number is that of the layer that is best on games set aside for choosing it.
"""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import table

from .probes import LATE, WRONG
from .readings import GAIN, ahead, games, over, small, together

LI, NANDA = "Li et al. 2022", "Nanda et al. 2023"
META = "Chawla et al. 2026"
WORLDS = (*WRONG, LATE)


def wrong_worlds() -> pl.Expr:
    """The best probe of a world with other rules, in each game."""
    return pl.max_horizontal([pl.col(f"world: {world}") for world in WORLDS])


def wrong_gain() -> pl.Expr:
    """The greatest gain of such a probe on one of the moves alone, in each game."""
    return pl.max_horizontal([pl.col(f"world: {w}") - pl.col(f"bag: {w}") for w in WORLDS])


ONE = "of one network"
CLAIMS = (
    Claim(
        "legal",
        f"The likeliest next move is legal ({ONE}, 6x6).",
        f"{LI}, section 2.3",
        games(pl.col("legal")),
        Expect.above(0.97),
        paper=0.9999,
        unit="game",
    ),
    Claim(
        "floor",
        "It comes near to the best prediction there is: 1 - KL(legal moves || prediction) / "
        "KL(legal moves || any square) (median over games).",
        META,
        games(pl.col("alpha")),
        Expect.above(0.9),
        unit="game",
        statistic="median",
    ),
    Claim(
        "board",
        "A linear probe tells each square's state, empty, mine or theirs.",
        f"{NANDA}, table 1",
        games(pl.col("board")),
        Expect.above(0.95),
        paper=0.996,
        unit="game",
    ),
    Claim(
        "board_over_untrained",
        "The linear probe of the trained network gains at least 0.12 on that of the untrained one.",
        f"{NANDA}, table 1; other replications find 0.73 for untrained networks",
        games(pl.col("board") - pl.col("untrained")),
        Expect.above(0.12),
        paper=0.26,
        unit="game",
    ),
    Claim(
        "board_over_bag",
        "It gains at least 0.1 on a linear probe of the moves themselves (who played where).",
        "Li, Viégas and Wattenberg 2025: not a simple function of the input",
        games(pl.col("board") - pl.col("bag of moves")),
        Expect.above(0.1),
        unit="game",
    ),
    Claim(
        "mine_not_black",
        "The code is mine and theirs: a linear probe tells black and white at least 0.1 worse.",
        f"{NANDA}, table 1",
        games(pl.col("board") - pl.col("colour")),
        Expect.above(0.1),
        paper=0.25,
        unit="game",
    ),
    Claim(
        "colour_nonlinear",
        "For black and white a nonlinear probe gains at least 0.1 on a linear one.",
        f"{LI}, tables 1 and 2",
        games(pl.col("colour, MLP") - pl.col("colour, fewer games")),
        Expect.above(0.1),
        paper=0.19,
        unit="game",
    ),
    Claim(
        "linear_is_enough",
        "For mine and theirs a nonlinear probe gains at most 0.02 on a linear one.",
        f"{NANDA}, table 1",
        games(pl.col("board, MLP") - pl.col("board, fewer games")),
        Expect.below(0.02),
        unit="game",
    ),
    Claim(
        "wrong_worlds",
        "The board of Othello's own rules is told at least 0.05 better than that of any world with "
        "other rules (no flip, rows only, ends only, delete, two moves ago).",
        "replications: 0.992 against at most 0.891",
        games(pl.col("board") - wrong_worlds()),
        Expect.above(0.05),
        paper=0.101,
        unit="game",
    ),
    Claim(
        "wrong_worlds_over_moves",
        "Over a linear probe of the moves alone, the board of Othello's own rules gains at least "
        "0.05 more than that of any other world (a control added after the first results: without "
        "flips the board is a sum over moves).",
        "control",
        games(pl.col("board") - pl.col("bag of moves") - wrong_gain()),
        Expect.above(0.05),
        unit="game",
    ),
    Claim(
        "shuffled",
        "A probe trained on other games' boards does not beat the commonest state by 0.02.",
        "control",
        games(pl.col("shuffled") - pl.col("constant")),
        Expect.below(0.02),
        unit="game",
    ),
    Claim(
        "builds_up",
        "The board builds up over layers: from after the first block to the best layer it gains "
        "at least 0.05.",
        f"{NANDA}, table 1",
        games(pl.col("board") - pl.col("board, layer 1")),
        Expect.above(0.05),
        paper=0.087,
        unit="game",
    ),
    Claim(
        "flipped",
        "A linear probe tells which discs the last move has captured (F1; the untrained network's "
        "stands in the figure).",
        f"{NANDA}, section 5",
        games(pl.col("flipped")),
        Expect.above(0.9),
        paper=0.963,
        unit="game",
    ),
    Claim(
        "true_mover",
        "After a silent pass the board is that of the player who really moves next: its probe "
        "tells at least 0.05 more squares than that of strict alternation (games with a pass).",
        "an open question of the replications: their labels go by parity",
        table("passes", of="main").mean(pl.col("by_mover") - pl.col("by_parity"), unit="game"),
        Expect.above(0.05),
        unit="game",
    ),
    Claim(
        "small_board",
        "On 4x4 boards too, the probe of trained networks gains at least 0.12 on the untrained.",
        f"{NANDA}, table 1",
        small(GAIN, row="main"),
        Expect.above(0.12),
    ),
    Claim(
        "depth",
        "Deeper is better: the shallowest 4x4 network is at least 1.5 times as far from the best "
        "prediction (KL) as the deepest.",
        f"{NANDA}: later plies need more layers",
        over("depth", pl.col("divergence")),
        Expect.above(1.5),
    ),
    Claim(
        "width",
        "Wider is better: the narrowest 4x4 network is at least 1.5 times as far from the best "
        "prediction as the widest.",
        "replications on small models",
        over("width", pl.col("divergence")),
        Expect.above(1.5),
    ),
    Claim(
        "games_seen",
        "A board takes games: trained on the smallest set, the probe's gain over the untrained "
        "network is at most half of that with endless games.",
        "replications: no effect with 10,000 games of 8x8",
        over("pool", GAIN),
        Expect.below(0.5),
    ),
    Claim(
        "targets",
        "The board does not come from targets that tell all legal moves: small networks trained on "
        "them tell it at most 0.03 better than those trained on moves played, where both are as "
        "near to the best prediction (a control added with the third network).",
        "control",
        ahead,
        Expect.below(0.03),
    ),
    Claim(
        "together",
        "Over training the board and the legal moves come together: rank correlation of the "
        "probe's accuracy with nearness to the best prediction.",
        "the ladder of snapshots",
        together,
        Expect.above(0.8),
    ),
)
