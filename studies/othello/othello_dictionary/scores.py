"""How the study ``othello_dictionary`` scores features against the board, with their controls."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.dictionary.autoencoder import Dictionary, fit_dictionary, quality
from toylab.analysis.dictionary.choice import VALIDATION
from toylab.analysis.dictionary.groups import f1
from toylab.analysis.dictionary.scores import SHARES, coverage, labels, predicted, single_told
from toylab.analysis.world.base import activations, bag
from toylab.probes.states import predicted_states, state_probe
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


def properties(board_RN: np.ndarray) -> tuple[np.ndarray, int]:
    """Whether each square is mine, theirs, or empty, (R, 3 N), and how many come before empty."""
    found = np.concatenate([board_RN == 1, board_RN == 2, board_RN == 0], 1)
    return found, 2 * board_RN.shape[1]


# Scores per group of games ------------------------------------------------------------------------


def table(scores: dict[str, np.ndarray], group_R: np.ndarray, **names: Any) -> pl.DataFrame:
    """One row per group."""
    columns = {"group": np.unique(group_R)} | scores
    return pl.DataFrame({**columns}).with_columns(**{n: pl.lit(v) for n, v in names.items()})


def of_features(
    label: np.ndarray, score: np.ndarray, boards: tuple[np.ndarray, np.ndarray], group_R: np.ndarray
) -> dict[str, np.ndarray]:
    """Score features: chosen on the label games, then told and scored group by group.

    Returns:
        coverage and reconstruction of mine and theirs, and ``_all`` with the empty squares.
    """
    (known, cut), (holds, _) = (properties(board) for board in boards)
    label, score = jnp.asarray(label), jnp.asarray(score)
    told = np.asarray(single_told(coverage(label, known), score))
    found = labels(label, known)
    levels_TRK = np.asarray(predicted(found, score))
    scores = {}
    for suffix, part in (("", slice(0, cut)), ("_all", slice(None))):
        scores[f"coverage{suffix}"] = f1(told[:, part], holds[:, part], group_R, pooled=False)
        by_level = [f1(t[:, part], holds[:, part], group_R, pooled=True) for t in levels_TRK]
        level = int(np.argmax([values[0] for values in by_level]))  # group 0 of these: validation
        scores[f"reconstruction{suffix}"] = by_level[level]
        scores[f"level{suffix}"] = np.full(len(by_level[0]), SHARES[level])
    return scores


def of_states(told_RK: np.ndarray, board_RN: np.ndarray, group_R: np.ndarray) -> dict:
    """Score a reading of the whole board, such as a probe's, in the same measures."""
    holds, cut = properties(board_RN)
    scores = {}
    for suffix, part in (("", slice(0, cut)), ("_all", slice(None))):
        both = told_RK[:, part], holds[:, part], group_R
        scores[f"coverage{suffix}"] = f1(*both, pooled=False)
        scores[f"reconstruction{suffix}"] = f1(*both, pooled=True)
        scores[f"level{suffix}"] = np.full(len(scores["coverage"]), np.nan)
    return scores


# What is scored -----------------------------------------------------------------------------------


class Settings(NamedTuple):
    """How dictionaries are trained."""

    features: int
    k: tuple[int, ...]
    l1: tuple[float, ...]
    steps: int
    batch_size: int
    learning_rate: float


def fit(rows: Rows, kind: str, how: Settings, steps: int) -> Dictionary:
    """Train a dictionary of every setting of a kind on a network's activations."""
    choice = how.k if kind == "topk" else how.l1
    rest = {"batch_size": how.batch_size, "learning_rate": how.learning_rate, "steps": steps}
    chosen = {"k": choice} if kind == "topk" else {"l1": choice}
    seeds = range(len(choice))
    return fit_dictionary(rows.resid_RD, how.features, kind, seeds=seeds, **chosen, **rest)


def coded(dictionary: Dictionary, rows: Split) -> Iterator[tuple[np.ndarray, np.ndarray, dict]]:
    """Codes of the label and the score rows for each member, with its quality."""
    both = np.concatenate([rows.label.resid_RD, rows.score.resid_RD])
    for index in range(len(dictionary.k)):
        member = dictionary.member(index)
        good = quality(member, rows.score.resid_RD)
        facts = {name: float(value) for name, value in good._asdict().items()}
        codes = np.asarray(member.encode(both))  # together: one shape, one compilation
        cut = len(rows.label.resid_RD)
        yield codes[:cut], codes[cut:], facts


def all_scores(
    trained: Split, untrained: Split, how: Settings, validation: int, groups: int
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
        fitted = fit(rows.train, kind, how, steps)
        settings = how.k if kind == "topk" else how.l1
        for setting, (label, score, facts) in zip(settings, coded(fitted, rows), strict=True):
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
    readings = {"probe": probe_told(trained), "probe, untrained": probe_told(untrained)}
    for name, told in (readings | {"always": always}).items():
        parts.append(table(of_states(told, boards[1], group_R), group_R, name=name))
    whole = pl.concat(parts, how="diagonal")
    return whole.with_columns(pl.col("setting").fill_null(0.0))


def probe_told(rows: Split) -> np.ndarray:
    """What a linear probe, fitted on the label games, says of the scored ones, (R, 3 N)."""
    probe = state_probe(rows.label.resid_RD[None], rows.label.board_RN.astype(np.int32))
    return properties(predicted_states(probe, rows.score.resid_RD[None])[0])[0]
