"""What a next-move predictor's logits say of the board's moves, and how many of them are legal."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.world.edits import top_errors

from .othello import Othello


def move_scores(task: Othello, logits: np.ndarray) -> np.ndarray:
    """Turn logits (..., V) into scores of squares (..., N): the centre gets -inf."""
    found = np.full((*logits.shape[:-1], task.size**2), -np.inf, np.float32)
    found[..., task.squares[1:]] = logits[..., 1:]
    return found


def top_one_legal(task: Othello, logits: np.ndarray, legal: Any) -> np.ndarray:
    """Whether the most probable token is a legal move, (...); the pad token is none."""
    best = task.squares[np.argmax(logits, -1)]
    inside = np.take_along_axis(np.asarray(legal), np.maximum(best, 0)[..., None], -1)[..., 0]
    return (best >= 0) & inside


def move_errors(task: Othello, logits: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """False positives plus false negatives of the N most probable moves, N of them legal, (...).

    With this N the two are equally many.

    Source: Li et al. 2022, section 4.2.
    """
    return top_errors(move_scores(task, logits), legal)


def divergence(task: Othello, logits: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """KL(uniform over the legal moves || prediction), nats (...)."""
    legal = legal[..., task.squares[1:]]
    log_q = np.asarray(jax.nn.log_softmax(jnp.asarray(logits), -1))[..., 1:]
    count = np.maximum(legal.sum(-1), 1)
    return -(np.where(legal, log_q, 0).sum(-1) / count) - np.log(count)


def square_chances(task: Othello, logits: np.ndarray) -> np.ndarray:
    """Probability of each square as the next move, (C, N)."""
    top = logits.max(-1, keepdims=True)
    scores = move_scores(task, logits - top)
    return np.exp(scores) / np.exp(logits - top).sum(-1, keepdims=True)


def from_uniform(p: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """Total variation between predictions (C, N) and the uniform choice of a legal move, (C,)."""
    uniform = legal / np.maximum(legal.sum(-1, keepdims=True), 1)
    elsewhere = 1 - p.sum(-1)  # on the token that fills up games
    return (np.abs(p - uniform).sum(-1) + elsewhere) / 2
