"""Othello as a world, for the tests of ``toylab.world.tests``."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tasks import othello_rules as rules
from tasks.othello import Othello
from tasks.othello_rules import Bits

CHUNK = 512  # games, or 16 times as many boards, at once: every length compiles once
NAMES = {"none": "no flip", "row": "rows only", "ends": "ends only", "delete": "delete"}


@functools.partial(jax.jit, static_argnames=("task", "others"))
def _boards(task: Othello, inputs: Array, others: tuple[str, ...]) -> tuple[Array, ...]:
    return tuple(task.replay(inputs, rule)["board"] for rule in others)


@functools.partial(jax.jit, static_argnames=("task",))
def _games(task: Othello, key: Array) -> Array:
    return task.games(key, CHUNK)[:, :-1]


def _in_chunks(call: Any, rows: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Call a function on chunks of one size, the last filled up with zeros."""
    parts = []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        full = np.pad(chunk, ((0, size - len(chunk)), *(((0, 0),) * (rows.ndim - 1))))
        parts.append([np.asarray(out)[: len(chunk)] for out in call(jnp.asarray(full))])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@functools.partial(jax.jit, static_argnames=("task",))
def _moves(task: Othello, boards: Array) -> Array:
    """Whether each token (..., V) is a legal move of the one who moves next."""
    size = task.size
    index = np.array([8 * r + c for r in range(size) for c in range(size)])

    def pack(held: Array) -> Bits:
        words = []
        for word in (0, 1):
            bits = np.where(index // 32 == word, 1 << (index % 32), 0).astype(np.uint32)
            wide = jnp.broadcast_to(jnp.asarray(bits), held.shape)
            words.append(jnp.sum(jnp.where(held, wide, np.uint32(0)), -1, dtype=jnp.uint32))
        return Bits(*words)

    legal = rules.squares(rules.moves(pack(boards == 1), pack(boards == 2), size), size)
    moves = legal[..., jnp.asarray(task.squares[1:])]
    return jnp.concatenate([jnp.zeros((*moves.shape[:-1], 1), bool), moves], -1)


@dataclasses.dataclass(frozen=True)
class OthelloWorld:
    """Boards as states: every square is empty, mine (who moves next) or theirs.

    Wrong worlds are those of :mod:`tasks.othello_rules`; on the smallest board a line has two discs
    at most, so that turning over its ends is Othello itself and no wrong world.
    """

    task: Othello

    @property
    def vocab(self) -> int:
        return self.task.vocab

    @property
    def classes(self) -> int:
        return 3

    @property
    def period(self) -> int:
        return 2

    def draw(self, key: Array, count: int) -> np.ndarray:
        """Draw games with the task's opening."""
        keys = jax.random.split(key, -(-count // CHUNK))
        return np.concatenate([np.asarray(_games(self.task, k)) for k in keys])[:count]

    def _replayed(self, inputs: Any, others: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        task = dataclasses.replace(self.task, opening="all")
        return _in_chunks(lambda part: _boards(task, part, others), np.asarray(inputs), CHUNK)

    def states(self, inputs: Any) -> np.ndarray:
        """Return the boards after each move."""
        return self._replayed(inputs, (self.task.rule,))[0]

    def wrong(self, inputs: Any) -> Mapping[str, np.ndarray]:
        """Return the boards under other rules."""
        left_out = {self.task.rule} | ({"ends"} if self.task.size == 4 else set())
        others = tuple(rule for rule in NAMES if rule not in left_out)
        names = (NAMES[rule] for rule in others)
        return dict(zip(names, self._replayed(inputs, others), strict=True))

    def allowed(self, states: Any) -> np.ndarray:
        """Return the legal moves as tokens."""
        states = np.asarray(states)
        rows = states.reshape(-1, states.shape[-1])
        task = dataclasses.replace(self.task, opening="all")
        (moves,) = _in_chunks(lambda part: (_moves(task, part),), rows, 16 * CHUNK)
        return moves.reshape(*states.shape[:-1], -1)

    def counterfactuals(self, states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Turn over one disc, drawn at random."""
        square = np.argmax(rng.random(states.shape) * (states > 0), -1)
        rows = np.arange(len(states))
        wanted = states.copy()
        wanted[rows, square] = 3 - wanted[rows, square]
        return wanted
