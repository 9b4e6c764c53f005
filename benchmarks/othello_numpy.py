"""Random Othello games on 64-bit boards in plain NumPy: the peer of the generator."""

from typing import Any

import numpy as np

STEPS = (1, -1, 8, -8, 7, -7, 9, -9)
INNER = np.uint64(0x7E7E7E7E7E7E7E7E)
M1, M2, M4 = (np.uint64(m) for m in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
ONES = np.uint64(0x0101010101010101)


def moved(bits: np.ndarray, step: int) -> np.ndarray:
    """Move all squares by ``step`` bits."""
    return bits << np.uint64(step) if step > 0 else bits >> np.uint64(-step)


def line(start: np.ndarray, over: np.ndarray, step: int) -> np.ndarray:
    """Discs of ``over`` in an unbroken line from beside ``start``."""
    found = moved(start, step) & over
    for _ in range(5):
        found |= moved(found, step) & over
    return found


def walkable(theirs: np.ndarray, step: int) -> np.ndarray:
    """Discs that a line in this direction may run over."""
    return theirs if abs(step) == 8 else theirs & INNER


def moves(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Legal moves, (G,) uint64."""
    found = np.zeros_like(mine)
    for step in STEPS:
        found |= moved(line(mine, walkable(theirs, step), step), step)
    return found & ~(mine | theirs)


def captures(mine: np.ndarray, theirs: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Discs that a move turns over, (G,) uint64."""
    found = np.zeros_like(mine)
    for step in STEPS:
        taken = line(move, walkable(theirs, step), step)
        found |= np.where(moved(taken, step) & mine, taken, np.uint64(0))
    return found


def count(bits: np.ndarray) -> np.ndarray:
    """Number of squares, (G,) int64."""
    return np.bitwise_count(bits).astype(np.int64)


def choose(squares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One square of each set, drawn evenly: the n lowest are dropped, and the lowest is taken."""
    n = (rng.random(len(squares)) * count(squares)).astype(np.int64)
    left = squares.copy()
    for turn in range(int(n.max(initial=0))):
        left = np.where(n > turn, left & (left - np.uint64(1)), left)
    return left & (~left + np.uint64(1))


def play(games: int, seed: int, latents: bool = False) -> tuple[np.ndarray, ...]:
    """Play random games to their end.

    Args:
        games: G.
        seed: decides the games.
        latents: also keep, after every move, the discs of the player to move, those of the other,
            and the legal moves.

    Returns:
        Moves (60, G) as single bits, 0 when a game is over; with latents, three more such arrays.
    """
    rng = np.random.default_rng(seed)
    mine = np.full(games, (1 << 28) | (1 << 35), np.uint64)
    theirs = np.full(games, (1 << 27) | (1 << 36), np.uint64)
    legal, kept = moves(mine, theirs), []
    for _ in range(60):
        move = choose(legal, rng)
        taken = captures(mine, theirs, move)
        mine, theirs = theirs & ~taken, mine | move | taken
        legal = moves(mine, theirs)
        stuck = legal == 0
        if stuck.any():
            mine, theirs = np.where(stuck, theirs, mine), np.where(stuck, mine, theirs)
            legal = np.where(stuck, moves(mine, theirs), legal)
        kept.append((move, mine, theirs, legal) if latents else (move,))
    return tuple(np.stack(part) for part in zip(*kept, strict=True))


def unpack(bits: np.ndarray) -> np.ndarray:
    """Squares as booleans, (..., 64)."""
    octets = bits.astype("<u8")[..., None].view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little").astype(bool)


class Plain:
    """The side of the benchmark."""

    def prepare(self, case: Any) -> str:
        """Warm up."""
        self.case, self.seed = case, 0
        self.run(1)
        return "1 thread"

    def run(self, steps: int) -> None:
        """Make ``steps`` batches; with latents, boards and legal moves square by square."""
        for _ in range(steps):
            self.seed += 1
            self.made = play(self.case.games, self.seed, self.case.latents)
            if self.case.latents:
                _, mine, theirs, legal = self.made
                board = unpack(mine).astype(np.int8) + 2 * unpack(theirs).astype(np.int8)
                self.made = (board, unpack(legal))
