"""Phrases, word by word: what comes next with which probability, by the rules alone.

A slow NumPy oracle for :class:`toylab.tasks.steering.phrases.Phrases`; V tokens, L positions.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from toylab.task import Batch

if TYPE_CHECKING:
    from .phrases import Phrases


def map_table(n_items: int) -> np.ndarray:
    """Values of the six functions of an item, (6, N): all are ``a x + b`` modulo N."""
    x = np.arange(n_items)
    rows = (x, x + 1, x - 1, x + n_items // 2, -1 - x, 3 * x + 1)
    return np.stack(rows) % n_items


def oracle(task: "Phrases", batch: Batch) -> Float[np.ndarray, "B L V"]:
    """Probabilities of the next word given those before; exact.

    Zeros stand where the target weighs nothing.
    """
    x_BL = np.asarray(batch.inputs)
    p_BLV = np.zeros((*x_BL.shape, task.vocab))
    first = task.starts
    rules = {first["MAP"]: _map, first["FACT"]: _facts}
    for b, row in enumerate(x_BL):
        rules.get(int(row[0]), _story)(task, row, p_BLV[b])
    return p_BLV


def _map(task: "Phrases", row: np.ndarray, p_LV: np.ndarray) -> None:
    table = map_table(task.n_items)
    fits = np.ones(len(table), bool)
    for t in range(2, len(row), 3):
        np.add.at(p_LV[t], table[fits, row[t - 1]], 1 / fits.sum())
        if t + 1 < len(row):
            fits &= table[:, row[t - 1]] == row[t + 1]


def _facts(task: "Phrases", row: np.ndarray, p_LV: np.ndarray) -> None:
    first, objects = task.starts, task.objects()
    for t in range(2, len(row), 3):
        p_LV[t, objects[row[t] - first["relation"], row[t - 1] - first["subject"]]] = 1


def _story(task: "Phrases", row: np.ndarray, p_LV: np.ndarray) -> None:
    first, nouns, verbs = task.starts, task.noun_shares(), task.verb_shares()
    belief = np.full(2, 0.5)
    if row[0] != first["OPEN"]:
        belief = np.eye(2)[row[0] - first["BAD"]]
    for t in range(0, len(row), 2):
        p_LV[t, first["noun"] : first["noun"] + nouns.shape[1]] = belief @ nouns
        if t + 1 < len(row):
            noun = row[t + 1] - first["noun"]
            p_LV[t + 1, first["verb"] : first["verb"] + task.n_verbs] = verbs[noun]
            belief = belief * nouns[:, noun] / (belief @ nouns[:, noun])


def is_consistent(task: "Phrases", batch: Batch) -> np.ndarray:
    """Per phrase: every target that counts is possible, and the latents say what made it."""
    x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
    kind_B, function_B, mood_B = (
        np.asarray(batch.latents[name]) for name in ("kind", "function", "mood")
    )
    p_BL = np.take_along_axis(oracle(task, batch), y_BL[..., None], -1)[..., 0]
    first, marker_B = task.starts, x_BL[:, 0]
    item_BK = np.minimum(x_BL[:, 1::3], task.n_items - 1)
    value_BK = map_table(task.n_items)[np.maximum(function_B, 0)[:, None], item_BK]
    known_B = np.select([marker_B == first["MAP"], marker_B == first["FACT"]], [0, 1], 2)
    agree = [
        ((np.asarray(batch.weights) == 0) | (p_BL > 0)).all(1),
        kind_B == known_B,
        (kind_B != 0) | (value_BK == y_BL[:, 2::3]).all(1),
        (kind_B != 2) | (marker_B - first["BAD"] == mood_B) | (marker_B == first["OPEN"]),
        (function_B < 0) == (kind_B != 0),
        (mood_B < 0) == (kind_B != 2),
    ]
    return np.all(agree, 0)
