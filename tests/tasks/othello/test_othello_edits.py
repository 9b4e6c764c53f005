"""Boards that an edit would make, and the cases drawn for it, against slow truths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.tasks.othello import othello_edits as b
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_rules import STEPS

TASK = Othello(4)


@pytest.fixture(scope="module")
def games():
    return TASK.batch(jax.random.key(3), 64)


def board(*rows: str) -> np.ndarray:
    return np.array([".mt".index(letter) for row in rows for letter in row])


def slow_legal(states: np.ndarray, size: int) -> set[int]:
    found = set()
    for square in range(size**2):
        for down, right in STEPS:
            r, c = divmod(square, size)
            taken = 0
            while True:
                r, c = r + down, c + right
                inside = 0 <= r < size and 0 <= c < size
                if not inside or states[size * r + c] != b.THEIRS:
                    break
                taken += 1
            if states[square] == 0 and taken and inside and states[size * r + c] == b.MINE:
                found.add(square)
    return found


@pytest.mark.parametrize("size", [4, 6])
def test_legal_moves_of_any_board(size: int) -> None:
    boards = np.random.default_rng(0).integers(0, 3, (40, size**2))
    found = b.legal_moves(boards, size)
    assert [set(np.flatnonzero(row)) for row in found] == [slow_legal(x, size) for x in boards]


def test_boards_of_games_are_possible(games) -> None:
    boards = np.asarray(games.latents["board"])[np.asarray(games.weights) > 0]
    assert b.possible(boards.astype(int), 4).all()


def test_boards_that_cannot_be() -> None:
    fine = board("....", ".mt.", ".tt.", "..t.")
    assert b.possible(fine, 4)
    assert not b.possible(board("....", ".m..", ".tt.", "..t."), 4), "no disc in the centre"
    assert not b.possible(board("m...", ".tm.", ".mt.", "...."), 4), "no disc to be the last"
    assert not b.possible(board("mmm.", ".tm.", ".mt.", "...."), 4), "theirs had no need to pass"
    assert b.possible(board("mmm.", ".mm.", ".mm.", "...."), 4), "theirs passed"
    apart = np.zeros(36, int)
    apart[[14, 15, 20, 21, 27, 0]] = 2
    assert not b.possible(apart, 6) and not b.connected(apart > 0, 6)
    apart[7] = 1
    assert b.connected(apart > 0, 6)


@pytest.mark.parametrize("kind", ["flip", "erase", "place", "unflip"])
@pytest.mark.parametrize("squares", [1, 2])
def test_cases(games, kind: str, squares: int) -> None:
    cases = b.draw_cases(TASK, games, kind, 20, (3, 9), 0, squares=squares)
    rows = np.arange(cases.count)[:, None]
    assert cases.count > (0 if kind == "unflip" else 5)
    assert (cases.before[rows, cases.squares] == cases.old).all()
    assert (cases.after[rows, cases.squares] == cases.new).all()
    assert ((cases.before != cases.after).sum(1) == squares).all()
    assert (cases.legal == b.legal_moves(cases.after, 4)).all() and cases.legal.any(1).all()
    assert (cases.legal != cases.legal_before).any(1).all()
    assert b.possible(cases.after, 4).all()
    assert ((3 <= cases.place + 1) & (cases.place + 1 <= 9)).all()
    other = cases.wrong >= 0
    assert (cases.before[rows, cases.wrong] == cases.old)[other].all()
    assert not (cases.wrong[:, :, None] == cases.squares[:, None]).any()
    replayed = TASK.replay(jnp.asarray(cases.tokens))["board"][np.arange(cases.count), cases.place]
    assert (np.asarray(replayed) == cases.before).all()
    states = {"flip": {1, 2}, "erase": {0}, "place": {1, 2}, "unflip": {1}}[kind]
    assert set(cases.new.ravel()) <= states
