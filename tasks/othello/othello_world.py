"""Othello as a world, for the tests of ``toylab.analysis.world.tests``."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.chunks import in_chunks

from . import othello_rules as rules
from .othello import Othello

CHUNK = 512  # games, or 16 times as many boards, at once: every length compiles once
NAMES = {"none": "no flip", "row": "rows only", "ends": "ends only", "delete": "delete"}


@functools.partial(jax.jit, static_argnames=("task", "others"))
def _boards(task: Othello, inputs: Array, others: tuple[str, ...]) -> tuple[Array, ...]:
    return tuple(task.replay(inputs, rule)["board"] for rule in others)


@functools.partial(jax.jit, static_argnames=("task",))
def _games(task: Othello, key: Array) -> Array:
    return task.games(key, CHUNK)[:, :-1]


@dataclasses.dataclass(frozen=True)
class OthelloWorld:
    """Boards as states: every square is empty, mine (who moves next) or theirs.

    Wrong worlds are those of :mod:`toylab.tasks.othello.othello_rules`; on the smallest board a
    line has two discs at most, so that turning over its ends is Othello itself and no wrong world.
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
        call = lambda part: _boards(task, part, others)
        return tuple(in_chunks(call, (inputs,), CHUNK, axes=(0,) * len(others)))

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
        call = lambda part: (rules.legal_moves(part, self.task.size),)
        (legal,) = in_chunks(call, (rows,), 16 * CHUNK)
        moves = np.pad(legal[:, self.task.squares[1:]], ((0, 0), (1, 0)))
        return moves.reshape(*states.shape[:-1], -1)

    def counterfactuals(self, states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Turn over one disc, drawn at random."""
        square = np.argmax(rng.random(states.shape) * (states > 0), -1)
        rows = np.arange(len(states))
        wanted = states.copy()
        wanted[rows, square] = 3 - wanted[rows, square]
        return wanted
