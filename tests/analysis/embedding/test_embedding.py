"""Embeddings: invariances, scikit-learn, the table of nulls, and maps that are known."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.manifold._locally_linear import barycenter_weights
from sklearn.neighbors import NearestNeighbors

from toylab.analysis.embedding.dimension import gaussian_like, intrinsic_dimension
from toylab.analysis.embedding.local import global_agreement, lle_weights, local_agreement
from toylab.analysis.embedding.transfer import linear_map, random_map, slope
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6))


def test_weights_are_those_of_scikit_learn_and_of_their_definition():
    found = lle_weights(X, 5)
    near = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(return_distance=False)
    theirs = barycenter_weights(X, X, near, reg=1e-3)
    np.testing.assert_allclose(np.take_along_axis(found, near, 1), theirs, atol=1e-10)
    assert (found != 0).sum() == near.size
    flat = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    np.testing.assert_allclose(lle_weights(flat, 3, 1e-9)[0], [0, 1 / 3, 1 / 3, 1 / 3], atol=1e-6)


def test_a_shift_a_rotation_and_a_scale_change_nothing():
    moved = 3 * X @ ortho_group.rvs(6, random_state=1) + 7
    np.testing.assert_allclose(lle_weights(moved, 8), lle_weights(X, 8), atol=1e-6)
    assert local_agreement(X, moved, 8) == pytest.approx(1, abs=1e-9)
    assert global_agreement(X, moved - 7) == pytest.approx(1, abs=1e-9)
    assert global_agreement(X, moved) < 0.9  # cosines do not survive a shift
    shuffled = X[RNG.permutation(40)]
    assert abs(local_agreement(X, shuffled, 5)) < 0.2
    assert abs(global_agreement(X, shuffled)) < 0.2


@pytest.mark.parametrize(
    ("width", "noise", "neighbours", "told"),
    [(2, 0, 10, 2.0), (5, 0, 20, 4.8), (10, 0, 50, 9.0), (20, 0, 10, 7.6), (20, 0, 100, 17.9)],
)
def test_dimension_of_gaussians(width: int, noise: float, neighbours: int, told: float):
    x = np.random.default_rng(3).normal(size=(2000, width))
    assert intrinsic_dimension(x, neighbours).mean() == pytest.approx(told, abs=0.15)


def test_dimension_of_a_plane_hangs_on_its_noise():
    rng = np.random.default_rng(4)
    plane = rng.normal(size=(2000, 2)) @ ortho_group.rvs(32, random_state=2)[:2]
    noisy = plane + 0.05 * rng.normal(size=plane.shape)
    assert intrinsic_dimension(plane + 0.01 * rng.normal(size=plane.shape), 200).mean() < 2.2
    assert intrinsic_dimension(noisy, 200).mean() > 20
    assert intrinsic_dimension(plane, 10).max() == 2
    drawn = gaussian_like(noisy)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(noisy.T), atol=0.1)


def test_a_map_is_found_and_carries_a_vector():
    a = RNG.normal(size=(6, 9))
    np.testing.assert_allclose(linear_map(X, X @ a + 5), a, atol=1e-9)
    drawn = random_map(a, 3)
    values = [np.linalg.svd(m, compute_uv=False) for m in (a, drawn)]
    np.testing.assert_allclose(values[0], values[1])
    assert abs(np.sum(a * drawn)) < 0.6 * np.sum(a * a)
    np.testing.assert_allclose(slope([-1.0, 1.0, 2.0], [[-3.0, 3.0, 6.0], [1, 1, 1]]), [3, 1 / 3])


def test_what_cannot_be_is_refused_and_nan_stays():
    broken = X.copy()
    broken[0, 0] = np.nan
    assert np.isnan(lle_weights(broken, 3)).all() and np.isnan(global_agreement(X, broken))
    assert np.isnan(intrinsic_dimension(broken, 3)).all() and np.isnan(linear_map(broken, X)).all()
    with pytest.raises(ToylabError, match="vector 0 equals all its 2 neighbours"):
        lle_weights(np.zeros((4, 3)), 2)
    with pytest.raises(ToylabError, match="neighbours = 40 is out of range"):
        lle_weights(X, 40)
    with pytest.raises(ToylabError, match="or the map interpolates"):
        linear_map(X[:6], X[:6])
    with pytest.raises(ToylabError, match="same ones to both"):
        global_agreement(X, X[1:])


def test_equal_cosines_and_copies_have_no_number():
    turn = 2 * np.pi * np.arange(3) / 3
    triangle = np.stack([np.cos(turn), np.sin(turn)], 1)
    assert np.isnan(global_agreement(triangle, RNG.normal(size=(3, 2))))
    copies = np.concatenate([np.full((5, 3), 0.1), 9 + RNG.normal(size=(6, 3))])
    assert np.isnan(intrinsic_dimension(copies, 3)[:5]).all()
    assert np.isfinite(intrinsic_dimension(copies, 3)[5:]).all()
