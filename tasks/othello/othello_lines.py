"""Why a move is legal: the lines of discs that it brackets, and what each disc is to it."""

import numpy as np

from .othello_edits import EMPTY, MINE, THEIRS, legal_moves
from .othello_rules import STEPS

ROLES = ("first", "within", "anchor", "in line", "elsewhere")


def roles(board_N: np.ndarray, move: int, size: int) -> np.ndarray:
    """Name what each disc is to a move (N,), "" for an empty square.

    ``first``: the disc beside the move of a line that it brackets; ``within``: another of that
    line; ``anchor``: the mover's disc that ends it; ``in line``: any other disc in one of the
    eight directions from the move; ``elsewhere``: the rest.
    """
    found = np.where(board_N == EMPTY, "", "elsewhere").astype("<U9")
    row, column = divmod(move, size)
    for down, right in STEPS:
        line = []
        r, c = row + down, column + right
        while 0 <= r < size and 0 <= c < size:
            line.append(size * r + c)
            r, c = r + down, c + right
        states = board_N[line]
        found[[s for s, state in zip(line, states, strict=True) if state != EMPTY]] = "in line"
        length = int(np.argmax(np.append(states, EMPTY) != THEIRS))
        if 0 < length < len(line) and states[length] == MINE:
            found[line[:length]] = "within"
            found[line[0]], found[line[length]] = "first", "anchor"
    return found


def needed(board_N: np.ndarray, move: int, size: int) -> np.ndarray:
    """Which discs (N,) make the move illegal when they are flipped, by the rules."""
    flipped_NN = np.tile(board_N, (size**2, 1))
    diagonal = np.arange(size**2)
    flipped_NN[diagonal, diagonal] = np.where(board_N == EMPTY, EMPTY, MINE + THEIRS - board_N)
    return (board_N != EMPTY) & ~legal_moves(flipped_NN, size)[:, move]


def legal_along(board_RN: np.ndarray, size: int) -> np.ndarray:
    """Whether a move on each square brackets discs in each of the eight directions, (R, N, 8)."""
    board = board_RN.reshape(-1, size, size)
    wide = np.pad(board, ((0, 0), (1, 1), (1, 1)))  # beyond the edge: as if empty

    def there(values: np.ndarray, step: tuple[int, int]) -> np.ndarray:
        return np.roll(values, (-step[0], -step[1]), (1, 2))

    found = []
    for step in STEPS:
        reached = wide == 1
        for _ in range(size - 2):
            reached = (wide == 1) | ((wide == 2) & there(reached, step))
        bracket = (wide == 0) & there((wide == 2) & reached, step)
        found.append(bracket[:, 1:-1, 1:-1].reshape(len(board), -1))
    return np.stack(found, -1)
