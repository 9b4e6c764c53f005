"""Prompts with programs: run under any meaning of the actions, as classes that probes may find.

Shape suffixes: B texts, M examples, L tokens, T actions, N targets, F features of a record.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .grid import TRUE, transitions, views
from .karel import Karel
from .programs import END

# Targets that a feature is made of; it is right where all of them are.
FEATURES = {
    "turned": ("turned",),
    "moved": ("forward", "sideways"),
    "to_turn": ("to_turn",),
    "to_go": ("ahead", "aside"),
    "blocked": ("blocked",),
    "facing": ("facing",),
    "cell": ("row", "column"),
}
TARGETS = tuple(target for parts in FEATURES.values() for target in parts)
SIGNED = ("forward", "sideways", "ahead", "aside")
HALVED = 7  # seed of the programs' halves


class Texts(NamedTuple):
    """Prompts with programs.

    Attributes:
        tokens: (B, L).
        actions: with END after the last (B, T).
        solved: whether it is a program that turns every start into its end (B,).
    """

    tokens: np.ndarray
    actions: np.ndarray
    solved: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Number of actions (B,)."""
        return (self.actions < END).sum(1)


def read(task: Karel, prompts_BL: np.ndarray, written_BT: np.ndarray) -> Texts:
    """Texts of prompts and of what was written after them."""
    actions_BT, parsed_B = task.read(written_BT)
    starts_BM, ends_BM = endpoints(task, prompts_BL)
    reached_BM = execute(task, starts_BM, actions_BT)[:, -1]
    program_BT = actions_BT + task.code + 1
    tokens_BL = np.concatenate([prompts_BL, program_BT], 1).astype(np.int32)
    return Texts(tokens_BL, actions_BT, parsed_B & (reached_BM == ends_BM).all(1))


def endpoints(task: Karel, prompts_BL: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends (B, M) of prompts."""
    last = task.prompt - 1
    return np.asarray(prompts_BL[:, 0:last:2]), np.asarray(prompts_BL[:, 1:last:2])


def execute(
    task: Karel, starts_BM: np.ndarray, actions_BT: np.ndarray, meaning: Sequence[int] = TRUE
) -> np.ndarray:
    """States (B, T + 1, M) after every number of actions."""
    stay = np.arange(task.code, dtype=np.int32)
    table = np.concatenate([transitions(task.size, tuple(meaning)), stay[None]])
    states = [np.asarray(starts_BM)]
    for action_B in actions_BT.T:
        states.append(table[action_B[:, None], states[-1]])
    return np.stack(states, 1)


def labels(task: Karel, texts: Texts, meaning: Sequence[int] = TRUE) -> np.ndarray:
    """States of the first example after 0 to T actions as classes of every target (B, T + 1, N).

    The goal is the prompt's under any meaning: what is still to go follows from the tokens so far
    under each, and so no meaning tells more of the future than another.
    """
    starts_BM, ends_BM = endpoints(task, texts.tokens)
    states = execute(task, starts_BM[:, :1], texts.actions, meaning)[..., 0]
    at = [jnp.asarray(x, jnp.int32) for x in (starts_BM[:, :1], states, ends_BM[:, :1])]
    found = jax.jit(views, static_argnums=3)(*at, task.size)
    shift = {name: task.size - 1 for name in SIGNED}
    return np.stack([np.asarray(found[name]) + shift.get(name, 0) for name in TARGETS], -1)


def classes(task: Karel) -> int:
    """Most classes of a target."""
    return max(4, 2 * task.size - 1)


def inner(texts: Texts) -> np.ndarray:
    """Which states after 0 to T actions are neither a program's first nor its last (B, T + 1)."""
    t = np.arange(texts.actions.shape[1] + 1)
    return (t >= 1) & (t < texts.lengths[:, None])


def halves(texts: Texts) -> np.ndarray:
    """Whether probes are fitted on a text (B,): programs are shared out, not texts."""
    code_B = texts.actions @ (END + 1) ** np.arange(texts.actions.shape[1])
    return np.random.default_rng(HALVED).random((END + 1) ** texts.actions.shape[1])[code_B] < 0.5


def record(task: Karel, texts: Texts) -> np.ndarray:
    """What a mere record of the text tells after 0 to T actions, one-hot (B, T + 1, F).

    Cells and headings of the prompt, how often each action has been written, and the last one.
    """
    hot = lambda x, n: np.eye(n, dtype=np.float32)[x].reshape(*x.shape[:-1], -1)
    prompt = texts.tokens[:, : task.prompt - 1]
    known = np.concatenate([hot(prompt // 4, task.size**2), hot(prompt % 4, 4)], 1)
    written = np.eye(END + 1, dtype=np.int64)[texts.actions][..., :END]
    count = np.pad(written.cumsum(1), ((0, 0), (1, 0), (0, 0)))
    last = np.pad(texts.actions, ((0, 0), (1, 0)), constant_values=END)[..., None]
    known = np.broadcast_to(known[:, None], (*count.shape[:2], known.shape[1]))
    return np.concatenate([known, hot(count, task.longest + 1), hot(last, END + 1)], -1)
