"""Rule-like neurons: which a decision tree on the board predicts, and what ablating them costs."""

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.neurons import ablated, neuron_sites, votes
from toylab.analysis.world.base import activations
from toylab.stats.means import mean_or_nan
from toylab.task import Batch
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_lines import legal_along

from .. import network as o
from .scores import Rows

ABLATED = 5  # neurons ablated together


def questions(rows: Rows, flipped_RN: np.ndarray, played_RN: np.ndarray) -> np.ndarray:
    """What a tree may ask: mine, theirs, empty, just played on, just captured, each square."""
    board = rows.board_RN
    return np.concatenate([board == 1, board == 2, board == 0, played_RN, flipped_RN], 1)


def asked(task: Othello, batch: Batch, rows: Rows) -> np.ndarray:
    """The answers to :func:`questions` at each row."""
    where = rows.game_R, rows.place_R
    played_R = task.squares[np.asarray(batch.inputs)[where]]
    played_RN = played_R[:, None] == np.arange(task.size**2)[None]
    return questions(rows, np.asarray(batch.latents["flipped"])[where], played_RN)


def choose_patterns(along_RND: np.ndarray, count: int) -> np.ndarray:
    """The (square, direction) pairs that most often are a move's only reason, (count, 2).

    One per square at most, so that the patterns are not all of one place.
    """
    alone_RND = along_RND & (along_RND.sum(-1, keepdims=True) == 1)
    often_ND = alone_RND.sum(0)
    squares = np.argsort(-often_ND.max(1), kind="stable")[:count]
    return np.stack([squares, often_ND[squares].argmax(1)], 1)


def followers(neurons_RX: np.ndarray, pattern_R: np.ndarray, vote_X: np.ndarray) -> np.ndarray:
    """Neurons by correlation with a pattern times what they add to its move, the greatest first.

    A neuron that fires with the pattern may still speak for other moves: those are not meant.
    """
    x = neurons_RX - neurons_RX.mean(0)
    y = pattern_R - pattern_R.mean()
    norm_X = np.linalg.norm(x, axis=0) * np.linalg.norm(y)
    correlation_X = (y @ x) / np.where(norm_X > 0, norm_X, np.inf)
    # Both must be positive: two negatives make an opponent that is silent, not a follower.
    agree_X = np.maximum(correlation_X, 0) * np.maximum(vote_X, 0)
    return np.argsort(-agree_X, kind="stable")


def pattern_table(net: o.Player, label: Batch, batch: Batch, count: int, seed: int) -> pl.DataFrame:
    """Ablate the neurons that follow each pattern; rows of what the move loses, in nats.

    Columns: ``damage`` where the pattern alone makes the move legal, ``elsewhere`` where another
    one does, ``random`` with other neurons ablated.

    Args:
        net: the network; neurons of all its blocks may follow a pattern.
        label: games to find patterns and followers in.
        batch: games to measure on.
        count: number of patterns.
        seed: of the other neurons.
    """
    acts_SGLF = activations(net.model, net.params, label.inputs, neuron_sites(net.model))[1]
    known_GL, going_on = (np.asarray(b.weights) > 0 for b in (label, batch))
    neurons_RX = np.moveaxis(acts_SGLF[:, known_GL], 0, 1).reshape(known_GL.sum(), -1)
    shape = len(acts_SGLF), acts_SGLF.shape[-1]
    mean_SF = jnp.asarray(neurons_RX.mean(0).reshape(shape))

    def run(off: np.ndarray) -> np.ndarray:
        mask_X = np.isin(np.arange(neurons_RX.shape[1]), off).reshape(shape)
        read = ablated(net.model, net.params, batch.inputs, mean_SF, jnp.asarray(mask_X))
        return np.asarray(read)[going_on]

    known, along = (
        legal_along(np.asarray(b.latents["board"])[keep], net.task.size)
        for b, keep in ((label, known_GL), (batch, going_on))
    )
    before, rng, rows = run(np.array([], int)), np.random.default_rng(seed), []
    for square, direction in choose_patterns(known, count):
        token = int(net.task.tokens[square])
        vote_X = votes(net.model, net.params, token)
        pattern_R = known[:, square, direction].astype(np.float32)
        order = followers(neurons_RX, pattern_R, vote_X)
        others = rng.choice(order[ABLATED:], ABLATED, replace=False)
        lost = [(before - run(off))[:, token] for off in (order[:ABLATED], others)]
        here = along[:, square, direction]
        alone = here & (along[:, square].sum(1) == 1)
        elsewhere = along[:, square].any(1) & ~here
        rows.append(
            {
                "pattern": len(rows),
                "square": int(square),
                "direction": int(direction),
                "places": int(alone.sum()),
                "damage": mean_or_nan(lost[0][alone]),
                "elsewhere": mean_or_nan(lost[0][elsewhere]),
                "random": mean_or_nan(lost[1][alone]),
            }
        )
    return pl.DataFrame(rows)
