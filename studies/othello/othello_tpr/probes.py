"""Every probe of the study ``othello_tpr``: which forms, of which activations, with which controls.

Sizes follow the paper's by proportion. On 8x8 it takes 52 role numbers for 64 squares (and 56 to
compare with the linear probe), 6 by 8 for rows by columns, and 2 filler numbers for 3 states.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import polars as pl

from toylab.analysis.tpr.analysis import centred, predict, truncate
from toylab.analysis.tpr.fit import fit
from toylab.analysis.tpr.probe import (
    Form,
    TensorProbe,
    bilinear,
    linear,
    low_rank,
    matched_rank,
    trilinear,
)
from toylab.analysis.world.base import activations
from toylab.change import stream
from toylab.probes.states import predicted_states, state_probe
from toylab.read.tables import labelled, long_table
from toylab.task import Batch

from .. import network as o

STATES = 3
FILLERS = 2
ROLES, WIDER, ROWS = 52 / 64, 56 / 64, 6 / 8  # of the paper
ORDER_SEED = 5  # of the squares' permutation
# Compared probe by probe, so that each seed is a unit; of the others two seeds are enough.
MANY = ("linear", "bilinear", "bilinear, wider", "bilinear, full", "untrained, bilinear")


def share(of: int, part: float) -> int:
    """Part of a number of squares, rounded half up, at least 1."""
    return max(1, math.floor(of * part + 0.5))


def forms(size: int, width: int) -> dict[str, Form]:
    """The probes, by name, for a board of side ``size`` and activations of a width."""
    n = size**2
    compressed = bilinear(n, STATES, share(n, ROLES), FILLERS)
    return {
        "linear": linear(n, STATES),
        "bilinear": compressed,
        "bilinear, wider": bilinear(n, STATES, share(n, WIDER), FILLERS),
        "bilinear, full": bilinear(n, STATES, n, FILLERS),
        "bilinear, random roles": dataclasses.replace(compressed, frozen=True),
        "trilinear": trilinear((size, size), STATES, (size, size), FILLERS),
        "trilinear, compressed": trilinear(
            (size, size), STATES, (share(size, ROWS), size), FILLERS
        ),
        "low rank": low_rank(n, STATES, matched_rank(compressed, width)),
    }


class Rows(NamedTuple):
    """Places of games: activations of every layer, boards, and the game of each place.

    Attributes:
        acts_SRD: the residual stream, layer by layer.
        board_RN: 0 empty, 1 mine, 2 theirs.
        game_R: number of the game.
    """

    acts_SRD: np.ndarray
    board_RN: np.ndarray
    game_R: np.ndarray


def rows(net: o.Player, batch: Batch, games: Sequence[int]) -> list[Rows]:
    """Run a network on games.

    Args:
        net: the network.
        batch: all games at once, as each number of games compiles anew.
        games: how many of them go to each part, in order.
    """
    _, acts = activations(net.model, net.params, batch.inputs, stream(net.model))
    acts_SRD, board_RN = o.samples(acts, batch.latents["board"], batch.weights)
    game_R = np.nonzero(o.weighed(batch))[0]
    found = []
    for count, end in zip(games, np.cumsum(games), strict=True):
        kept = slice(*np.searchsorted(game_R, [end - count, end]))
        own_R = game_R[kept] - (end - count)
        found.append(Rows(acts_SRD[:, kept], board_RN[kept].astype(np.int8), own_R))
    return found


@dataclasses.dataclass(frozen=True)
class Fits:
    """How probes are fitted: number of seeds, steps and rows per step."""

    seeds: int
    steps: int
    batch: int
    key: int = 0

    def few(self, seeds: int = 2) -> "Fits":
        """The same with fewer seeds, for probes that are compared over games and not over seeds."""
        return dataclasses.replace(self, seeds=min(seeds, self.seeds))

    def __call__(self, x: np.ndarray, board_RN: np.ndarray, form: Form) -> TensorProbe:
        """Fit ``seeds`` probes of one form, within the full one so that few programs compile."""
        side = form.entities if len(form.roles) == 1 else form.grid[0]
        within = dataclasses.replace(form, roles=(side,) * len(form.roles))
        size = {"seeds": self.seeds, "steps": self.steps, "batch_size": self.batch}
        return fit(x, board_RN, form, jax.random.key(self.key), within=within, **size)


def accuracy_per_game(states_RN: np.ndarray, rows: Rows) -> np.ndarray:
    """Share of squares read right in each game, (G,); NaN for one without places that count."""
    right_R = (states_RN == rows.board_RN).mean(1)
    places_G = np.bincount(rows.game_R)
    total_G = np.bincount(rows.game_R, right_R)
    return np.where(places_G > 0, total_G / np.maximum(places_G, 1), np.nan)


def best_layer(train: Rows, test: Rows) -> int:
    """The layer whose linear probe reads the board best, not counting embedding and last block."""
    probe = state_probe(train.acts_SRD, train.board_RN)
    states_SRN = predicted_states(probe, test.acts_SRD)
    accuracy_S = (states_SRN == test.board_RN).mean((1, 2))
    inner = accuracy_S[1:-1] if len(accuracy_S) > 2 else accuracy_S[:1]
    return int(np.argmax(inner)) + (len(accuracy_S) > 2)


class Fitted(NamedTuple):
    """Probes of one layer by name, seeds along their first axis, and boards' truths to score on."""

    probes: dict[str, TensorProbe]
    games: pl.DataFrame
    table: pl.DataFrame


def fit_forms(
    net: o.Player, layer: int, train: Rows, test: Rows, before: tuple[Rows, Rows], fits: Fits
) -> Fitted:
    """Fit all forms to one layer of the network, and the controls; score them by game."""
    known = forms(net.task.size, net.model.width)
    x, held_out = train.acts_SRD[layer], test.acts_SRD[layer]
    at = lambda name: fits if name in MANY else fits.few()
    probes = {name: at(name)(x, train.board_RN, form) for name, form in known.items()}
    scores = {n: _scores(p, held_out, test) for n, p in probes.items()}
    for name in ("linear", "bilinear"):
        label = f"untrained, {name}"
        probe = at(label)(before[0].acts_SRD[layer], before[0].board_RN, known[name])
        probes[label] = probe
        scores[label] = _scores(probe, before[1].acts_SRD[layer], before[1])
    order = np.random.default_rng(ORDER_SEED).permutation(net.task.size**2)
    mixed = fits.few()(x, train.board_RN[:, order], known["trilinear, compressed"])
    probes["trilinear, squares mixed"] = mixed
    scores["trilinear, squares mixed"] = _scores(
        mixed, held_out, test._replace(board_RN=test.board_RN[:, order])
    )
    rank = matched_rank(known["bilinear"], net.model.width)
    scores["truncated, centred"] = _truncated(probes["linear"], rank, held_out, test)
    counts = {n: p.form.parameters(net.model.width) for n, p in probes.items()}
    cut = rank * (net.model.width + STATES * net.task.size**2)
    return Fitted(probes, _games(scores), _table(scores, counts, cut))


def _scores(probe: TensorProbe, x: np.ndarray, rows: Rows) -> np.ndarray:
    """Accuracy by seed and game, (P, G)."""
    weight_PDSC = np.asarray(probe.weight)
    return np.stack([accuracy_per_game(predict(weight, x), rows) for weight in weight_PDSC])


def _truncated(probe: TensorProbe, rank: int, x: np.ndarray, rows: Rows) -> np.ndarray:
    """Accuracy by seed and game of a probe cut by SVD, the mean over states subtracted first."""
    cut = [truncate(centred(weight), rank) for weight in np.asarray(probe.weight)]
    return np.stack([accuracy_per_game(predict(weight, x), rows) for weight in cut])


def _games(scores: dict[str, np.ndarray]) -> pl.DataFrame:
    """Accuracy of each probe in each held-out game, the mean over the probe's seeds."""
    columns = {name: score_PG.mean(0) for name, score_PG in scores.items()}
    return pl.DataFrame({"game": np.arange(len(next(iter(columns.values())))), **columns})


def _table(scores: dict[str, np.ndarray], counts: dict[str, int], cut: int) -> pl.DataFrame:
    """Rows (probe, seed, parameters, accuracy)."""
    mean = lambda score_PG: [float(np.nanmean(score_G)) for score_G in score_PG]
    tables = {name: long_table({"seed": None}, accuracy=mean(s)) for name, s in scores.items()}
    size = lambda name: counts.get(name, cut)
    return pl.concat(labelled(t, probe=n, parameters=size(n)) for n, t in tables.items())


def truncation_curve(probe: TensorProbe, x: np.ndarray, rows: Rows, points: int) -> pl.DataFrame:
    """Accuracy of the linear probe cut to fewer ranks: rows (centred, rank, parameters, accuracy).

    ``centred`` cuts what is left when the mean over states is taken off, to which no softmax
    answers and on which the plain cut spends ranks.
    """
    weight = np.asarray(probe.at(0).weight)
    width, cells = len(weight), weight[0].size
    most = min(width, cells)
    ranks = np.unique(np.round(np.linspace(1, most, points)).astype(int))
    found = []
    for is_centred, prepared in ((False, weight), (True, centred(weight))):
        for rank in ranks.tolist():
            read = predict(truncate(prepared, rank), x)
            accuracy = float(np.nanmean(accuracy_per_game(read, rows)))
            row = {"centred": is_centred, "rank": rank, "parameters": rank * (width + cells)}
            found.append(row | {"accuracy": accuracy})
    return pl.DataFrame(found)
