"""Real irreducible representations of the groups of :mod:`toylab.tasks.grokking.groups`.

A representation maps each element to an orthogonal matrix, ``rho(a b) = rho(a) rho(b)``, and is
irreducible if no subspace stays in place under all of them. Names:

- all groups: ``trivial``; others by dimension, as ``6d``, with a letter where several share it.
- cyclic: ``2d_k``, turns by 2 pi k / n; ``sign`` for even n.
- dihedral: ``2d_k``; ``sign``, -1 on reflections; for even n also ``1d_a`` (-1 on the rotation r)
  and ``1d_b`` (-1 on r and on s).
- symmetric: ``sign``, ``standard`` (n - 1 dimensions), ``standard_sign`` (standard times sign).
- alternating: what these become on even permutations. Of a pair, ``a`` has the larger character at
  the first element where the two differ.

Over the reals a complex representation and its conjugate make one of twice the dimension, whose
character has norm 2 instead of 1: the ``2d_k`` of cyclic groups, and the ``2d`` of A3 and A4.

Sources: Young's orthogonal form (Young 1932; James and Kerber 1981, section 3.4) for symmetric
groups; its restriction, split by the intertwiner with its own sign twist, for alternating ones.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from ..groups import Group, group, parity

Tableau = tuple[int, ...]  # row of each number
TOLERANCE = 1e-9


@functools.lru_cache(maxsize=32)
def irreps(name: str) -> Mapping[str, Float[np.ndarray, "n d d"]]:
    """Return every real irreducible representation of a group, as orthogonal matrices.

    Args:
        name: a group that :func:`toylab.tasks.grokking.groups.group` knows.

    Returns:
        ``{name: (n, d, d)}`` with one matrix per element, the smaller dimensions first.

    Raises:
        ToylabError: an unknown group.

    Example:
        >>> {name: rho.shape[1] for name, rho in irreps("A5").items()}
        {'trivial': 1, '3d_a': 3, '3d_b': 3, '4d': 4, '5d': 5}
    """
    whole = group(name)
    build = {"C": _cyclic, "D": _dihedral, "S": _symmetric, "A": _alternating}[name[0]]
    return dict(sorted(build(whole).items(), key=lambda item: item[1].shape[1]))


@functools.lru_cache(maxsize=32)
def characters(name: str) -> Mapping[str, Float[np.ndarray, " n"]]:
    """Return the character ``chi(g) = trace rho(g)`` of every irreducible representation."""
    return {irrep: np.trace(rho, axis1=1, axis2=2) for irrep, rho in irreps(name).items()}


@functools.lru_cache(maxsize=32)
def projectors(name: str) -> Mapping[str, Float[np.ndarray, "n n"]]:
    """Return the projector onto the span of each representation's matrix elements.

    ``P[g, h] = d / (n |chi|^2) chi(g h^-1)`` with ``|chi|^2`` the mean of chi squared: functions on
    the group fall into these orthogonal spans, of ranks ``d^2 / |chi|^2``, which sum to n.
    """
    whole = group(name)
    quotient_NN = whole.table_NN[:, whole.inverse_N]
    return {
        irrep: chi[quotient_NN] * chi[0] / np.sum(chi**2) for irrep, chi in characters(name).items()
    }


def extend(table_NN: np.ndarray, generators: Mapping[int, np.ndarray]) -> np.ndarray:
    """Return a representation (n, d, d) from the matrices of elements that generate the group.

    Every element is reached from the identity by multiplying with generators on the right.
    """
    d = len(next(iter(generators.values())))
    rho_NDD = np.zeros((len(table_NN), d, d))
    rho_NDD[0], known, frontier = np.eye(d), {0}, [0]
    while frontier:
        reached = []
        for element, (generator, matrix) in itertools.product(frontier, generators.items()):
            product = int(table_NN[element, generator])
            if product not in known:
                rho_NDD[product] = rho_NDD[element] @ matrix
                known.add(product)
                reached.append(product)
        frontier = reached
    return rho_NDD


def rotation(angle: float) -> np.ndarray:
    """Return the turn of the plane by an angle, (2, 2)."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _cyclic(whole: Group) -> dict[str, np.ndarray]:
    n = whole.order
    found: dict[str, np.ndarray] = {"trivial": np.ones((n, 1, 1))}
    if n % 2 == 0:
        found["sign"] = (1.0 - 2.0 * (np.arange(n) % 2))[:, None, None]
    for k in range(1, (n + 1) // 2):
        found[f"2d_{k}"] = np.stack([rotation(2 * np.pi * (k * i % n) / n) for i in range(n)])
    return found


def _dihedral(whole: Group) -> dict[str, np.ndarray]:
    n = whole.order // 2
    both = lambda r, s: extend(whole.table_NN, {1: r, n: s})
    one = np.ones((1, 1))
    found = {"trivial": both(one, one), "sign": both(one, -one)}
    if n % 2 == 0:
        found |= {"1d_a": both(-one, one), "1d_b": both(-one, -one)}
    for k in range(1, (n + 1) // 2):
        found[f"2d_{k}"] = both(rotation(2 * np.pi * k / n), np.diag([1.0, -1.0]))
    return found


def _symmetric(whole: Group) -> dict[str, np.ndarray]:
    n = _things(whole)
    special = {(n,): "trivial", (1,) * n: "sign"}
    if n > 2:
        special = {(2, *(1,) * (n - 2)): "standard_sign", (n - 1, 1): "standard"} | special
    shapes = list(partitions(n))
    found = {special[s]: young(whole, s) for s in shapes if s in special}
    return found | _named([young(whole, s) for s in shapes if s not in special])


def _alternating(whole: Group) -> dict[str, np.ndarray]:
    n = _things(whole)
    parent = group(f"S{n}")
    assert parent.permutations_NT is not None
    odd_N = np.array([parity(tuple(p)) for p in parent.permutations_NT])
    parts = []
    for shape in partitions(n):
        if shape > conjugate(shape):
            parts.append(young(parent, shape)[odd_N == 0])
        elif shape == conjugate(shape):
            parts.extend(_split(young(parent, shape), odd_N))
    return {"trivial": parts[0]} | _named(parts[1:])


def _split(rho_NDD: np.ndarray, odd_N: np.ndarray) -> list[np.ndarray]:
    """Split a representation that equals its own sign twist, on the even permutations.

    The intertwiner J, ``rho(g) J = sign(g) J rho(g)``, commutes with the even ones. It is unique up
    to a factor, so symmetric or antisymmetric. Symmetric, its two eigenspaces are the parts;
    antisymmetric, it is a complex structure, and nothing splits over the reals.
    """
    start_DD = np.random.default_rng(0).normal(size=rho_NDD.shape[1:])
    signed_NDD = np.where(odd_N == 1, -1.0, 1.0)[:, None, None] * rho_NDD
    J_DD = np.einsum("nij,jk,nlk->il", signed_NDD, start_DD, rho_NDD) / len(rho_NDD)
    even_NDD = rho_NDD[odd_N == 0]
    if np.abs(J_DD + J_DD.T).max() < TOLERANCE:
        return [even_NDD]
    values_D, vectors_DD = np.linalg.eigh((J_DD + J_DD.T) / 2)
    bases = (vectors_DD[:, values_D > 0], vectors_DD[:, values_D < 0])
    first, second = (np.einsum("ia,nij,jb->nab", b, even_NDD, b) for b in bases)
    gap_N = np.trace(first - second, axis1=1, axis2=2)
    larger_first = gap_N[np.argmax(np.abs(gap_N) > TOLERANCE)] > 0
    return [first, second] if larger_first else [second, first]


def _things(whole: Group) -> int:
    assert whole.permutations_NT is not None
    return whole.permutations_NT.shape[1]


def _named(found: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Name representations by dimension, with letters where several share one."""
    names: dict[str, np.ndarray] = {}
    sizes = [rho.shape[1] for rho in found]
    for i, (size, rho) in enumerate(zip(sizes, found, strict=True)):
        letter = f"_{'abcdef'[sizes[:i].count(size)]}" if sizes.count(size) > 1 else ""
        names[f"{size}d{letter}"] = rho
    return names


def partitions(n: int, most: int | None = None) -> Iterator[tuple[int, ...]]:
    """Yield the ways to write n as a sum of falling numbers, the largest first."""
    if n == 0:
        yield ()
    for first in range(min(n, n if most is None else most), 0, -1):
        for rest in partitions(n - first, first):
            yield (first, *rest)


def conjugate(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the partition whose rows are the columns of this one."""
    return tuple(sum(row > i for row in shape) for i in range(shape[0]))


def tableaux(shape: tuple[int, ...]) -> list[Tableau]:
    """Return the standard tableaux of a shape: rows of 0, 1, ..., n - 1, placed in order."""
    if not shape:
        return [()]
    found = []
    for row, length in enumerate(shape):
        if row + 1 == len(shape) or shape[row + 1] < length:
            smaller = (*shape[:row], length - 1, *shape[row + 1 :])
            found += [(*t, row) for t in tableaux(tuple(s for s in smaller if s))]
    return found


def young(whole: Group, shape: tuple[int, ...]) -> np.ndarray:
    """Return the representation of S_n that belongs to a partition, in Young's orthogonal form.

    The basis is the standard tableaux. With c(i) the column less the row of number i, and
    ``r = c(i + 1) - c(i)``, the swap of i and i + 1 maps tableau T to
    ``T / r + sqrt(1 - 1 / r^2) T'``, where T' has i and i + 1 exchanged.
    """
    assert whole.permutations_NT is not None
    basis = tableaux(shape)
    n = sum(shape)
    number = {tuple(p): i for i, p in enumerate(whole.permutations_NT)}
    generators = {}
    for i in range(n - 1):
        order = list(range(n))
        order[i], order[i + 1] = i + 1, i
        generators[number[tuple(order)]] = _swap(basis, i)
    return extend(whole.table_NN, generators)


def _swap(basis: list[Tableau], i: int) -> np.ndarray:
    place = {t: k for k, t in enumerate(basis)}
    matrix_DD = np.zeros((len(basis), len(basis)))
    for k, rows in enumerate(basis):
        content = [rows[:j].count(rows[j]) - rows[j] for j in (i, i + 1)]
        r = content[1] - content[0]
        matrix_DD[k, k] = 1 / r
        swapped = (*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :])
        if abs(r) > 1:
            matrix_DD[place[swapped], k] = np.sqrt(1 - 1 / r**2)
    return matrix_DD
