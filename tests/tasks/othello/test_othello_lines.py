"""Lines that make moves legal, and what discs are to a move."""

import jax
import numpy as np

from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_lines import legal_along, needed, roles
from toylab.tasks.othello.othello_rules import STEPS


def board(*rows: str) -> np.ndarray:
    return np.array([".mt".index(letter) for row in rows for letter in row])


def test_roles_and_needs() -> None:
    states = board("..tm", ".mt.", ".tt.", ".mm.")
    assert roles(states, 0, 4)[5] == "in line"
    found = roles(board(".ttm", ".mt.", ".tt.", "...."), 0, 4)
    assert found[[0, 1, 2, 3]].tolist() == ["", "first", "within", "anchor"]
    assert found[[5, 6]].tolist() == ["in line", "elsewhere"]
    need = needed(board(".ttm", ".mt.", ".tt.", "...."), 0, 4)
    assert np.flatnonzero(need).tolist() == [1, 3], "the disc within may turn into the anchor"


def test_brackets_are_what_makes_moves_legal() -> None:
    batch = Othello(4).batch(jax.random.key(0), 30)
    board, legal = (np.asarray(batch.latents[n]).reshape(-1, 16) for n in ("board", "legal"))
    along = legal_along(board, 4)
    assert (along.any(-1) == legal).all() and (along.sum(-1) > 1).any()
    lone = np.zeros((1, 36), np.int8)
    lone[0, [8, 9, 10, 11]] = 2, 2, 1, 1  # c2 and d2 theirs, e2 and f2 mine: b2 takes them eastward
    east, found = STEPS.index((0, 1)), legal_along(lone, 6)
    assert np.argwhere(found[0]).tolist() == [[7, east]]
    lone[0, 10] = 0
    assert not legal_along(lone, 6).any()
