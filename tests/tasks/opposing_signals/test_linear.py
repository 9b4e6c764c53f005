"""Exact theory of a two-layer linear network, against differentiation and gradient descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.losses import squared_error
from toylab.models import MLP
from toylab.tasks.opposing_signals import linear
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals

RNG = np.random.default_rng(0)
TASK = OpposingSignals(size=40, signals=3, features=2)
SAMPLE = jax.tree.map(np.asarray, jax.jit(TASK.enumerate)())
KNOWN = linear.moments(SAMPLE)


def large_sample(alpha: float, strength: float) -> linear.Moments:
    """Moments of an infinite sample with one feature."""
    beta = np.array([strength, 0.0, 0.0])
    return linear.Moments(jnp.diag(jnp.array([1.0, 1.0, alpha])), jnp.asarray(beta), jnp.array(0.0))


def test_the_loss_by_moments_is_the_mean_over_the_sample():
    model = MLP((5, 4, 1), "identity", biases=False)
    params = jax.jit(model.init)(jax.random.key(0))
    first, second = (params["layers"][i]["kernel"] for i in "01")
    expected = jax.jit(lambda p: squared_error(model, p, SAMPLE).mean())(params)
    found = linear.loss(KNOWN, (first @ second)[:, 0])
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_the_hessian_is_that_of_automatic_differentiation():
    u, W = RNG.normal(size=4), RNG.normal(size=(4, 5))
    with jax.enable_x64(True):
        known = linear.Moments(*(jnp.asarray(leaf, jnp.float64) for leaf in KNOWN))
        of = lambda v: linear.loss(known, v[4:].reshape(4, 5).T @ v[:4])
        expected = jax.jit(jax.hessian(of))(jnp.concatenate([u, W.ravel()]))
    np.testing.assert_allclose(linear.hessian(KNOWN, W, u), expected, atol=1e-9)


@pytest.mark.parametrize("scale", [None, 2.0])
def test_sharpness_of_a_fit_is_the_top_of_its_hessian(scale):
    best = linear.least_squares(KNOWN)
    size = np.linalg.norm(best) if scale is None else scale
    u = RNG.normal(size=4)
    u *= np.sqrt(size) / np.linalg.norm(u)
    W = np.outer(u, best) / size
    exact = np.linalg.eigvalsh(linear.hessian(KNOWN, W, u))[-1]
    assert linear.fitted_sharpness(KNOWN, best, scale) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.9, 2.1, 3.6])
def test_closed_forms_in_a_large_sample(alpha):
    known, b = large_sample(alpha, 3.0), np.array([3.0, 0.0, 0.0])
    assert linear.fitted_sharpness(known, b) == pytest.approx(max(alpha, 2) * 3, rel=1e-6)
    assert linear.end_sharpness(alpha, 3.0) == pytest.approx(max(alpha, 2) * 3)
    for scale in (1.5, 4.0):  # |u|^2: the two eigenvalues of an unbalanced network
        expected = max(alpha * scale, scale + 9 / scale)
        assert linear.fitted_sharpness(known, b, scale) == pytest.approx(expected, rel=1e-6)


def test_least_squares_is_numpys_on_the_sample():
    x, y = np.asarray(SAMPLE.inputs, np.float64), np.asarray(SAMPLE.targets, np.float64)[:, 0]
    expected = np.linalg.lstsq(x, y, rcond=1e-6)[0]
    np.testing.assert_allclose(linear.least_squares(KNOWN), expected, atol=1e-4)


def test_losses_are_those_of_a_loop():
    b = RNG.normal(size=(4, 5))
    found = linear.losses(SAMPLE, b)
    for t in range(4):
        for n in range(40):
            wrong = sum(b[t, d] * SAMPLE.inputs[n, d] for d in range(5)) - SAMPLE.targets[n, 0]
            assert found[t, n] == pytest.approx(float(wrong) ** 2 / 2, rel=1e-4)
