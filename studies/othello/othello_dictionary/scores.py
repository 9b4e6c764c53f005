"""How the study ``othello_dictionary`` scores features against the board, with their controls."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.dictionary.board_scores import of_features, of_states, properties
from toylab.analysis.dictionary.choice import VALIDATION
from toylab.analysis.dictionary.sweep import Sweep, coded
from toylab.analysis.world.base import activations, bag
from toylab.probes.states import predicted_states, state_probe
from toylab.read.tables import labelled
from toylab.task import Batch

from .. import network as o


@dataclasses.dataclass(frozen=True)
class Rows:
    """Places of games, one per row, and a network's activations there.

    Attributes:
        game_R: number of the game.
        place_R: place in the game.
        board_RN: 0 empty, 1 mine, 2 theirs, square by square.
        resid_RD: the residual stream after the middle block.
        neurons_RF: that block's MLP neurons.
        moves_RX: which squares were played on by me, and by them, if turns strictly alternated.
    """

    game_R: np.ndarray
    place_R: np.ndarray
    board_RN: np.ndarray
    resid_RD: np.ndarray
    neurons_RF: np.ndarray
    moves_RX: np.ndarray

    def part(self, keep_R: np.ndarray) -> "Rows":
        """Some of the rows."""
        fields = dataclasses.fields(self)
        return Rows(*(getattr(self, field.name)[keep_R] for field in fields))


class Split(NamedTuple):
    """Rows to train a dictionary on, to choose features by, and to score: no game is in two."""

    train: Rows
    label: Rows
    score: Rows


def middle(depth: int) -> int:
    """The block whose output is explained: 2 of 4 counted from 0, 5 of 8 as in the paper."""
    return min(5 * depth // 8, depth - 1)


def through(net: o.Player, batch: Batch) -> Rows:
    """Run games through a network, and keep the places that count."""
    block = middle(net.model.depth)
    record = lambda site: activations(net.model, net.params, batch.inputs, (site,))[1][0]
    going_on = o.weighed(batch)
    game_R, place_R = np.nonzero(going_on)
    return Rows(
        game_R,
        place_R,
        np.asarray(batch.latents["board"])[going_on],
        record(f"blocks/{block}/resid_post")[going_on],
        record(f"blocks/{block}/mlp/post")[going_on],
        bag(np.asarray(batch.inputs), net.task.vocab, period=2)[going_on, : 2 * net.task.vocab],
    )


def split(rows: Rows, train: int, label: int) -> Split:
    """Split rows by game: the first ``train`` games, the next ``label``, the rest."""
    first, second = rows.game_R < train, rows.game_R < train + label
    return Split(rows.part(first), rows.part(~first & second), rows.part(~second))


def group_of(rows: Rows, validation: int, groups: int) -> np.ndarray:
    """Group of each scored row: VALIDATION in the first games, then 0 to ``groups - 1`` in turn."""
    game_R = rows.game_R - rows.game_R.min()
    rest = game_R.max() + 1 - validation
    return np.where(game_R < validation, VALIDATION, (game_R - validation) * groups // rest)


def table(scores: dict[str, np.ndarray], group_R: np.ndarray, **names: Any) -> pl.DataFrame:
    """One row per group."""
    return labelled(pl.DataFrame({"group": np.unique(group_R)} | scores), **names)


def all_scores(
    trained: Split, untrained: Split, how: Sweep, validation: int, groups: int
) -> pl.DataFrame:
    """Score dictionaries, neurons and their controls on one network's activations."""
    group_R = group_of(trained.score, validation, groups)
    boards = trained.label.board_RN, trained.score.board_RN
    kinds = {
        "topk": ("topk", trained, how.steps),
        "l1": ("l1", trained, how.steps),
        "untrained": ("topk", untrained, how.steps),
        "random": ("topk", trained, 0),
    }
    parts = []
    for name, (kind, rows, steps) in kinds.items():
        fitted = how.fit(rows.train.resid_RD, kind, steps)
        settings = how.k if kind == "topk" else how.l1
        codes = coded(fitted, rows.label.resid_RD, rows.score.resid_RD)
        for setting, (label, score, facts) in zip(settings, codes, strict=True):
            scores = of_features(label, score, boards, group_R)
            facts |= {"setting": float(setting), "name": name}
            parts.append(table(scores, group_R, **facts))
    plain = {
        "neurons": (trained.label.neurons_RF, trained.score.neurons_RF),
        "neurons, untrained": (untrained.label.neurons_RF, untrained.score.neurons_RF),
        "moves": (trained.label.moves_RX, trained.score.moves_RX),
    }
    for name, (label, score) in plain.items():
        parts.append(table(of_features(label, score, boards, group_R), group_R, name=name))
    always = np.ones_like(properties(boards[1])[0])
    readings = {"probe": probe_states(trained), "probe, untrained": probe_states(untrained)}
    for name, read in (readings | {"always": always}).items():
        parts.append(table(of_states(read, boards[1], group_R), group_R, name=name))
    whole = pl.concat(parts, how="diagonal")
    return whole.with_columns(pl.col("setting").fill_null(0.0))


def probe_states(rows: Split) -> np.ndarray:
    """What a linear probe, fitted on the label games, says of the scored ones, (R, 3 N)."""
    probe = state_probe(rows.label.resid_RD[None], rows.label.board_RN.astype(np.int32))
    return properties(predicted_states(probe, rows.score.resid_RD[None])[0])[0]
