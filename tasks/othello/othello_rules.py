"""Othello on bitboards: moves, captures and passes, elementwise over any number of games.

A set of squares is two 32-bit words, square (row r, column c) being bit ``8 r + c`` of the 64, for
every size of board: a smaller board is the corner of the largest. All functions are elementwise,
so they work on scalars, under ``vmap``, and on whole batches alike.

A direction's line of discs is filled step by step, as every bitboard engine does: start beside the
mover's discs, walk over the other side's, and the first empty square behind is a move.

Worlds that resemble Othello (``RULES``) differ in what a move does to a line that it brackets:
``flip`` turns it over; ``none`` leaves it; ``row`` turns over lines along rows only; ``ends`` turns
over the two ends of the line; ``delete`` takes its discs off the board.

Source: the rules of the synthetic games of Li et al. 2022 (arXiv:2210.13382): black begins, who
cannot move passes silently, the game ends when neither side can. The other worlds are after
Chawla et al. 2026 (arXiv:2602.23164) and the controls of the same kind that others have used.
"""

import functools
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.errors import ToylabError, nearest

SIZES = (4, 6, 8)
RULES = ("flip", "none", "row", "ends", "delete")
DIRECTIONS = (1, -1, 8, -8, 7, -7, 9, -9)
EAST_WEST = (1, -1)
STEPS = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))  # row, column


class Bits(NamedTuple):
    """A set of squares: bits 0 to 31 in ``lo``, 32 to 63 in ``hi``, arrays of uint32."""

    lo: Array
    hi: Array

    def __and__(self, other: "Bits") -> "Bits":
        return Bits(self.lo & other.lo, self.hi & other.hi)

    def __or__(self, other: "Bits") -> "Bits":
        return Bits(self.lo | other.lo, self.hi | other.hi)

    def __invert__(self) -> "Bits":
        return Bits(~self.lo, ~self.hi)

    def any(self) -> Array:
        """Whether the set holds a square."""
        return (self.lo | self.hi) != 0

    def count(self) -> Array:
        """Number of squares, uint32."""
        return jax.lax.population_count(self.lo) + jax.lax.population_count(self.hi)

    def where(self, condition: Array, other: "Bits") -> "Bits":
        """These squares where the condition holds, the other's elsewhere."""
        choose = lambda a, b: jnp.where(condition, a, b)
        return Bits(choose(self.lo, other.lo), choose(self.hi, other.hi))

    @classmethod
    def of(cls, squares: int) -> Self:
        """A constant set, from a Python integer of 64 bits."""
        return cls(jnp.uint32(squares & 0xFFFFFFFF), jnp.uint32(squares >> 32))

    def moved(self, step: int) -> "Bits":
        """Every square moved by ``step`` bits; those that leave the 64 are lost."""
        near, far = np.uint32(abs(step)), np.uint32(32 - abs(step))
        if step > 0:
            return Bits(self.lo << near, (self.hi << near) | (self.lo >> far))
        return Bits((self.lo >> near) | (self.hi << far), self.hi >> near)


def bit(row: int, column: int) -> int:
    """The Python integer that stands for one square."""
    return 1 << (8 * row + column)


def mask(size: int, inner: bool = False) -> Bits:
    """The board's squares, or (``inner``) those of its columns but the first and the last.

    A line of discs that a move brackets along a row or a diagonal has no disc in an edge column:
    with them masked, no step wraps round to the next row.
    """
    columns = range(1, size - 1) if inner else range(size)
    return Bits.of(sum(bit(r, c) for r in range(size) for c in columns))


def opening(size: int) -> tuple[Bits, Bits]:
    """The four discs at the start: (black's, white's). Black is on the rising diagonal."""
    h = size // 2
    black = Bits.of(bit(h - 1, h) | bit(h, h - 1))
    return black, Bits.of(bit(h - 1, h - 1) | bit(h, h))


def _line(start: Bits, over: Bits, step: int, size: int) -> Bits:
    """Discs of ``over`` in an unbroken line from beside ``start``, in one direction."""
    line = start.moved(step) & over
    for _ in range(size - 3):
        line = line | (line.moved(step) & over)
    return line


def _walkable(theirs: Bits, step: int, size: int) -> Bits:
    return theirs if abs(step) == 8 else theirs & mask(size, inner=True)


def moves(mine: Bits, theirs: Bits, size: int) -> Bits:
    """Legal moves of the side that owns ``mine``: empty squares that bracket a line."""
    found = Bits.of(0)
    for step in DIRECTIONS:
        found = found | _line(mine, _walkable(theirs, step, size), step, size).moved(step)
    return found & ~(mine | theirs) & mask(size)


def captures(mine: Bits, theirs: Bits, move: Bits, size: int, rule: str = "flip") -> Bits:
    """Discs of ``theirs`` that a move acts upon under a rule: the lines it brackets.

    Args:
        mine: discs of the mover.
        theirs: discs of the other side.
        move: one square, or none.
        size: side of the board.
        rule: one of ``RULES``.
    """
    taken = theirs & ~theirs  # none, of the shape that the others have
    for step in DIRECTIONS:
        if rule == "none" or (rule == "row" and step not in EAST_WEST):
            continue
        line = _line(move, _walkable(theirs, step, size), step, size)
        anchor = line.moved(step) & mine
        if rule == "ends":
            line = line & (move.moved(step) | anchor.moved(-step))
        taken = taken | line.where(anchor.any(), Bits.of(0))
    return taken


def play(
    mine: Bits, theirs: Bits, move: Bits, size: int, rule: str = "flip"
) -> tuple[Bits, Bits, Bits]:
    """Put a disc down: return (mover's discs, other side's discs, discs captured).

    A move of no square changes nothing. A disc is put down wherever the move says, also where it
    captures nothing or, in a world with other rules, on a square that is taken.
    """
    taken = captures(mine, theirs, move, size, rule)
    theirs = theirs & ~taken & ~move
    return (mine | move if rule == "delete" else mine | move | taken), theirs, taken


def nth(squares: Bits, n: Array) -> Bits:
    """The n-th square of a set, counted from bit 0; none when the set has fewer."""
    low = jax.lax.population_count(squares.lo)
    in_low = n < low
    word = jnp.where(in_low, squares.lo, squares.hi)
    left = jnp.where(in_low, n, n - low)
    place = jnp.zeros_like(word)
    for half in (16, 8, 4, 2, 1):  # does the wanted bit lie above the lower half?
        window = (word >> place) & np.uint32((1 << half) - 1)
        below = jax.lax.population_count(window)
        above = left >= below
        place = jnp.where(above, place + np.uint32(half), place)
        left = jnp.where(above, left - below, left)
    found = (word >> place) & 1
    single = jnp.where(left == 0, found, jnp.zeros_like(found)) << place
    zero = jnp.zeros_like(single)
    return Bits(jnp.where(in_low, single, zero), jnp.where(in_low, zero, single))


def squares(bits: Bits, size: int) -> Array:
    """Unpack a set (...) to booleans (..., size * size), row by row."""
    place = np.array([8 * r + c for r in range(size) for c in range(size)], np.uint32)
    low = (bits.lo[..., None] >> jnp.broadcast_to(place % 32, (*bits.lo.shape, len(place)))) & 1
    high = (bits.hi[..., None] >> jnp.broadcast_to(place % 32, (*bits.hi.shape, len(place)))) & 1
    return jnp.where(jnp.broadcast_to(place < 32, low.shape), low, high) != 0


def pack(held: Array, size: int) -> Bits:
    """Return the squares (..., N) that are held, as bits; the inverse of :func:`squares`."""
    place = np.array([8 * r + c for r in range(size) for c in range(size)])
    words = []
    for word in (0, 1):
        bits = np.where(place // 32 == word, 1 << (place % 32), 0).astype(np.uint32)
        wide = jnp.broadcast_to(jnp.asarray(bits), held.shape)
        words.append(jnp.sum(jnp.where(held, wide, np.uint32(0)), -1, dtype=jnp.uint32))
    return Bits(*words)


@functools.partial(jax.jit, static_argnames=("size", "mover"))
def legal_moves(boards: Array, size: int, mover: int = 1) -> Array:
    """Return the legal moves (..., N), a bool each, of one side on any boards.

    Args:
        boards: (..., N) of 0 empty, 1 and 2 for the two sides.
        size: of the board.
        mover: the side to move, 1 or 2.
    """
    mine, theirs = (pack(boards == side, size) for side in (mover, 3 - mover))
    return squares(moves(mine, theirs, size), size)


def square(index: Array, size: int) -> Bits:
    """The set of one square, from its row-major index (...); none for a negative one."""
    index = index.astype(jnp.int32)
    place = (8 * (index // size) + index % size).astype(jnp.uint32)
    one = jnp.where(index >= 0, jnp.ones_like(place), jnp.zeros_like(place)) << (place % 32)
    zero = jnp.zeros_like(one)
    return Bits(jnp.where(place < 32, one, zero), jnp.where(place < 32, zero, one))


def check_rules(owner: str, size: int, rule: str) -> None:
    """Refuse a board or a rule that is not known.

    Raises:
        ToylabError: names the setting, the value and the choices.
    """
    if size not in SIZES:
        raise ToylabError(f"{owner}: size = {size!r}; boards have side 4, 6 or 8.")
    if rule not in RULES:
        raise ToylabError(f"{owner}: unknown rule {rule!r}: {nearest(str(rule), RULES)}")
