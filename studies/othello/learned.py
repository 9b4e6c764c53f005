"""The precondition of most claims on Othello: the network has learned to play."""

import polars as pl

from toylab.analysis.world.base import activations
from toylab.change import stream
from toylab.claims import Condition, Expect
from toylab.read import table
from toylab.tasks.othello.othello_moves import top_one_legal

from . import network as o

GAMES, SEED = 200, 9
LEGAL = Expect.above(0.97)  # the study ``othello`` asks the same of its network in a claim
PLAYS = "the network has learned to play: 97% of its most probable moves are legal"


def legal_table(net: o.Player) -> pl.DataFrame:
    """Share of the positions of some games in which the most probable move is legal: one row."""
    batch = o.draw_games(net.task, GAMES, SEED)
    logits, _ = activations(net.model, net.params, batch.inputs, stream(net.model)[:1])
    right = top_one_legal(net.task, logits, batch.latents["legal"])
    return pl.DataFrame({"legal": [float(right[o.weighed(batch)].mean())]})


def plays(network: str = "main") -> Condition:
    """The networks of a population have learned to play; read from the table ``play``."""
    reading = table("play", of=network).filter(population=network).value("legal")
    return Condition(PLAYS, reading, LEGAL)
