"""Arrangements of features against loops, polytopes and hand-made planes."""

import numpy as np
import pytest

from tests.oracles.polytopes import polygon, polytope, prism, tegum
from toylab.tasks.superposition.arrangements import (
    APART,
    WIDE,
    antipode_in_other_half,
    circle,
    cosines,
    gap_error,
    opposed_norm,
    side_view,
    triangles,
    worst_antipode,
)


def test_cosines_are_those_of_loops():
    W_PMN = np.random.default_rng(0).normal(size=(2, 3, 5))
    W_PMN[1, :, 4] = 0
    found_PNN = cosines(W_PMN)
    for p, i, j in np.ndindex(2, 5, 5):
        a, b = W_PMN[p, :, i], W_PMN[p, :, j]
        length = np.linalg.norm(a) * np.linalg.norm(b)
        assert found_PNN[p, i, j] == pytest.approx(a @ b / length if length else 0)


def test_gaps_round_the_circle_close_at_180_degrees():
    degrees = np.array([30.0, -30, 120, -150, 170])
    W_2N = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    order_N, gap_N = circle(W_2N)
    assert order_N.tolist() == [3, 1, 0, 2, 4]
    assert gap_N == pytest.approx([120, 60, 90, 50, 40])


@pytest.mark.parametrize("k", [3, 5, 6])
def test_regular_polygons_have_no_gap_error(k):
    assert gap_error(np.stack([polygon(k)] * 2)) == pytest.approx([0, 0], abs=1e-9)


def turned(W_MN: np.ndarray, seed: int) -> np.ndarray:
    """The same shape in a random orientation."""
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return q @ W_MN


@pytest.mark.parametrize("twist", [0.0, 10.0, 45.0, 60.0])
def test_triangles_of_a_twisted_prism_are_found_in_any_orientation(twist):
    """Distance, width and twist are those the prism was built with."""
    found = triangles(np.stack([turned(prism(twist), s) for s in range(5)]))
    np.testing.assert_allclose(found["apart"], APART, rtol=1e-6)
    np.testing.assert_allclose(found["wide"], WIDE, rtol=1e-6)
    np.testing.assert_allclose(found["twist"], twist, atol=1e-5)


def test_points_and_lines_have_no_width():
    """A set collapsed to a point or a line is no triangle."""
    line = prism(0)
    line[1, :3] = 0
    assert triangles(prism(0, radius=0.0))["wide"] == pytest.approx(0, abs=1e-9)
    assert triangles(line)["wide"] == pytest.approx(0, abs=1e-9)


def test_antipodes_of_an_octahedron():
    """Octahedra with pairs across the sets, within them, and a prism, which has none."""
    across = turned(prism(0), 0)
    pairs_first = tegum(*[np.array([[1.0, -1.0]])] * 3)  # features 0 and 1 are a pair
    assert worst_antipode(across, across=True) == pytest.approx(-1)
    assert antipode_in_other_half(across) == 1
    assert worst_antipode(pairs_first) == pytest.approx(-1)
    assert antipode_in_other_half(pairs_first) == pytest.approx(1 / 3)
    assert worst_antipode(pairs_first, across=True) > -0.1
    assert worst_antipode(prism(60), across=True) > -0.9
    assert worst_antipode(prism(0, radius=0.01), across=True) == 0  # two opposite points
    np.testing.assert_allclose(np.linalg.norm(polytope("octahedron"), axis=0), 1)


def test_opposed_norm_counts_opposite_pairs_only():
    third = 2 * np.pi / 3 * np.arange(3)
    radius = np.hypot(1.1 * np.cos(third + 0.1), 0.9 * np.sin(third + 0.1))
    arrangements = [
        [[1, -0.7, 0], [0, 0, 1]],  # an antipodal pair and a dimension of its own
        [[1, 1, 0], [0, 0, 1]],  # two features confused
        [[1, -1e-3, 0], [0, 1, 0]],  # one not represented, two orthogonal but for noise
        [1.1 * np.cos(third + 0.1), 0.9 * np.sin(third + 0.1)],
    ]
    found = opposed_norm(np.array(arrangements, np.float32))
    np.testing.assert_allclose(found, [0.7, 0, 0, np.sort(radius)[1]], atol=1e-6)


def test_a_side_view_is_orthonormal_and_has_the_sets_above_each_other():
    view_2M = side_view(turned(prism(0), 0))
    assert view_2M @ view_2M.T == pytest.approx(np.eye(2), abs=1e-9)
    height_N = (view_2M @ turned(prism(0), 0))[1]
    assert height_N[:3].mean() > 0.4 > -0.4 > height_N[3:].mean()
