"""Closed forms and geometry against quadrature, brute force and known polytopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.optimize import minimize

from tests.oracles import polytopes
from tests.oracles import superposition_pair as pair
from toylab.errors import ToylabError
from toylab.tasks.superposition import attacks
from toylab.tasks.superposition import superposition_geometry as geometry
from toylab.tasks.superposition import superposition_phase as phase
from toylab.tasks.superposition import superposition_theory as theory
from toylab.tasks.superposition.by_member import FirstFeatures
from toylab.tasks.superposition.superposition import Sparse, ZipfSparse

RNG = np.random.default_rng(0)


def drawn(task, seed, size):
    return jax.jit(task.batch, static_argnums=1)(jax.random.key(seed), size)


def relu(z):
    return np.maximum(z, 0.0)


@pytest.mark.parametrize("n", [2, 3])
def test_candidates_are_the_losses_of_their_solutions(n):
    """Monte Carlo over the sampler, with the weights of each candidate written out."""
    s, r = 0.4, 0.3
    batch = drawn(Sparse(n, s, last_importance=r), 1, 200_000)
    x = np.asarray(batch.inputs, float)
    kept = np.eye(n)
    solutions = {
        "ignore first": (kept[1:], s / 2 * kept[0]),
        "ignore last": (kept[:-1], s / 2 * kept[-1]),
        "superpose last": (np.delete(kept, -1, 0) - np.outer(np.eye(n - 1)[0], kept[-1]), 0.0),
    }
    if n == 3:
        pair = np.stack([kept[0] - kept[1], kept[2]])
        solutions["superpose first"] = (pair, 0.0)
    losses = phase.phase_losses(s, r, n)
    assert losses.keys() == solutions.keys()
    for name, (W, b) in solutions.items():
        error = (np.asarray(batch.weights) * (x - relu(x @ W.T @ W + b)) ** 2).sum(1)
        assert abs(error.mean() - losses[name]) < 5 * error.std() / np.sqrt(len(x)), name


@pytest.mark.parametrize("n", [2, 3])
def test_boundary_agrees_with_brute_force(n):
    density = np.linspace(1e-3, 1, 4000)
    for r in (0.1, 0.3, 0.9, 1.1, 4.0, 10.0):
        losses = phase.phase_losses(density, r, n)
        pairs = np.minimum(losses["superpose last"], losses.get("superpose first", np.inf))
        alone = np.minimum(losses["ignore first"], losses["ignore last"])
        last = density[pairs < alone].max()
        assert abs(last - phase.superposition_boundary(r, n)) < 5e-4
        below, above = last * 0.98, last * 1.02
        extra = 1 if n == 2 or r < 1 else 2
        assert phase.PHASES[phase.phase_argmin(below, r, n)] == phase.PHASES[extra]
        assert phase.phase_argmin(above, r, n) == (0 if r < 1 else 2)
    ratio, corner = phase.TRIPLE_POINT
    at = phase.phase_losses(corner, ratio, 2)
    assert np.allclose(list(at.values()), at["ignore last"])
    assert np.isclose(phase.superposition_boundary(ratio, n), corner)


def test_square_error_is_exact():
    slopes = RNG.normal(size=(3, 6))
    slopes[:, 0], slopes[1, 1], slopes[0, 2] = (0.0, 0.0, 0.3), 0.0, 0.0
    found = pair.square_error(*slopes)
    for (a, c, b), value in zip(slopes.T, found, strict=True):

        def error(y, x, a=a, b=b, c=c):
            return (x - max(a * x + c * y + b, 0.0)) ** 2

        # The kink limits the adaptive quadrature, not the piecewise one.
        assert abs(dblquad(error, 0, 1, 0, 1)[0] - value) < 1e-6


def test_pair_loss_matches_sampling_and_gradients():
    s, r = 0.6, 0.7
    w, b = np.array([0.9, -0.6]), np.array([0.05, 0.2])
    exact = float(pair.pair_loss(w, b, np.float64(s), np.float64(r)))
    batch = drawn(Sparse(2, s, last_importance=r), 2, 400_000)
    x = np.asarray(batch.inputs, float)
    error = (np.asarray(batch.weights) * (x - relu(np.outer(x @ w, w) + b)) ** 2).sum(1)
    assert abs(error.mean() - exact) < 5 * error.std() / np.sqrt(len(x))

    def traced(w, b):
        return pair.pair_loss(w, b, jnp.float32(s), jnp.float32(r))

    args = jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)
    value, slope = jax.jit(jax.value_and_grad(traced))(*args)
    assert np.isclose(value, exact, rtol=1e-5)
    for i in range(2):
        step = 1e-5 * np.eye(2)[i]
        ahead, behind = (
            pair.pair_loss(w + d, b, np.float64(s), np.float64(r)) for d in (step, -step)
        )
        assert np.isclose(slope[i], (ahead - behind) / 2e-5, rtol=1e-3)


@pytest.mark.parametrize(
    ("density", "ratio", "gain"),
    [(0.01, 1.0, 0.0), (0.1, 0.1, 0.04), (0.16, 0.1, 0.10), (4 / 7, 1.0, 0.14), (0.6, 0.3, 0.0)],
)
def test_how_far_the_candidates_are_from_the_minimum(density, ratio, gain):
    """Fixed norms and biases cost little inside a phase and up to a seventh at its border."""
    candidate = min(float(v) for v in phase.phase_losses(density, ratio).values())
    found = pair.pair_optimum(density, ratio)
    assert abs((1 - found.loss / candidate) - gain) < 0.01


def test_classify():
    for W, expected in (
        ([[1.0, 0.1]], 0),
        ([[0.9, -0.9]], 1),
        ([[0.01, 1.0]], 2),
        ([[1.0, 0, 0], [0, 1.0, -0.9]], 1),
        ([[1.0, -1.0, 0], [0, 0, 1.0]], 2),
    ):
        assert phase.classify(np.array(W)) == expected
        assert jax.jit(phase.classify)(jnp.array(W, jnp.float32)) == expected


def test_onset_is_the_cut_with_fewest_errors():
    density = np.array([0.01, 0.1, 0.2, 0.4, 0.8])
    flags = lambda text: np.array([c == "s" for c in text])
    assert phase.onset(density, flags("sss..")) == pytest.approx(np.sqrt(0.08))
    assert phase.onset(density, flags("s.s..")) == pytest.approx(np.sqrt(0.001))
    assert phase.onset(density, flags("sssss")) == 0.8
    assert phase.onset(density, flags(".....")) == 0.01


def test_edges_are_one_cell_on_both_sides():
    halves = np.zeros((5, 6), int)
    halves[:, 3:] = 1
    np.testing.assert_array_equal(phase.edges(halves)[0], [False, False, True, True, False, False])
    corner = np.zeros((4, 4), int)
    corner[0, 0] = 2
    assert phase.edges(corner).sum() == 4


def test_line_integrals_in_every_case():
    grid = np.array([-1.5, -0.4, 0.0, 0.3, 1.0, 2.0])
    a, b = (v.ravel() for v in np.meshgrid(grid, grid))
    own, cross = theory.own_error(a, b), theory.cross_error(a, b)
    for i in range(len(a)):
        kink = [min(max(-b[i] / a[i], 0.0), 1.0)] if a[i] else None
        for copied, value in ((0.0, cross[i]), (1.0, own[i])):

            def error(x, i=i, copied=copied):
                return (copied * x - max(a[i] * x + b[i], 0.0)) ** 2

            assert np.isclose(quad(error, 0, 1, points=kink)[0], value)


def test_one_hot_loss_matches_sampling_and_gradients():
    W, b = RNG.normal(size=(2, 5)), 0.3 * RNG.normal(size=5)
    task = FirstFeatures(5, n_used=4)
    weight = np.array([1.0, 1, 1, 1, 0])
    exact = theory.one_hot_loss(W, b, weight)
    x = np.asarray(drawn(task, 3, 300_000).inputs, float)
    error = (weight * (x - relu(x @ W.T @ W + b)) ** 2).sum(1)
    assert abs(error.mean() - exact) < 5 * error.std() / np.sqrt(len(x))
    arrays = [jnp.asarray(v, jnp.float32) for v in (W, b, weight)]
    value, slope = jax.jit(jax.value_and_grad(theory.one_hot_loss))(*arrays)
    assert np.isclose(value, exact, rtol=1e-5)
    step = np.zeros_like(W)
    step[1, 2] = 1e-6
    ahead, behind = (theory.one_hot_loss(W + d, b, weight) for d in (step, -step))
    assert np.isclose(slope[1, 2], (ahead - behind) / 2e-6, rtol=1e-3)
    flat = jax.grad(theory.one_hot_loss)(jnp.zeros((2, 5), jnp.float32), *arrays[1:])
    assert np.isfinite(flat).all()


def test_published_polygons():
    """Chen et al. 2023: radii, biases and levels, to the digits printed there."""
    square, pentagon = theory.best_polygon(4), theory.best_polygon(5)
    assert np.allclose(square, (1, 0, 0), atol=1e-6)
    assert np.allclose(pentagon, (1.17046, -0.28230, 0.23738), atol=1e-5)
    levels = theory.polygon_levels(5) | {
        f"{name},6": value for name, value in theory.polygon_levels(6).items()
    }
    published = {"5": 0.01583, "4": 0.06667, "4+": 0.05667, "5,6": 0.06874, "4+,6": 0.10417}
    for name, value in published.items():
        assert abs(levels[name] - value) < 6e-6, name
    with pytest.raises(ToylabError, match="biased dead"):
        theory.polygon_level(4, 5, 2)


@pytest.mark.parametrize("k", [5, 6, 8, 9, 11])
def test_polygons_are_critical_points_of_the_full_loss(k):
    n, best = k + 1, theory.best_polygon(k)
    W, b = np.zeros((2, n)), np.zeros(n)
    W[:, :k], b[:k] = best.radius * polytopes.polygon(k), best.bias

    def loss(p):
        return theory.one_hot_loss(p[: 2 * n].reshape(2, n), p[2 * n :], np.ones(n))

    p = np.concatenate([W.ravel(), b])
    assert np.isclose(loss(p), theory.polygon_level(k, n), rtol=1e-9)
    live = [i for i in range(3 * n) if i % n < k]
    slope = [(loss(p + d) - loss(p - d)) / 2e-6 for d in 1e-6 * np.eye(3 * n)[live]]
    assert np.abs(slope).max() < 1e-7


def test_from_nine_corners_on_dropping_features_is_better():
    h = {k: theory.best_polygon(k).h for k in range(4, 13)}
    for c in range(9, 13):
        assert h[c] > h[7] + c - 7
    assert all(h[c] < h[k] + c - k for c in (5, 6, 7) for k in range(4, c))


def test_five_features_relax_to_the_pentagon():
    """Descent from random weights never ends below L(5, 5), and the best run reaches it."""

    def loss(p):
        return theory.one_hot_loss(p[:10].reshape(2, 5), p[10:], np.ones(5))

    rng = np.random.default_rng(1)
    runs = [minimize(loss, 0.6 * rng.normal(size=15), method="BFGS").fun for _ in range(6)]
    assert abs(min(runs) - theory.polygon_level(5, 5)) < 1e-7


def test_truncated_loss():
    task = ZipfSparse(50, alpha=1.5)
    p = np.asarray(task.densities(), float)
    x = np.asarray(drawn(task, 4, 100_000).inputs, float)[:, 7:]
    error = (x**2).sum(1)
    expected = theory.truncated_loss(p, 7)
    assert abs(error.mean() - expected) < 5 * error.std() / np.sqrt(len(x))


@pytest.mark.parametrize("name", polytopes.POLYTOPES)
def test_dimensionalities_of_polytopes(name):
    W = polytopes.polytope(name)
    expected = np.concatenate([np.full(n, d) for n, d in polytopes.POLYTOPES[name]])
    turn = np.linalg.qr(RNG.normal(size=(len(W), len(W))))[0]
    found = geometry.feature_dimensionality(jnp.asarray(1.3 * turn @ W, jnp.float32))
    assert np.allclose(found, expected, atol=1e-5)
    norms = np.linalg.norm(W, axis=0)
    assert np.allclose(norms, 0 if name == "unlearned" else 1)


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_simplex_and_frames(d):
    W = polytopes.simplex(d)
    gram = W.T @ W
    assert np.allclose(gram, np.where(np.eye(d + 1) > 0, 1, -1 / d))
    W = jnp.asarray(W, jnp.float32)
    assert np.allclose(geometry.feature_dimensionality(W), d / (d + 1), atol=1e-5)
    assert np.isclose(geometry.dimensions_per_feature(W), d / (d + 1), rtol=1e-5)


def test_geometry_against_loops():
    W = RNG.normal(size=(2, 3, 7))
    W[0, :, 4] = 0
    arrays = jnp.asarray(W, jnp.float32)
    D = jax.jit(jax.vmap(geometry.feature_dimensionality))(arrays)
    crowd = jax.vmap(geometry.interference)(arrays)
    for p in range(2):
        for i in range(7):
            w = W[p, :, i]
            if not w.any():
                assert D[p, i] == 0 == crowd[p, i]
                continue
            overlap = [(w @ W[p, :, j]) ** 2 / (w @ w) for j in range(7)]
            assert np.isclose(D[p, i], w @ w / sum(overlap), rtol=1e-4)
            assert np.isclose(crowd[p, i], sum(overlap) - overlap[i], rtol=1e-4)
    assert np.all(D.sum(1) <= 3 + 1e-5)
    slope = jax.grad(lambda w: geometry.feature_dimensionality(w).sum())(arrays[0])
    assert np.isfinite(slope).all()


def test_worst_attack_against_loops():
    W, b = RNG.normal(size=(3, 6)), 0.2 * RNG.normal(size=6)
    x = RNG.uniform(size=(20, 6))
    weight = 0.9 ** np.arange(6)
    args = [jnp.asarray(v, jnp.float32) for v in (W, b, x)]
    found = attacks.worst_attack(*args, 0.3, jnp.asarray(weight, jnp.float32))
    gram = W.T @ W

    def loss(moved):
        return (weight * (x - relu(moved @ gram + b)) ** 2).sum(1)

    moves = [0.3 * g / np.linalg.norm(g) for g in gram]
    tried = np.stack([np.maximum(loss(x + m), loss(x - m)) for m in moves])
    assert np.allclose(found.clean, loss(x), rtol=1e-4)
    assert np.allclose(found.worst, np.maximum(loss(x), tried.max(0)), rtol=1e-4)
    expected = np.where(tried.max(0) > loss(x), tried.argmax(0), -1)
    assert np.array_equal(found.feature, expected)
    one_sided = attacks.worst_attack(*args, 0.3, jnp.asarray(weight, jnp.float32), False)
    tried = np.stack([loss(x + m) for m in moves])
    assert np.allclose(one_sided.worst, np.maximum(loss(x), tried.max(0)), rtol=1e-4)


def test_an_untouched_model_cannot_be_attacked():
    zeros = jnp.zeros((2, 4), jnp.float32)
    found = attacks.worst_attack(zeros, zeros[0], jnp.ones((3, 4), jnp.float32), 1.0)
    assert np.array_equal(found.clean, found.worst) and (found.feature == -1).all()
