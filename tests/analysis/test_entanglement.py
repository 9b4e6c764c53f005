"""Entanglement against closed forms: simplices, pairs, the 24-cell, loops and samples."""

import itertools

import numpy as np
import pytest

from toylab.analysis.geometry.entanglement import (
    chance_entanglement,
    entanglement,
    entanglement_floor,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def axes_of_the_24_cell() -> np.ndarray:
    """Twelve lines: the coordinate axes, and (1, 1, 1, 1) / 2 with all signs, up to a sign."""
    halves = [np.array([1, *signs]) / 2 for signs in itertools.product((1, -1), repeat=3)]
    return np.concatenate([np.eye(4), halves])


def test_known_arrangements():
    assert (entanglement(np.eye(5)) == 0).all()
    for m in (2, 3, 6):  # a simplex of M + 1 vectors: every cosine is -1 / M
        simplex = np.eye(m + 1) - 1 / (m + 1)
        np.testing.assert_allclose(entanglement(simplex), 1 / m)
        np.testing.assert_allclose(entanglement(simplex, signed=True), 0)
    cross = np.concatenate([np.eye(4), -3 * np.eye(4)])
    assert (entanglement(cross) == 1).all() and (entanglement(cross, signed=True) == 0).all()
    np.testing.assert_allclose(entanglement(axes_of_the_24_cell()), 0.5)


def test_it_is_a_double_loop():
    v_PNM, among_PN = RNG.normal(size=(3, 6, 4)), RNG.random((3, 6)) < 0.7
    for signed in (False, True):
        found = entanglement(v_PNM, signed=signed, among=among_PN)
        for p, i in itertools.product(range(3), range(6)):
            cosines = [
                v_PNM[p, i] @ v / np.linalg.norm(v_PNM[p, i]) / np.linalg.norm(v)
                for j, v in enumerate(v_PNM[p])
                if j != i and among_PN[p, j]
            ]
            values = np.maximum(cosines, 0) if signed else np.abs(cosines)
            expected = max(values, default=np.nan) if among_PN[p, i] else np.nan
            assert found[p, i] == pytest.approx(expected, nan_ok=True)


def test_features_left_out_and_networks_that_diverged_have_none():
    v = np.array([[1.0, 0], [0, 0], [1, 1]])
    found = entanglement(v, among=[True, False, True])
    np.testing.assert_allclose(found, [0.5**0.5, np.nan, 0.5**0.5])
    assert np.isnan(entanglement(np.full((3, 2), np.nan))).all()
    assert np.isnan(entanglement(v, among=[True, False, False])).all()


def test_the_floor_is_reached_where_it_can_be():
    assert entanglement_floor(4, 4) == 0
    assert entanglement_floor(4, 3) == pytest.approx(1 / 3)  # a simplex
    assert entanglement_floor(6, 3) == pytest.approx(5**-0.5)  # axes of an icosahedron
    assert entanglement_floor(12, 4) == pytest.approx(0.5)  # of the 24-cell; Welch: 0.426
    assert entanglement_floor(10, 4) == pytest.approx((6 / 36) ** 0.5)
    for _ in range(200):
        assert entanglement(RNG.normal(size=(12, 4))).max() >= 0.5


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("count", "dim"), [(2, 2), (12, 4), (5, 9)])
def test_chance_is_that_of_samples(count, dim, signed):
    drawn = entanglement(RNG.normal(size=(4_000, count, dim)), signed=signed)
    expected = float(chance_entanglement(count, dim, signed=signed))
    assert drawn.mean() == pytest.approx(expected, abs=0.01)
    # Of two directions in the plane the angle is uniform: the mean cosine is 2 / pi.
    assert float(chance_entanglement(2, 2)) == pytest.approx(2 / np.pi, abs=1e-4)
    assert np.isnan(chance_entanglement([0, 1], 4)).all()


def test_what_has_no_direction_is_refused():
    for make, told in (
        (lambda: entanglement(np.ones((1, 3))), "N >= 2"),
        (lambda: entanglement(np.zeros((2, 3))), "zero vector"),
        (lambda: entanglement(np.ones((2, 3)), among=[True]), "among has shape"),
        (lambda: entanglement_floor(1, 3), "count = 1"),
        (lambda: chance_entanglement(3, 1), "dim = 1"),
    ):
        with pytest.raises(ToylabError, match=told):
            make()


def test_a_vector_that_is_nan_is_nobodys_partner():
    found = entanglement([[1.0, 0], [1, 1], [np.nan, 0], [0, 1]])
    np.testing.assert_allclose(found, [0.5**0.5, 0.5**0.5, np.nan, 0.5**0.5], rtol=1e-12)
