"""Irreducible representations against textbook tables, and laws checked element by element."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.theory.irreps import (
    characters,
    conjugate,
    irreps,
    partitions,
    projectors,
    tableaux,
)

GOLDEN = (1 + 5**0.5) / 2
# Characters of S5 by cycle type: identity, (2), (2,2), (3), (3,2), (4), (5).
TYPES = ((1,) * 5, (2, 1, 1, 1), (2, 2, 1), (3, 1, 1), (3, 2), (4, 1), (5,))
S5 = {
    "trivial": (1, 1, 1, 1, 1, 1, 1),
    "sign": (1, -1, 1, 1, -1, -1, 1),
    "standard": (4, 2, 0, 1, -1, 0, -1),
    "standard_sign": (4, -2, 0, 1, 1, 0, -1),
    "5d_a": (5, 1, 1, -1, 1, -1, 0),
    "5d_b": (5, -1, 1, -1, -1, 1, 0),
    "6d": (6, 0, -2, 0, 0, 0, 1),
}
COMPLEX = {"C7": 3, "C8": 3, "A3": 1, "A4": 1}  # pairs of complex representations
SMALL = ("C1", "C2", "C7", "C8", "D3", "D4", "D7", "D8", "S2", "S3", "S4", "A3", "A4")
NAMES = (*SMALL, "S5", "A5")


def cycle_type(permutation: np.ndarray) -> tuple[int, ...]:
    """Lengths of the cycles, the longest first, by walking them."""
    left, lengths = set(range(len(permutation))), []
    while left:
        start = at = min(left)
        length = 0
        while at in left:
            left.remove(at)
            at, length = int(permutation[at]), length + 1
        assert at == start
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


def classes(name: str) -> list[set[int]]:
    """Conjugacy classes, by conjugating every element with every other."""
    whole = group(name)
    product, inverse = whole.table_NN, whole.inverse_N
    every = range(whole.order)
    orbits = {frozenset(int(product[product[g, x], inverse[g]]) for g in every) for x in every}
    return [set(orbit) for orbit in orbits]


def elementwise_gap(name: str, rho: np.ndarray) -> float:
    """Greatest deviation from ``rho(a b) = rho(a) rho(b)`` over all products."""
    table = group(name).table_NN
    return max(float(np.abs(rho[row] - rho[a] @ rho).max()) for a, row in enumerate(table))


@pytest.mark.parametrize("name", NAMES)
def test_matrices_multiply_as_the_elements(name: str) -> None:
    for rho in irreps(name).values():
        assert elementwise_gap(name, rho) < 1e-12
        eye = np.broadcast_to(np.eye(rho.shape[1]), rho.shape)
        assert rho @ rho.transpose(0, 2, 1) == pytest.approx(eye, abs=1e-12)
        assert rho[0] == pytest.approx(eye[0], abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_characters_are_orthogonal_and_complete(name: str) -> None:
    n, pairs = group(name).order, COMPLEX.get(name, 0)
    chi_RN = np.array(list(characters(name).values()))
    gram_RR = chi_RN @ chi_RN.T / n
    norms = np.diag(gram_RR)
    assert gram_RR == pytest.approx(np.diag(norms), abs=1e-12)
    assert sorted(norms) == pytest.approx([1] * (len(norms) - pairs) + [2] * pairs)
    # A pair of complex representations counts twice: one class each.
    assert len(chi_RN) + pairs == len(classes(name))
    assert np.sum(chi_RN[:, 0] ** 2 / norms) == pytest.approx(n)


@pytest.mark.parametrize("name", SMALL)
def test_characters_are_constant_on_classes(name: str) -> None:
    for chi, orbit in itertools.product(characters(name).values(), classes(name)):
        assert chi[list(orbit)] == pytest.approx(np.full(len(orbit), chi[min(orbit)]))


@pytest.mark.parametrize("irrep", S5)
def test_characters_of_s5(irrep: str) -> None:
    permutations = group("S5").permutations_NT
    assert permutations is not None
    expected = [S5[irrep][TYPES.index(cycle_type(p))] for p in permutations]
    assert characters("S5")[irrep] == pytest.approx(expected, abs=1e-12)


def test_characters_of_a5() -> None:
    permutations = group("A5").permutations_NT
    assert permutations is not None
    types = [cycle_type(p) for p in permutations]
    chi = characters("A5")
    assert list(chi) == ["trivial", "3d_a", "3d_b", "4d", "5d"]
    for irrep, parent in (("trivial", "trivial"), ("4d", "standard"), ("5d", "5d_a")):
        assert chi[irrep] == pytest.approx([S5[parent][TYPES.index(t)] for t in types], abs=1e-12)
    for irrep, golden in (("3d_a", GOLDEN), ("3d_b", 1 - GOLDEN)):
        others = {(1,) * 5: 3, (2, 2, 1): -1, (3, 1, 1): 0}
        for t, value in zip(types, chi[irrep], strict=True):
            allowed = [others[t]] if t in others else [golden, 1 - golden]
            assert min(abs(value - a) for a in allowed) < 1e-12
        first = types.index((5,))
        assert chi[irrep][first] == pytest.approx(golden)


def test_dihedral_characters() -> None:
    chi = characters("D8")
    turn = 2 * np.cos(2 * np.pi * 3 * np.arange(8) / 8)
    assert chi["2d_3"] == pytest.approx([*turn, *np.zeros(8)], abs=1e-12)
    assert chi["sign"] == pytest.approx([1] * 8 + [-1] * 8)
    assert chi["1d_a"] == pytest.approx([1, -1] * 8)
    assert chi["1d_b"] == pytest.approx([1, -1] * 4 + [-1, 1] * 4)


@pytest.mark.parametrize("name", ["C7", "D8", "A4", "S4", "A5"])
def test_projectors_are_onto_the_matrix_elements(name: str) -> None:
    n = group(name).order
    total_NN = np.zeros((n, n))
    for irrep, P_NN in projectors(name).items():
        elements_NE = irreps(name)[irrep].reshape(n, -1)
        left, values, _ = np.linalg.svd(elements_NE, full_matrices=False)
        span_NE = left[:, values > 1e-9]
        assert P_NN == pytest.approx(span_NE @ span_NE.T, abs=1e-12)
        total_NN += P_NN
    assert total_NN == pytest.approx(np.eye(n), abs=1e-12)


def test_real_type_has_no_invariant_part() -> None:
    # Only multiples of 1 commute with an irreducible representation of real type.
    for name, irrep in (("S5", "6d"), ("A5", "3d_a"), ("A5", "5d"), ("D7", "2d_2")):
        rho = irreps(name)[irrep]
        X_DD = np.random.default_rng(3).normal(size=rho.shape[1:])
        mean_DD = np.mean([m @ X_DD @ m.T for m in rho], axis=0)
        assert mean_DD == pytest.approx(np.eye(len(X_DD)) * np.trace(X_DD) / len(X_DD), abs=1e-12)


def test_partitions_and_tableaux() -> None:
    assert list(partitions(4)) == [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]
    assert [len(list(partitions(n))) for n in range(7)] == [1, 1, 2, 3, 5, 7, 11]
    assert conjugate((3, 1)) == (2, 1, 1) and conjugate((3, 1, 1)) == (3, 1, 1)
    assert sorted(tableaux((2, 2))) == [(0, 0, 1, 1), (0, 1, 0, 1)]
    assert sum(len(tableaux(s)) ** 2 for s in partitions(6)) == 720


def test_unknown_group_is_an_error() -> None:
    with pytest.raises(ToylabError, match="S or A"):
        irreps("Q8")
