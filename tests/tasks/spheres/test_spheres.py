"""Two spheres, caps and ellipsoids against closed forms, integrals and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import betainc

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.spheres.attacks import attack_distances
from toylab.tasks.spheres.caps import cap_distance, cap_height, gaussian_distance
from toylab.tasks.spheres.ellipsoids import (
    alphas,
    error_distances,
    error_rates,
    normal_rate,
    positive_chance,
    rescaled,
)
from toylab.tasks.spheres.spheres import Spheres, examples

RNG = np.random.default_rng(0)


def on_sphere(count: int, dim: int) -> np.ndarray:
    z = RNG.normal(size=(count, dim))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


@pytest.mark.parametrize("world", examples())
def test_the_rules_hold(world):
    assert all(rule.ok for rule in check(world))


def test_points_are_uniform_and_labels_even():
    batch = Spheres(3, radius=2.0).batch(jax.random.key(0), 20_000)
    x, label = np.asarray(batch.inputs), np.asarray(batch.targets)
    assert abs(label.mean() - 0.5) < 0.02
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    # On a sphere in three dimensions every coordinate is uniform on [-1, 1].
    assert np.abs(np.sort(unit[:, 1]) - np.linspace(-1, 1, len(unit))).max() < 0.05
    assert not Spheres(3).consistent(batch).all()


def test_a_training_set_has_so_many_points_and_sets_are_nested():
    draw = lambda pool, seed: np.asarray(
        Spheres(4, pool=pool, pool_seed=seed).batch(jax.random.key(3), 2_000).inputs
    )
    few, more, other = draw(10, 0), draw(30, 0), draw(10, 1)
    points = lambda x: {tuple(row) for row in x.tolist()}
    assert len(points(few)) == 10 and len(points(more)) == 30
    assert points(few) < points(more)
    assert not points(few) & points(other)


@pytest.mark.parametrize("dim", [2, 3, 10, 200])
def test_a_cap_has_its_measure_and_its_distance(dim):
    density = lambda t: np.sin(t) ** (dim - 2)
    for share in (0.5, 0.1, 1e-4):
        start = np.arccos(cap_height(share, dim))
        points = [start, np.pi / 2]
        whole = quad(density, 0, np.pi, points=points)[0]
        inside = quad(density, 0, start, epsabs=1e-14)[0] / whole
        assert inside == pytest.approx(share, rel=1e-6)
        moment = lambda t, start=start: 2 * np.sin((t - start) / 2) * density(t)
        mean = quad(moment, start, np.pi)[0] / whole
        assert float(cap_distance(share, dim)) == pytest.approx(mean, rel=1e-5)
    x = on_sphere(40_000, dim)
    near = x[:, 0] > float(cap_height(0.1, dim))
    assert near.mean() == pytest.approx(0.1, abs=0.006)


def test_distances_in_many_dimensions_are_gaussian():
    assert float(gaussian_distance(0.5, 400)) * 20 == pytest.approx(1 / np.sqrt(2 * np.pi))
    for share in (0.3, 1e-3):
        exact, limit = (f(share, 20_000) for f in (cap_distance, gaussian_distance))
        assert float(exact) == pytest.approx(float(limit), rel=1e-3)
    assert float(gaussian_distance(1e-3, 10) / cap_distance(1e-3, 10)) > 1.05
    assert np.isnan(cap_distance([0.0, np.nan], 5)).all()


@pytest.mark.parametrize("dim", [2, 10, 100])
@pytest.mark.parametrize(("most", "rest"), [(1.5, 0.8), (1.1, 0.5), (3.0, 0.99)])
def test_one_long_axis_has_a_beta_law(dim, most, rest):
    alpha = np.array([most, *[rest] * (dim - 1)])
    law = betainc((dim - 1) / 2, 0.5, 1 - (1 - rest) / (most - rest))
    assert positive_chance(alpha - 1) == pytest.approx(law, rel=1e-7)


def test_chances_are_those_of_samples():
    weight = RNG.normal(-0.1, 1, 12)
    g = RNG.normal(size=(200_000, 12))
    assert positive_chance(weight) == pytest.approx(((g**2 @ weight) > 0).mean(), abs=0.005)
    assert positive_chance(-weight) == pytest.approx(1 - positive_chance(weight))
    assert positive_chance(np.array([1.0, -1.0])) == pytest.approx(0.5)
    assert positive_chance(np.array([-1.0, 0.0])) == 0 and positive_chance(np.array([2.0])) == 1
    assert np.isnan(positive_chance(np.array([1.0, np.nan])))


def test_rates_count_errors_on_both_spheres():
    alpha = np.array([0.3, 0.5, 0.8, 0.9, 1.2, 1.4])
    x = on_sphere(200_000, 6)
    inner, outer = error_rates(alpha, 1.3)
    assert inner == pytest.approx((x**2 @ alpha > 1).mean(), abs=0.005)
    assert outer == pytest.approx((1.69 * x**2 @ alpha < 1).mean(), abs=0.005)
    assert error_rates(np.full(6, 1 / 1.3), 1.3) == (0.0, 0.0)
    wide = np.concatenate([np.full(500, 0.9), np.full(500, 1.09)])  # where the limit is near
    assert normal_rate(wide) == pytest.approx(positive_chance(wide - 1), rel=0.05)


def test_alphas_are_those_of_the_boundary():
    W = RNG.normal(size=(2, 3, 5))
    found = alphas(W, np.array([0.5, 2.0]), np.array([-1.0, -4.0]))
    np.testing.assert_allclose(found[0, 2:], np.linalg.svd(W[0])[1][::-1] ** 2 / 2, rtol=1e-9)
    assert (found[:, :2] == 0).all()  # three squares leave two directions alone
    assert np.isnan(alphas(W * np.array([1, np.nan])[:, None, None], 1.0, -1.0)[1]).all()


def test_the_nearest_error_is_that_of_a_search():
    alpha = np.array([0.2, 0.6, 0.9, 1.3])
    x = on_sphere(12, 4)
    found = error_distances(alpha, x)
    for point, distance in zip(x, found, strict=True):
        if point**2 @ alpha > 1:
            assert distance == 0
            continue
        limits = (
            {"type": "eq", "fun": lambda y: y @ y - 1},
            {"type": "eq", "fun": lambda y: y**2 @ alpha - 1},
        )
        tries = [
            minimize(lambda y, p=point: ((y - p) ** 2).sum(), start, constraints=limits)
            for start in on_sphere(6, 4)
        ]
        best = min(t.fun for t in tries if t.success)
        assert distance == pytest.approx(np.sqrt(best), rel=1e-4)
    assert np.isinf(error_distances(np.array([0.9, 1.0]), on_sphere(3, 2))).all()
    assert np.isnan(error_distances(np.array([0.9, np.nan]), on_sphere(3, 2))).all()


def test_two_caps_are_as_far_as_the_nearer_of_them():
    # One alpha above 1 and the others equal: the errors are two opposite caps.
    alpha, x = np.array([1.4, *[0.7] * 29]), on_sphere(500, 30)
    height = np.sqrt(0.3 / 0.7)
    angle = np.arccos(np.abs(x[:, 0])) - np.arccos(height)
    np.testing.assert_allclose(
        error_distances(alpha, x), 2 * np.sin(np.maximum(angle, 0) / 2), rtol=1e-6, atol=1e-7
    )
    share = error_rates(alpha, 1.3)[0]
    assert error_distances(alpha, x).mean() < float(cap_distance(share, 30))


def test_a_bias_gives_the_rate_that_is_asked_for():
    alpha = RNG.uniform(0.1, 2, 20)
    moved = rescaled(alpha, 0.01)
    assert positive_chance(moved - 1) == pytest.approx(0.01, rel=1e-3)
    assert np.ptp(moved / alpha) < 1e-12
    assert np.isnan(rescaled(np.array([1.0, np.nan]), 0.1)).all()


def test_an_attack_finds_the_nearest_errors_of_an_ellipsoid_and_of_a_cap():
    alpha, x = np.array([0.4] * 5 + [0.9] * 5 + [1.5] * 5), on_sphere(100, 15)
    exact = error_distances(alpha, x)
    far = exact > 0
    found = np.asarray(attack_distances(lambda y: y**2 @ alpha - 1, jnp.asarray(x, jnp.float32)))
    assert (found[far] >= exact[far] * (1 - 1e-4)).all()
    assert found.mean() == pytest.approx(exact.mean(), rel=0.02)
    cap = np.asarray(attack_distances(lambda y: y[:, 0] - 0.5, jnp.asarray(x, jnp.float32)))
    angle = np.maximum(np.arccos(x[:, 0]) - np.arccos(0.5), 0)
    np.testing.assert_allclose(cap, 2 * np.sin(angle / 2), atol=1e-3)
    none = attack_distances(lambda y: y[:, 0] - 2, jnp.asarray(x, jnp.float32), steps=3)
    assert np.isinf(none).all()


def test_what_has_no_answer_is_refused():
    for make, told in (
        (lambda: Spheres(1), "dim = 1"),
        (lambda: Spheres(3, radius=1.0), "radius = 1"),
        (lambda: Spheres(3, pool=2**31), "pool = 2147483648"),
        (lambda: alphas(np.eye(2), 1.0, 1.0), "no ellipsoid"),
        (lambda: alphas(np.eye(2), -1.0, -1.0), "no ellipsoid"),
        (lambda: cap_height(0.7, 5), "measure = 0.7"),
        (lambda: cap_height(0.1, 1), "dim = 1"),
        (lambda: rescaled(np.ones(3), 0.1), "all alphas are equal"),
        (lambda: rescaled(np.array([1.0, 2.0]), 0.9), "rate = 0.9"),
    ):
        with pytest.raises(ToylabError, match=told):
            make()
