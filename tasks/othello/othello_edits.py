"""Boards that an edit would make, and the held-out cases on which edits are judged.

A board is N states, row by row: 0 empty, 1 a disc of the player to move ("mine"), 2 of the other
("theirs"). An edited board is *unnatural* where it provably cannot come up in any game: a square of
the centre is empty, the discs are not one piece (diagonals count), or no disc can be the last one
played, for a move leaves three in a row of its colour: its own disc, one it turned over, and one
that was there. Every other edited board is *natural*; it may still be out of reach, as these
tests do not look back beyond one move.

Source: Li et al. 2022, section 4.2, natural and unnatural boards; the tests are our own.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from . import othello_rules as rules
from .othello import Othello

EMPTY, MINE, THEIRS = 0, 1, 2


class Cases(NamedTuple):
    """Edits to make, one of each game: C cases of K squares on boards of N squares.

    Attributes:
        tokens: the games (C, L).
        place: place of the game at which the edit is made (C,).
        squares: the squares edited (C, K).
        old: their states before (C, K).
        new: their states after (C, K).
        wrong: other squares in the states ``old`` (C, K).
        before: the board (C, N).
        after: the edited board (C, N).
        legal_before: moves that are legal before (C, N).
        legal: moves that are legal on the edited board (C, N).
        white: whether white is to move (C,).
    """

    tokens: np.ndarray
    place: np.ndarray
    squares: np.ndarray
    old: np.ndarray
    new: np.ndarray
    wrong: np.ndarray
    before: np.ndarray
    after: np.ndarray
    legal_before: np.ndarray
    legal: np.ndarray
    white: np.ndarray

    def __getitem__(self, rows: Any) -> "Cases":  # type: ignore[override]
        """Return some of the cases."""
        return Cases(*(leaf[rows] for leaf in self._asdict().values()))

    @property
    def count(self) -> int:
        """C, the number of cases."""
        return len(self.place)


# What a board allows ----------------------------------------------------------------------------


def legal_moves(boards: np.ndarray, size: int, mover: int = MINE) -> np.ndarray:
    """Return the legal moves (..., N) of one side on any boards (..., N)."""
    return np.asarray(rules.legal_moves(jnp.asarray(boards), size, mover))


def _shifted(flags: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Value of the neighbour at ``step`` of every square of boards (..., size, size)."""
    size, (down, right) = flags.shape[-1], step
    wide = np.pad(flags, [(0, 0)] * (flags.ndim - 2) + [(1, 1), (1, 1)])
    return wide[..., 1 + down : 1 + down + size, 1 + right : 1 + right + size]


def connected(occupied: np.ndarray, size: int) -> np.ndarray:
    """Whether the discs (..., N) are one piece, each touching another along rows or diagonals."""
    field = occupied.reshape(*occupied.shape[:-1], size, size)
    first = np.arange(size**2) == np.argmax(occupied, -1)[..., None]
    found = first.reshape(field.shape) & field
    while True:
        grown = found.copy()
        for step in rules.STEPS:
            grown |= _shifted(found, step)
        grown &= field
        if (grown == found).all():
            return np.asarray((found == field).all((-1, -2)))
        found = grown


def _in_a_row(discs: np.ndarray, size: int) -> np.ndarray:
    """Whether a disc outside the centre starts a row of three of the discs (..., N)."""
    field = discs.reshape(*discs.shape[:-1], size, size)
    starts = np.zeros_like(field)
    for step in rules.STEPS:
        beside = _shifted(field, step)
        starts |= field & beside & _shifted(beside, step)
    return np.asarray((starts & ~centre(size).reshape(size, size)).any((-1, -2)))


def centre(size: int) -> np.ndarray:
    """Which squares are the four that are taken from the start, (N,)."""
    middle = np.isin(np.arange(size), (size // 2 - 1, size // 2))
    return (middle[:, None] & middle).reshape(-1)


def possible(boards: np.ndarray, size: int) -> np.ndarray:
    """Whether no test proves that a board (..., N) after a move cannot come up in a game.

    The last disc is the other side's, or, where the other side cannot move and so has passed, one
    of the side to move.
    """
    last = _in_a_row(boards == THEIRS, size)
    passed = ~legal_moves(boards, size, THEIRS).any(-1)
    last |= passed & _in_a_row(boards == MINE, size)
    whole = (boards[..., centre(size)] != EMPTY).all(-1)
    return whole & connected(boards != EMPTY, size) & last


# Cases ------------------------------------------------------------------------------------------


def draw_cases(
    task: Othello,
    batch: Any,
    kind: str,
    count: int,
    plies: tuple[int, int],
    seed: int,
    natural: bool = True,
    squares: int = 1,
) -> Cases:
    """Draw edits that change which moves are legal and leave at least one, one per game.

    Args:
        task: the world.
        batch: held-out games with their latents.
        kind: ``flip``, ``erase``, ``place`` a disc of either side, or ``unflip`` a disc that was
            captured by the last move.
        count: most cases; a game may have none.
        plies: fewest and most moves played before the edit.
        seed: of the places and squares.
        natural: whether the edited board is natural.
        squares: number K of squares edited at once.
    """
    rng = np.random.default_rng(seed)
    place = _places(np.asarray(batch.weights), plies, rng)
    games = np.arange(len(place))
    latent = {n: np.asarray(batch.latents[n])[games, place] for n in ("board", "flipped", "mover")}
    before_GN = latent["board"].astype(np.int64)
    proposed_GTK = _proposals(len(games), task.size**2, squares, rng)
    rows = games[:, None, None]
    old_GTK = before_GN[rows, proposed_GTK]
    new_GTK = _new_states(kind, old_GTK, rng)
    fits = _fitting(kind, old_GTK, latent["flipped"][rows, proposed_GTK]).all(-1)
    fits &= (place >= 0)[:, None]
    after_GTN = np.repeat(before_GN[:, None], proposed_GTK.shape[1], 1)
    np.put_along_axis(after_GTN, proposed_GTK, new_GTK, -1)
    legal_GTN = legal_moves(after_GTN, task.size)
    legal_before_GN = legal_moves(before_GN, task.size)
    fits &= legal_GTN.any(-1) & (legal_GTN != legal_before_GN[:, None]).any(-1)
    fits &= possible(after_GTN, task.size) == natural
    kept = np.flatnonzero(fits.any(1))[:count]
    chosen = (kept, np.argmax(fits, 1)[kept])
    squares_CK, old_CK = proposed_GTK[chosen], old_GTK[chosen]
    return Cases(
        tokens=np.asarray(batch.inputs)[kept],
        place=place[kept],
        squares=squares_CK,
        old=old_CK,
        new=new_GTK[chosen],
        wrong=_others(before_GN[kept], squares_CK, old_CK, rng),
        before=before_GN[kept],
        after=after_GTN[chosen],
        legal_before=legal_before_GN[kept],
        legal=legal_GTN[chosen],
        white=latent["mover"][kept] == 1,
    )


def _places(weights_GL: np.ndarray, plies: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random place of each game, at which it goes on; -1 for a game without one."""
    ply = np.arange(weights_GL.shape[1]) + 1
    allowed = (weights_GL > 0) & (ply >= plies[0]) & (ply <= plies[1])
    best = np.argmax(np.where(allowed, rng.random(weights_GL.shape), -1.0), 1)
    return np.where(allowed.any(1), best, -1)


def _proposals(games: int, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Random sets of squares to try, (G, T, K): every square in random order, or 4 N sets."""
    tries = n if k == 1 else 4 * n
    if k == 1:
        return rng.permuted(np.tile(np.arange(n), (games, 1)), axis=1)[..., None]
    return np.argpartition(rng.random((games, tries, n)), k, -1)[..., :k]


def _new_states(kind: str, old: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if kind == "erase":
        return np.zeros_like(old)
    if kind == "place":
        return rng.integers(MINE, THEIRS + 1, old.shape)
    return THEIRS + MINE - old


def _fitting(kind: str, old: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Whether squares can be edited so."""
    if kind == "unflip":
        return flipped & (old == THEIRS)
    return (old == EMPTY) if kind == "place" else (old != EMPTY)


def _others(
    before_CN: np.ndarray, squares_CK: np.ndarray, old_CK: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each square another one in its state, none twice; -1 where there is none."""
    found = np.full_like(squares_CK, -1)
    for row, (board, squares, old) in enumerate(zip(before_CN, squares_CK, old_CK, strict=True)):
        free = set(range(len(board))) - set(squares.tolist())
        for k, state in enumerate(old):
            same = sorted(s for s in free if board[s] == state)
            if same:
                found[row, k] = rng.choice(same)
                free.discard(int(found[row, k]))
    return found
