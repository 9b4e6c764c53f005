"""Othello as a world, for the tests of ``toylab.world_tests``."""

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


@functools.partial(jax.jit, static_argnames=("task", "rule"))
def _boards(task: Othello, inputs: Array, rule: str) -> Array:
    return task.replay(inputs, rule)["board"]


@functools.partial(jax.jit, static_argnames=("task", "count"))
def _games(task: Othello, key: Array, count: int) -> Array:
    return task.games(key, count)[:, :-1]


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
        return np.asarray(_games(self.task, key, count))

    def states(self, inputs: Any) -> np.ndarray:
        """Return the boards after each move."""
        return np.asarray(_boards(self.task, jnp.asarray(inputs), self.task.rule))

    def wrong(self, inputs: Any) -> Mapping[str, np.ndarray]:
        """Return the boards under other rules."""
        others = [rule for rule in rules.RULES if rule != self.task.rule]
        if self.task.size == 4:
            others.remove("ends")
        names = {"none": "no flip", "row": "rows only", "ends": "ends only", "delete": "delete"}
        return {
            names[rule]: np.asarray(_boards(self.task, jnp.asarray(inputs), rule))
            for rule in others
        }

    def allowed(self, states: Any) -> np.ndarray:
        """Return the legal moves as tokens."""
        return np.asarray(_moves(self.task, jnp.asarray(states)))

    def counterfactuals(self, states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Turn over one disc, drawn at random."""
        square = np.argmax(rng.random(states.shape) * (states > 0), -1)
        rows = np.arange(len(states))
        wanted = states.copy()
        wanted[rows, square] = 3 - wanted[rows, square]
        return wanted
