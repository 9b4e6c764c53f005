"""Probes of the board with their controls, scored game by game: how the study ``othello`` reads."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.world.base import activations, bag
from toylab.change import stream
from toylab.chunks import in_chunks
from toylab.probes.linear import Probe, mlp_probe
from toylab.probes.states import one_hot_rows, predicted_states, state_probe
from toylab.probes.thresholds import best_threshold
from toylab.read.tables import labelled, long_table
from toylab.task import Batch
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_moves import divergence, top_one_legal
from toylab.tasks.othello.othello_rules import RULES

from .. import network as o

WRONG = tuple(rule for rule in RULES if rule != "flip")
LABELS = ("board", "parity", "colour")
LATE = "two moves ago"
SHIFT = 2  # places: the same player moved next
MLP_WIDTH, MLP_STEPS = 128, 250
PIECE = 200  # games replayed at a time


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
    def through(
        cls,
        net: o.Player,
        untrained: o.Player,
        count: int,
        seed: int,
        fitted: "Games | None" = None,
    ) -> "Games":
        """Draw games and record the trained and the untrained network on them.

        Where ``fitted`` are given, places at which one of these begins alike do not count.
        """
        batch = o.draw_games(net.task, count, seed)
        if fitted is not None:
            batch = o.unseen(batch, fitted.batch.inputs)
        sites = stream(net.model)
        logits, acts = activations(net.model, net.params, batch.inputs, sites)
        _, before = activations(net.model, untrained.params, batch.inputs, sites)
        return cls(batch, acts, before, logits)

    def part(self, count: int) -> "Games":
        """The first games."""
        few = jax.tree.map(lambda leaf: leaf[:count], self.batch)
        acts = (self.acts_SGLD[:, :count], self.untrained_SGLD[:, :count])
        return Games(few, *acts, self.logits_GLV[:count])

    def joined(self, other: "Games") -> "Games":
        """These games, then the others."""
        join = lambda a, b, axis=0: np.concatenate([a, b], axis)
        batch = jax.tree.map(join, self.batch, other.batch)
        acts = join(self.acts_SGLD, other.acts_SGLD, 1)
        before = join(self.untrained_SGLD, other.untrained_SGLD, 1)
        return Games(batch, acts, before, join(self.logits_GLV, other.logits_GLV))

    def labels(self, name: str) -> np.ndarray:
        """A latent (G, L, N)."""
        return np.asarray(self.batch.latents[name]).astype(np.int8)

    @property
    def counts_GL(self) -> np.ndarray:
        """Places where the game goes on and no game that judged probes were fitted on begins so."""
        return o.weighed(self.batch)

    @property
    def played_GL(self) -> np.ndarray:
        """Places where the game goes on."""
        return np.asarray(self.batch.latents["legal"]).any(-1)


def shifted(labels_GLN: np.ndarray) -> np.ndarray:
    """The board as it was two places before; the first places keep their own."""
    return np.concatenate([labels_GLN[:, :SHIFT], labels_GLN[:, :-SHIFT]], 1)


Pair = tuple[np.ndarray, ...]  # of the games to fit on, of those to score on


def _rows(games_xGLD: np.ndarray) -> jax.Array:
    """Flatten games and places, the third and second axes from the end, to rows."""
    shape = games_xGLD.shape
    return jnp.asarray(games_xGLD.reshape(*shape[:-3], -1, shape[-1]))


def fitted(
    train: Games, acts_SGLD: np.ndarray, labels_GLN: np.ndarray, classes: int, few: int | None
) -> Probe:
    """Fit linear probes, one per layer, on the first ``few`` games; places after an end weigh 0."""
    weight_R = _rows(train.counts_GL[:few, :, None].astype(np.float32))[..., 0]
    y_RN = _rows(labels_GLN[:few].astype(np.int32))
    return state_probe(_rows(acts_SGLD[:, :few]), y_RN, classes, weight_R)


def linear(
    train: Games, acts: Pair, labels: Pair, classes: int = 3, few: int | None = None
) -> np.ndarray:
    """Fit on one set of games, and return the states read of the other: (S, G, L, N)."""
    probe = fitted(train, acts[0], labels[0], classes, few)
    read = predicted_states(probe, _rows(acts[1]), classes)
    return read.reshape(len(read), *labels[1].shape)


def nonlinear(train: Games, acts: Pair, labels: Pair, few: int) -> np.ndarray:
    """As :func:`linear`, by an MLP probe with one hidden layer for all squares, on few games."""
    targets = one_hot_rows(_rows(labels[0][:few].astype(np.int32)))
    weight_R = _rows(train.counts_GL[:few, :, None].astype(np.float32))[..., 0]
    x, key = _rows(acts[0][:, :few]), jax.random.key(0)
    probe = mlp_probe(x, targets, key, width=MLP_WIDTH, steps=MLP_STEPS, weights=weight_R)
    read = predicted_states(probe, _rows(acts[1]))
    return read.reshape(len(read), *labels[1].shape)


def constant(train: Games, test: Games) -> np.ndarray:
    """The majority state of each square at each place of the training games, (1, G, L, N)."""
    board = train.labels("board")
    kept = train.counts_GL[..., None]
    votes = np.stack([((board == state) & kept).sum(0) for state in range(3)])
    return np.broadcast_to(votes.argmax(0), test.labels("board").shape)[None]


def bag_of_moves(task: Othello, games: Games) -> np.ndarray:
    """Who has played where, for a probe that knows the moves alone: features (1, G, L, F)."""
    return bag(np.asarray(games.batch.inputs), task.vocab, period=2)[None]


def all_probes(task: Othello, train: Games, test: Games, few: int) -> dict[str, np.ndarray]:
    """Fit every probe and control.

    Args:
        task: the world.
        train: games to fit on.
        test: games to score on.
        few: games that the MLP probes, and the linear ones they are compared with, see.

    Returns:
        ``{probe: whether each square is read right (S, G, L, N)}``; after the end of a game
        it means nothing. Probes that read no layer of the network have S = 1.
    """
    acts, before = (train.acts_SGLD, test.acts_SGLD), (train.untrained_SGLD, test.untrained_SGLD)
    pair = lambda name: (train.labels(name), test.labels(name))
    board = pair("board")
    bags = bag_of_moves(task, train), bag_of_moves(task, test)
    plain: dict[str, tuple[Pair, Pair]] = {name: (acts, pair(name)) for name in LABELS}
    plain["untrained"] = (before, board)
    plain["bag of moves"] = (bags, board)
    for rule in WRONG:
        wrong = tuple(_replayed(task, games, rule) for games in (train, test))
        plain[f"world: {rule}"], plain[f"bag: {rule}"] = (acts, wrong), (bags, wrong)
    late = (shifted(board[0]), shifted(board[1]))
    plain[f"world: {LATE}"], plain[f"bag: {LATE}"] = (acts, late), (bags, late)
    found = {name: linear(train, x, y) == y[1] for name, (x, y) in plain.items()}
    found["constant"] = constant(train, test) == board[1]
    for name in ("board", "colour", "untrained"):
        x, y = plain[name]
        found[f"{name}, fewer games"] = linear(train, x, y, few=few) == y[1]
        found[f"{name}, MLP"] = nonlinear(train, x, y, few) == y[1]
    return found


def scores(train: Games, test: Games, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A linear probe's scores of every state (S, G, L, N, 3), and whether the best is right."""
    probe, true = fitted(train, train.acts_SGLD, train.labels(name), 3, None), test.labels(name)
    found = np.asarray(probe.scores(_rows(test.acts_SGLD))).reshape(-1, *true.shape, 3)
    return found, found.argmax(-1) == true


def compare_movers(
    right: Mapping[str, np.ndarray], test: Games, layers: Mapping[str, int]
) -> pl.DataFrame:
    """Where a silent pass has changed the turn: does the network go by the mover or by parity?

    Returns:
        A row per game that has such places: the share of squares that the probe of the true mover's
        board reads right there, and that the probe of the parity board does.
    """
    differ_GL = (test.labels("board") != test.labels("parity")).any(-1) & test.counts_GL
    columns = {
        name: right[label][layers[label]][differ_GL].mean(-1)
        for name, label in (("by_mover", "board"), ("by_parity", "parity"))
    }
    table = pl.DataFrame({"game": np.nonzero(differ_GL)[0]} | columns)
    return table.group_by("game").agg(pl.all().mean()).sort("game")


def _replayed(task: Othello, games: Games, rule: str) -> np.ndarray:
    """Boards (G, L, N) by another rule."""
    call = lambda inputs: (_replay(task, inputs, rule),)
    return in_chunks(call, (np.asarray(games.batch.inputs),), PIECE)[0]


@functools.partial(jax.jit, static_argnums=(0, 2))
def _replay(task: Othello, inputs_GL: jax.Array, rule: str) -> jax.Array:
    return task.replay(inputs_GL, rule)["board"]


def flipped_f1(train: Games, test: Games, trained: bool) -> np.ndarray:
    """F1 of a linear probe of the discs captured by the last move, per layer and game, (S, G).

    Captures are rare, so a square counts as captured above a threshold of its score, not where
    that is the likelier class; each layer's threshold is the best on the games fitted on.
    """
    pick = lambda games: games.acts_SGLD if trained else games.untrained_SGLD
    labels, kept = (train.labels("flipped"), test.labels("flipped")), test.counts_GL[..., None]
    probe = fitted(train, pick(train), labels[0], 2, None)
    score = lambda games: _margins(probe, pick(games), labels[0].shape[-1])
    read, true = score(train), labels[0] > 0
    fitted_GL = train.counts_GL
    best_S = [best_threshold(each[fitted_GL].ravel(), true[fitted_GL].ravel()) for each in read]
    cut_S111 = np.array(best_S)[:, None, None, None]
    read, true = (score(test) > cut_S111) & kept, (labels[1] > 0) & kept
    hit, wrong = (read & true).sum((2, 3)), (read != true).sum((2, 3))
    return np.where(kept.any((1, 2)), 2 * hit / np.maximum(2 * hit + wrong, 1), np.nan)


def _margins(probe: Probe, acts_SGLD: np.ndarray, squares: int) -> np.ndarray:
    """Score of 'captured' less that of 'not', (S, G, L, N)."""
    found = np.asarray(probe.scores(_rows(acts_SGLD)))
    found = found.reshape(*acts_SGLD.shape[:3], squares, 2)
    return found[..., 1] - found[..., 0]


def per_game(right_SGLN: np.ndarray, counts_GL: np.ndarray, axis: int = -1) -> np.ndarray:
    """Share of squares read right in each game, (S, G); NaN for one without places that count."""
    counts = counts_GL.sum(axis)
    total = (right_SGLN.mean(-1) * counts_GL).sum(axis)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def per_place(right_SGLN: np.ndarray, counts_GL: np.ndarray) -> np.ndarray:
    """Share of squares read right after each number of moves, (S, L); NaN for an uncounted one."""
    return per_game(right_SGLN, counts_GL, axis=-2)


def layer_table(right: Mapping[str, np.ndarray], counts_GL: np.ndarray) -> pl.DataFrame:
    """Rows (probe, layer, accuracy)."""
    mean_S = {n: [np.nanmean(g) for g in per_game(r, counts_GL)] for n, r in right.items()}
    tables = (labelled(long_table({"layer": None}, accuracy=m), probe=n) for n, m in mean_S.items())
    return pl.concat(tables)


def play(task: Othello, games: Games) -> dict[str, np.ndarray]:
    """How well the next move is known at each place (G, L): legality, and KL to the floor."""
    legal = np.asarray(games.batch.latents["legal"])
    return {
        "legal": top_one_legal(task, games.logits_GLV, legal).astype(float),
        "divergence": divergence(task, games.logits_GLV, legal),
    }
