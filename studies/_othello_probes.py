"""Probes of the board with their controls, scored game by game: how the study ``othello`` reads."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from studies import _othello as o
from tasks.othello import Othello
from tasks.othello_rules import RULES
from toylab.probe_controls import permute_within
from toylab.probes import mlp_probe
from toylab.task import Batch

WRONG = tuple(rule for rule in RULES if rule != "flip")
SHIFT = 2  # places: the same player moved next
MLP_WIDTH, MLP_STEPS = 128, 250


@dataclasses.dataclass(frozen=True)
class Games:
    """Games run through a network: what its probes are fitted on, or scored on.

    Attributes:
        batch: the games with their latents (G, L).
        acts_SGLD: the trained network's residual stream, layer by layer.
        untrained_SGLD: the same network's before training.
        logits_GLV: the trained network's.
    """

    batch: Batch
    acts_SGLD: np.ndarray
    untrained_SGLD: np.ndarray
    logits_GLV: np.ndarray

    @classmethod
    def through(cls, net: o.Trained, count: int, seed: int) -> "Games":
        """Draw games and record the trained and the untrained network on them."""
        batch = o.draw_games(net.task, count, seed)
        sites = o.layers(net.model)
        logits, acts = o.activations(net.model, net.params, batch.inputs, sites)
        _, before = o.activations(net.model, net.untrained, batch.inputs, sites)
        return cls(batch, acts, before, logits)

    def part(self, first: int) -> "Games":
        """The games from number ``first`` on."""
        later = jax.tree.map(lambda leaf: leaf[first:], self.batch)
        acts = (self.acts_SGLD[:, first:], self.untrained_SGLD[:, first:])
        return Games(later, *acts, self.logits_GLV[first:])

    def labels(self, name: str) -> np.ndarray:
        """A latent (G, L, N)."""
        return np.asarray(self.batch.latents[name]).astype(np.int8)

    @property
    def counts_GL(self) -> np.ndarray:
        """Places where the game goes on."""
        return np.asarray(self.batch.weights) > 0


def bag_of_moves(task: Othello, batch: Batch) -> np.ndarray:
    """Which squares were played on at even and at odd places, and the place: (1, G, L, 2V + L).

    All that can be known of the board without working out a capture.
    """
    inputs = np.asarray(batch.inputs)
    hot = np.eye(task.vocab, dtype=np.float32)[inputs]
    odd = (np.arange(task.length) % 2 == 1)[None, :, None]
    played = [np.cumsum(np.where(odd == parity, hot, 0), 1) for parity in (False, True)]
    place = np.broadcast_to(np.eye(task.length, dtype=np.float32), (*inputs.shape, task.length))
    return np.concatenate([*played, place], -1)[None]


def shifted(labels_GLN: np.ndarray) -> np.ndarray:
    """The board as it was two places before; the first places keep their own."""
    return np.concatenate([labels_GLN[:, :SHIFT], labels_GLN[:, :-SHIFT]], 1)


def linear(
    train: Games,
    test: Games,
    acts: tuple[np.ndarray, np.ndarray],
    labels: tuple[Any, Any],
    k: int = 3,
) -> np.ndarray:
    """Fit on one set of games, and return the states told on the other: (S, R, N)."""
    x, y = o.samples(acts[0], labels[0], train.counts_GL)
    held_out, _ = o.samples(acts[1], labels[1], test.counts_GL)
    return o.predicted_states(o.board_probe(x, y, k), held_out, k)


def nonlinear(
    train: Games,
    test: Games,
    acts: tuple[np.ndarray, np.ndarray],
    labels: tuple[Any, Any],
    rows: int,
) -> np.ndarray:
    """As :func:`linear`, by an MLP probe with one hidden layer for all squares, on fewer rows."""
    x, y = o.samples(acts[0], labels[0], train.counts_GL)
    held_out, _ = o.samples(acts[1], labels[1], test.counts_GL)
    targets = o.one_hot_rows(jnp.asarray(y[:rows]))
    key = jax.random.key(0)
    probe = mlp_probe(jnp.asarray(x[:, :rows]), targets, key, width=MLP_WIDTH, steps=MLP_STEPS)
    return o.predicted_states(probe, held_out)


def shuffled(labels_GLN: np.ndarray, counts_GL: np.ndarray, seed: int) -> np.ndarray:
    """Boards handed to other games at the same place."""
    place = np.where(counts_GL, np.arange(counts_GL.shape[1]), -1).ravel().astype(np.int32)
    order = np.asarray(permute_within(jax.random.key(seed), jnp.asarray(place), place.size))
    return labels_GLN.reshape(place.size, -1)[order].reshape(labels_GLN.shape)


def constant(train: Games, test: Games) -> np.ndarray:
    """The commonest state of each square at each place of the training games, (1, R, N)."""
    board = train.labels("board")
    kept = train.counts_GL[..., None]
    votes = np.stack([((board == state) & kept).sum(0) for state in range(3)])
    common = np.broadcast_to(votes.argmax(0), test.labels("board").shape)
    return common[test.counts_GL][None]


def all_probes(net: o.Trained, train: Games, test: Games, rows: int) -> dict[str, np.ndarray]:
    """Fit every probe and control.

    Args:
        net: the network.
        train: games to fit on.
        test: games to score on.
        rows: places that the MLP probes, and the linear ones they are compared with, see.

    Returns:
        ``{probe: whether each square is told rightly (S, R, N)}``, R the places of the test games
        in order. Probes that read no layer of the network have S = 1.
    """
    acts, before = (train.acts_SGLD, test.acts_SGLD), (train.untrained_SGLD, test.untrained_SGLD)
    kept = test.counts_GL
    pair = lambda name: (train.labels(name), test.labels(name))
    right = lambda told, labels: told == np.asarray(labels[1])[kept]
    found = {}
    for name in ("board", "parity", "colour"):
        found[name] = right(linear(train, test, acts, pair(name)), pair(name))
    board = pair("board")
    found["untrained"] = right(linear(train, test, before, board), board)
    bags = tuple(bag_of_moves(net.task, games.batch) for games in (train, test))
    found["bag of moves"] = right(linear(train, test, (bags[0], bags[1]), board), board)
    mixed = shuffled(board[0], train.counts_GL, 1)
    found["shuffled"] = right(linear(train, test, acts, (mixed, board[1])), board)
    found["constant"] = right(constant(train, test), board)
    for rule in WRONG:
        wrong = tuple(_replayed(net.task, games, rule) for games in (train, test))
        found[f"world: {rule}"] = right(linear(train, test, acts, wrong), wrong)
    late = (shifted(board[0]), shifted(board[1]))
    found["world: two moves ago"] = right(linear(train, test, acts, late), late)
    for name, source, labels in (
        ("board", acts, board),
        ("colour", acts, pair("colour")),
        ("untrained", before, board),
    ):
        told = linear(train, test, source, labels, rows=rows)
        found[f"{name}, fewer games"] = right(told, labels)
        found[f"{name}, MLP"] = right(nonlinear(train, test, source, labels, rows), labels)
    return found


def compare_movers(
    right: Mapping[str, np.ndarray], test: Games, layers: Mapping[str, int]
) -> pl.DataFrame:
    """Where a silent pass has changed the turn: does the network go by the mover or by parity?

    Returns:
        A row per game that has such places: the share of squares that the probe of the true mover's
        board tells rightly there, and that the probe of the parity board does.
    """
    kept = test.counts_GL
    differ = (test.labels("board") != test.labels("parity")).any(-1)[kept]
    game_R = np.nonzero(kept)[0][differ]
    columns = {
        name: right[label][layers[label]][differ].mean(-1)
        for name, label in (("by_mover", "board"), ("by_parity", "parity"))
    }
    table = pl.DataFrame({"game": game_R} | columns)
    return table.group_by("game").agg(pl.all().mean()).sort("game")


def _replayed(task: Othello, games: Games, rule: str) -> np.ndarray:
    replay = jax.jit(task.replay, static_argnums=1)
    return np.asarray(replay(games.batch.inputs, rule)["board"])


def flipped_f1(train: Games, test: Games, trained: bool) -> np.ndarray:
    """F1 of a linear probe of the discs captured by the last move, per layer and game, (S, G)."""
    pick = lambda games: games.acts_SGLD if trained else games.untrained_SGLD
    labels = (train.labels("flipped"), test.labels("flipped"))
    told = linear(train, test, (pick(train), pick(test)), labels, 2) > 0
    true = labels[1][test.counts_GL] > 0
    game_R = np.nonzero(test.counts_GL)[0]
    total = lambda hits_SRN: np.stack([np.bincount(game_R, row.sum(-1)) for row in hits_SRN])
    hit, wrong = total(told & true), total(told != true)
    return 2 * hit / np.maximum(2 * hit + wrong, 1)


def per_game(right_SRN: np.ndarray, counts_GL: np.ndarray) -> np.ndarray:
    """Share of squares told rightly in each game, (S, G)."""
    game_R, count_G = np.nonzero(counts_GL)[0], counts_GL.sum(1)
    return np.stack([np.bincount(game_R, row.mean(-1)) / count_G for row in right_SRN])


def per_place(right_SRN: np.ndarray, counts_GL: np.ndarray) -> np.ndarray:
    """Share of squares told rightly after each number of moves, (S, L)."""
    place_R, length = np.nonzero(counts_GL)[1], counts_GL.shape[1]
    count = np.maximum(np.bincount(place_R, minlength=length), 1)
    total = [np.bincount(place_R, row.mean(-1), minlength=length) for row in right_SRN]
    return np.stack(total) / count


def layer_table(right: Mapping[str, np.ndarray], counts_GL: np.ndarray) -> pl.DataFrame:
    """Rows (probe, layer, accuracy)."""
    rows = [
        {"probe": name, "layer": layer, "accuracy": float(games_G.mean())}
        for name, right_SRN in right.items()
        for layer, games_G in enumerate(per_game(right_SRN, counts_GL))
    ]
    return pl.DataFrame(rows)


def divergence(task: Othello, games: Games) -> np.ndarray:
    """KL(uniform over the legal moves || the network's prediction) at each place, nats (G, L)."""
    legal = np.asarray(games.batch.latents["legal"])[..., task.squares[1:]]
    log_q = np.asarray(jax.nn.log_softmax(jnp.asarray(games.logits_GLV), -1))[..., 1:]
    count = np.maximum(legal.sum(-1), 1)
    return -(np.where(legal, log_q, 0).sum(-1) / count) - np.log(count)
