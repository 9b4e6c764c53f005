"""Lanczos against known spectra, dense Hessians and NumPy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.lanczos import (
    ENDS,
    Ritz,
    hvp,
    lanczos,
    smoothed,
    spectral_density,
    top_eigenvalues,
)
from toylab.errors import ToylabError

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def symmetric(values: np.ndarray) -> np.ndarray:
    """A matrix with the given eigenvalues and random eigenvectors."""
    turn = np.linalg.qr(RNG.normal(size=(len(values), len(values))))[0]
    return (turn * values) @ turn.T


@partial(jax.jit, static_argnums=2)
def of_matrix(h: jax.Array, start: jax.Array, steps: int) -> Ritz:
    """Lanczos on a matrix, compiled once for each shape."""
    return lanczos(lambda v: h @ v, start, steps)


def softmax_loss(x: jax.Array, y: jax.Array):
    """Mean cross-entropy of a linear softmax model."""

    def loss(params):
        logits = x @ params["w"] + params["b"][None]
        chance = jax.nn.log_softmax(logits, -1)
        return -jnp.mean(jnp.sum(chance * jax.nn.one_hot(y, logits.shape[-1]), -1))

    return loss


def test_a_known_spectrum_to_eight_digits_in_float64():
    values = np.concatenate([np.geomspace(1e-3, 1, 55), [3.0, 4.5, 7.0, -2.0, -9.0]])
    matrix = symmetric(values)
    with jax.enable_x64(True):
        h = jnp.asarray(matrix)
        of = lambda which: top_eigenvalues(lambda w: w @ h @ w / 2, jnp.ones(60), KEY, 2, 40, which)
        ends = jax.jit(lambda: {which: of(which) for which in ENDS})()
        for which, expected in (
            ("largest", [7.0, 4.5]),
            ("smallest", [-9.0, -2.0]),
            ("magnitude", [-9.0, 7.0]),
        ):
            found = ends[which]
            assert np.asarray(found.values_C) == pytest.approx(expected, abs=1e-8)
            for value, vector in zip(found.values_C, np.asarray(found.vectors), strict=True):
                assert np.linalg.norm(matrix @ vector - float(value) * vector) < 1e-6


def test_residual_bounds_hold_and_are_the_residuals():
    values = np.sort(RNG.normal(size=50))
    matrix = symmetric(values)
    with jax.enable_x64(True):
        found = of_matrix(jnp.asarray(matrix), jnp.asarray(RNG.normal(size=50)), 12)
    for theta, bound, vector in zip(
        found.values_K, found.bounds_K, np.asarray(found.vectors_KN), strict=True
    ):
        assert np.abs(values - float(theta)).min() <= float(bound) + 1e-12
        residual = np.linalg.norm(matrix @ vector - float(theta) * vector)
        assert residual == pytest.approx(float(bound), abs=1e-12)


def test_no_ghosts_of_a_converged_value_in_float32():
    # Without reorthogonalisation the top of such a spectrum appears again and again.
    values = np.concatenate([np.linspace(0, 1, 99), [100.0]])
    h = jnp.asarray(symmetric(values), jnp.float32)
    found = of_matrix(h, jnp.asarray(RNG.normal(size=100), jnp.float32), 60)
    top = np.asarray(found.values_K)
    assert (top > 2).sum() == 1
    assert top[-1] == pytest.approx(100, abs=1e-3)
    basis = np.asarray(found.vectors_KN)
    assert np.abs(basis @ basis.T - np.eye(60)).max() < 1e-5


@pytest.mark.parametrize("values", [[2.0] * 6, [0.0] * 6, [1, 1, 1, 3, 3, -5], [1, 2, 3, 4, 5, 6]])
def test_as_many_steps_as_dimensions_give_every_eigenvalue_as_often_as_it_occurs(values):
    h = jnp.asarray(symmetric(np.array(values, float)), jnp.float32)
    found = of_matrix(h, jnp.asarray(RNG.normal(size=6), jnp.float32), 6)
    assert np.asarray(found.values_K) == pytest.approx(np.sort(values), abs=1e-5)
    assert float(found.weights_K.sum()) == pytest.approx(1, abs=1e-5)


def test_a_softmax_model_against_its_dense_hessian():
    x = jnp.asarray(RNG.normal(size=(40, 5)), jnp.float32)
    y = jnp.asarray(RNG.integers(3, size=40), jnp.int32)
    loss = softmax_loss(x, y)
    params = {"w": jnp.asarray(RNG.normal(size=(5, 3)), jnp.float32), "b": jnp.zeros(3)}
    flat, back = jax.flatten_util.ravel_pytree(params)
    dense = np.asarray(jax.jit(jax.hessian(lambda w: loss(back(w))))(flat), np.float64)
    exact = np.linalg.eigvalsh(dense)[::-1]
    found = jax.jit(lambda p: top_eigenvalues(loss, p, KEY, 4))(params)
    assert np.asarray(found.values_C) == pytest.approx(exact[:4], abs=1e-4)
    assert found.vectors["w"].shape == (4, 5, 3)
    vector = RNG.normal(size=flat.shape).astype(np.float32)
    product = jax.jit(lambda v: hvp(loss, params, v))(back(jnp.asarray(vector)))
    product = jax.flatten_util.ravel_pytree(product)[0]
    assert np.asarray(product) == pytest.approx(dense @ vector, abs=1e-5)


def test_density_has_the_moments_of_the_spectrum_and_the_trace():
    values = np.concatenate([np.zeros(30), np.linspace(1, 2, 20)])
    h = jnp.asarray(symmetric(values), jnp.float32)
    loss = lambda w: w @ h @ w / 2
    found = jax.jit(lambda w: spectral_density(loss, w, KEY, 15, 100))(jnp.ones(50))
    weights, points = np.asarray(found.weights_RK), np.asarray(found.values_RK)
    assert weights.sum(1) == pytest.approx(np.ones(100), abs=1e-5)
    error = np.std(found.trace_R) / 10
    assert abs(np.mean(found.trace_R) - values.sum()) < 4 * error < 6
    for power in (1, 2, 3):
        moments = (weights * points**power).sum(1)
        error = np.std(moments) / 10
        assert abs(moments.mean() - np.mean(values**power)) < 4 * error
    # The share of the spectrum near 0, and a smooth density of mass 1.
    assert (weights * (points < 0.5)).sum(1).mean() == pytest.approx(0.6, abs=0.03)
    grid = jnp.linspace(-1, 3, 400)
    assert float(jnp.trapezoid(smoothed(found, grid, 0.1), grid)) == pytest.approx(1, abs=1e-3)


def test_a_population_in_one_call_and_nan_stays_with_its_member():
    scales = jnp.array([1.0, 2.0, jnp.nan])
    loss = lambda w: jnp.sum(w**4) / 12  # the Hessian is diag(w^2)
    params = scales[:, None] * jnp.arange(1.0, 6.0)[None]
    keys = jax.random.split(KEY, 3)
    found = jax.jit(jax.vmap(lambda p, k: top_eigenvalues(loss, p, k, 2)))(params, keys)
    assert np.asarray(found.values_C[0]) == pytest.approx([25, 16], rel=1e-4)
    assert np.asarray(found.values_C[1]) == pytest.approx([100, 64], rel=1e-4)
    assert np.isnan(found.values_C[2]).all()


def test_sharpness_of_gradient_descent_settles_at_the_edge_of_stability():
    # Cohen et al. 2021: with step eta the sharpness rises to about 2 / eta and stays there.
    eta = 0.2
    loss = lambda p: jnp.mean((p["a"] * p["b"] * p["c"] - 1) ** 2) / 2
    params = {"a": jnp.array(4.0), "b": jnp.array(0.3), "c": jnp.array(0.1)}
    move = lambda _, p: jax.tree.map(lambda w, g: w - eta * g, p, jax.grad(loss)(p))
    late = jax.jit(lambda p: jax.lax.fori_loop(0, 3000, move, p))(params)
    sharpness = float(jax.jit(lambda p: top_eigenvalues(loss, p, KEY))(late).values_C[0])
    exact = np.linalg.eigvalsh(
        jax.hessian(lambda v: (v[0] * v[1] * v[2] - 1) ** 2 / 2)(
            jnp.stack([late["a"], late["b"], late["c"]])
        )
    )[-1]
    assert sharpness == pytest.approx(exact, rel=1e-4)
    assert 0.8 * 2 / eta < sharpness <= 1.01 * 2 / eta


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: lanczos(lambda v: v, jnp.ones(3), 4), "steps = 4"),
        (lambda: top_eigenvalues(lambda w: w, jnp.ones(3), KEY), "shape \\(3,\\)"),
        (lambda: top_eigenvalues(jnp.sum, jnp.ones(3, jnp.int32), KEY), "int32"),
        (lambda: top_eigenvalues(jnp.sum, jnp.ones(3), KEY, 4), "count = 4"),
        (lambda: top_eigenvalues(jnp.sum, jnp.ones(3), KEY, which="top"), "which = 'top'"),
        (lambda: spectral_density(jnp.sum, jnp.ones(3), KEY, probes=0), "probes = 0"),
    ],
)
def test_what_cannot_be_done_is_refused(call, match):
    with pytest.raises(ToylabError, match=match):
        call()
