"""Finite groups as multiplication tables: cyclic, dihedral, symmetric and alternating.

Elements are the numbers 0 to n - 1, with the identity first:

- ``C6``: i stands for the rotation r^i, and i j = i + j mod 6.
- ``D5``: i < 5 stands for the rotation r^i, and 5 + i for the reflection r^i s, with s r = r^-1 s.
- ``S5``, ``A5``: all, or all even, permutations of five things in lexicographic order; the product
  a b applies b first: (a b)(t) = a(b(t)).
"""

import dataclasses
import functools
import itertools
import re

import numpy as np

from toylab.errors import ToylabError

MAX_ORDER = 720  # a table of 720 x 720 pairs is half a million examples
NAMES = "C followed by its order, D by its number of corners, S or A by its number of things"


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """A finite group.

    Attributes:
        name: such as ``"A5"``.
        table_NN: number of the product of each pair of elements.
        inverse_N: number of each element's inverse.
        permutations_NT: the permutations, or None for cyclic and dihedral groups.
    """

    name: str
    table_NN: np.ndarray
    inverse_N: np.ndarray
    permutations_NT: np.ndarray | None = None

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table_NN)

    @property
    def abelian(self) -> bool:
        """Whether all products commute."""
        return bool((self.table_NN == self.table_NN.T).all())


@functools.lru_cache(maxsize=32)
def group(name: str) -> Group:
    """Return a group by its name.

    Args:
        name: ``C`` and its order, ``D`` and its number of corners (so twice as many elements),
            ``S`` or ``A`` and the number of things permuted: C113, D59, S5, A5.

    Raises:
        ToylabError: no such name, or more than 720 elements.

    Example:
        >>> group("D5").order, group("S5").order, group("A5").abelian
        (10, 120, False)
    """
    match = re.fullmatch(r"([CDSA])([1-9]\d{0,3})", name)
    if not match:
        raise ToylabError(f"Unknown group {name!r}: give {NAMES}, as in C7, D5, S5 or A5.")
    kind, size = match[1], int(match[2])
    least = {"C": 1, "D": 3, "S": 2, "A": 3}[kind]
    most = {"C": MAX_ORDER, "D": MAX_ORDER // 2, "S": 6, "A": 6}[kind]
    if not least <= size <= most:
        raise ToylabError(f"Group {name!r}: {kind} takes a number from {least} to {most}.")
    if kind == "C":
        return _from_table(name, (np.arange(size)[:, None] + np.arange(size)) % size)
    return _dihedral(name, size) if kind == "D" else _permutations(name, size, kind == "A")


def _dihedral(name: str, corners: int) -> Group:
    """Multiply by r^i s^e r^j s^f = r^(i + j) s^f if e = 0, else r^(i - j) s^(1 - f)."""
    turn, flip = np.arange(2 * corners) % corners, np.arange(2 * corners) // corners
    sign = np.where(flip[:, None] == 1, -1, 1)
    turns = (turn[:, None] + sign * turn[None]) % corners
    return _from_table(name, turns + corners * (flip[:, None] ^ flip[None]))


def _permutations(name: str, things: int, even: bool) -> Group:
    chosen = [p for p in itertools.permutations(range(things)) if not even or parity(p) == 0]
    number = {p: i for i, p in enumerate(chosen)}
    table = [[number[tuple(a[t] for t in b)] for b in chosen] for a in chosen]
    found = _from_table(name, np.array(table))
    return dataclasses.replace(found, permutations_NT=np.array(chosen))


def parity(permutation: tuple[int, ...]) -> int:
    """Return 0 for an even permutation, 1 for an odd one: the inversions modulo 2."""
    pairs = itertools.combinations(permutation, 2)
    return sum(a > b for a, b in pairs) % 2


def _from_table(name: str, table_NN: np.ndarray) -> Group:
    return Group(name, table_NN, np.argmax(table_NN == 0, axis=1))
