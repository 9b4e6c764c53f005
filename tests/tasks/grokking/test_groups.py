"""Groups against permutation matrices and counting, with nothing from the module under test."""

import itertools
import math

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.grokking.groups import group, parity

NAMES = ("C1", "C6", "C7", "D3", "D4", "D7", "S2", "S3", "S4", "A3", "A4", "A5")


def order_of(name: str, element: int) -> int:
    """Smallest power that is the identity, by multiplying."""
    table, power, count = group(name).table_NN, element, 1
    while power:
        power, count = int(table[power, element]), count + 1
    return count


def cycles(permutation: tuple[int, ...]) -> int:
    """Number of cycles, by walking them."""
    left, count = set(range(len(permutation))), 0
    while left:
        at = left.pop()
        while permutation[at] in left:
            at = permutation[at]
            left.remove(at)
        count += 1
    return count


@pytest.mark.parametrize("name", NAMES)
def test_laws(name: str) -> None:
    whole = group(name)
    table, every = whole.table_NN, np.arange(whole.order)
    assert table[0].tolist() == table[:, 0].tolist() == every.tolist()
    assert (table[every, whole.inverse_N] == 0).all() and (table[whole.inverse_N, every] == 0).all()
    for line in (*table, *table.T):
        assert sorted(line) == every.tolist()
    for a in every:  # (a b) c = a (b c)
        assert (table[table[a]] == table[a][table]).all()


@pytest.mark.parametrize("name", ["S3", "S4", "S5", "A5"])
def test_permutations_multiply_as_matrices(name: str) -> None:
    whole = group(name)
    assert whole.permutations_NT is not None
    things = whole.permutations_NT.shape[1]
    matrices = np.zeros((whole.order, things, things), int)
    for i, p in enumerate(whole.permutations_NT):
        matrices[i, p, np.arange(things)] = 1  # column t is the unit vector of p(t)
    rng = np.random.default_rng(0)
    pairs = itertools.product(range(whole.order), repeat=2)
    chosen = list(pairs) if whole.order < 60 else rng.integers(whole.order, size=(2000, 2))
    for a, b in chosen:
        assert (matrices[a] @ matrices[b] == matrices[whole.table_NN[a, b]]).all()


@pytest.mark.parametrize("name", ["D3", "D4", "D7"])
def test_dihedral_group_moves_a_polygon(name: str) -> None:
    n, whole = int(name[1:]), group(name)
    angle = 2 * np.pi * np.arange(n) / n
    turns = np.array([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angle])
    plane = np.concatenate([turns, turns @ np.diag([1.0, -1.0])])
    for a, b in itertools.product(range(2 * n), repeat=2):
        assert plane[a] @ plane[b] == pytest.approx(plane[whole.table_NN[a, b]], abs=1e-12)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("C6", {1: 1, 2: 1, 3: 2, 6: 2}),
        ("D4", {1: 1, 2: 5, 4: 2}),
        ("S4", {1: 1, 2: 9, 3: 8, 4: 6}),
        ("A4", {1: 1, 2: 3, 3: 8}),
        ("A5", {1: 1, 2: 15, 3: 20, 5: 24}),
        ("S5", {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20}),
    ],
)
def test_orders_of_elements(name: str, counts: dict[int, int]) -> None:
    orders = [order_of(name, g) for g in range(group(name).order)]
    assert {k: orders.count(k) for k in set(orders)} == counts


def test_parity_is_that_of_the_cycles() -> None:
    for permutation in itertools.permutations(range(5)):
        assert parity(permutation) == (5 - cycles(permutation)) % 2


def test_alternating_group_is_the_even_half() -> None:
    whole = group("A5")
    assert whole.permutations_NT is not None and whole.order == math.factorial(5) // 2
    assert all((5 - cycles(tuple(p))) % 2 == 0 for p in whole.permutations_NT.tolist())
    assert len({tuple(p) for p in whole.permutations_NT.tolist()}) == 60


def test_only_cyclic_groups_and_tiny_ones_are_abelian() -> None:
    assert [n for n in NAMES if group(n).abelian] == ["C1", "C6", "C7", "S2", "A3"]


@pytest.mark.parametrize(
    "name", ["", "X5", "S", "S7", "A2", "D2", "C0", "C721", "D361", "s5", "S05"]
)
def test_unknown_groups_are_errors(name: str) -> None:
    with pytest.raises(ToylabError, match=r"[Gg]roup"):
        group(name)


def test_largest_groups_are_built() -> None:
    assert group("C720").order == group("D360").order == group("S6").order == 720
