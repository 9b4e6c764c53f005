"""What a next-move predictor's logits say of the board's moves, and how many of them are legal."""

from typing import Any

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
