"""Losses against NumPy and float64 SciPy, tiny ones too, with their gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy.special import log_softmax, softmax

from toylab.losses import (
    ExpectedCrossEntropy,
    cross_entropy,
    cross_entropy_from_logits,
    squared_error,
)
from toylab.models.products import SHORT
from toylab.taps import Params, Tap, identity
from toylab.task import Batch

rng = np.random.default_rng(0)


@dataclasses.dataclass(frozen=True)
class Echo:
    """A model whose outputs are its inputs, times a parameter."""

    sites: tuple[str, ...] = ()

    def init(self, key: Array) -> Params:
        return {"scale": jnp.ones((), jnp.float32)}

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        return params["scale"] * inputs


def batch(inputs, targets, weights) -> Batch:
    return Batch(jnp.asarray(inputs), jnp.asarray(targets), jnp.asarray(weights, jnp.float32), {})


@pytest.mark.parametrize("n", [4, SHORT, SHORT + 1, 100])
@pytest.mark.parametrize("per", ["feature", "row", "number"])
def test_squared_error_is_weighted_and_summed(n: int, per: str) -> None:
    shape = {"feature": (n,), "row": (1, n), "number": (6, n)}[per]
    x, y = rng.normal(size=(2, 6, n)).astype(np.float32)
    w = rng.uniform(size=shape).astype(np.float32)
    data = batch(x, y, w)
    loss = lambda scale: squared_error(Echo(), {"scale": scale}, data)
    errors = y.astype(np.float64) - 2 * x
    np.testing.assert_allclose(loss(jnp.float32(2)), (w * errors**2).sum(-1), rtol=2e-6)
    ahead, back = jax.jacfwd(loss)(jnp.float32(2)), jax.jacrev(loss)(jnp.float32(2))
    slope = (-2 * w * errors * x).sum(-1)
    for found in (ahead, back):
        np.testing.assert_allclose(found, slope, rtol=2e-6, atol=2e-5)


def test_squared_error_takes_the_mean_over_nothing_but_sums_the_last_axis() -> None:
    data = batch(np.zeros((2, 3), np.float32), np.full((2, 3), 2, np.float32), np.ones(3))
    np.testing.assert_array_equal(squared_error(Echo(), {"scale": jnp.float32(1)}, data), [12, 12])


def logits_of_losses(losses: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 logits whose loss at the target is about that given."""
    logits = rng.normal(size=(len(losses), classes))
    targets = rng.integers(classes, size=len(losses))
    for row, target, loss in zip(logits, targets, losses, strict=True):
        others = np.delete(row, target)
        row[target] = np.log(np.exp(others).sum()) - np.log(np.expm1(loss))
    return logits.astype(np.float32), targets.astype(np.int32)


def naive(logits: Array, targets: Array) -> Array:
    log_p = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_p, targets[:, None], -1)[:, 0]


def oracle(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss and its gradient in the logits, from float64; 1 - p as the sum of the other p."""
    exact = logits.astype(np.float64)
    rows = np.arange(len(targets))
    p = softmax(exact, -1)
    gradient = p.copy()
    gradient[rows, targets] = 0
    gradient[rows, targets] = -gradient.sum(-1)
    return -log_softmax(exact, -1)[rows, targets], gradient


def errors(function, logits: np.ndarray, targets: np.ndarray, loss, gradient) -> list[float]:
    """Largest relative error of the losses, and of their gradients."""
    both = jax.value_and_grad(lambda z, y: function(z, y).sum())
    slope = jax.jit(both)(logits, targets)[1]
    value = jax.jit(function)(logits, targets)
    pairs = ((value, loss), (slope, gradient))
    return [float(np.max(np.abs((np.asarray(f, np.float64) - e) / e))) for f, e in pairs]


def test_tiny_losses_and_gradients_are_exact_where_log_softmax_rounds_to_zero() -> None:
    # SciPy's log-softmax in float64 is itself exact to 1e-5 down to losses of about 1e-10.
    logits, targets = logits_of_losses(10.0 ** np.arange(-9.0, -7.1, 0.1), 11)
    loss, gradient = oracle(logits, targets)
    assert 5e-10 < loss.min() and loss.max() < 1e-7
    # Logits near 20 have steps of 2e-6, and so has the exponent.
    assert max(errors(cross_entropy_from_logits, logits, targets, loss, gradient)) < 1e-5
    assert min(errors(naive, logits, targets, loss, gradient)) > 0.1


def test_losses_far_below_float64_log_softmax() -> None:
    logits, targets = logits_of_losses(10.0 ** np.arange(-20.0, -7.0, 0.5), 5)
    margins = logits.astype(np.float64)
    margins = margins - np.take_along_axis(margins, targets[:, None], -1)
    np.put_along_axis(margins, targets[:, None], -np.inf, -1)
    loss = np.log1p(np.exp(margins).sum(-1))
    gradient = oracle(logits, targets)[1]
    assert max(errors(cross_entropy_from_logits, logits, targets, loss, gradient)) < 1e-5


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_large_losses_and_gradients(scale: float) -> None:
    logits = (scale * rng.normal(size=(50, 7))).astype(np.float32)
    targets = rng.integers(7, size=50).astype(np.int32)
    loss, gradient = oracle(logits, targets)
    function = jax.jit(cross_entropy_from_logits)
    slope = jax.jit(jax.grad(lambda z: cross_entropy_from_logits(z, targets).sum()))(logits)
    np.testing.assert_allclose(function(logits, targets), loss, rtol=3e-6, atol=1e-12)
    np.testing.assert_allclose(slope, gradient, atol=3e-6)


def test_ties_and_equal_logits() -> None:
    logits, targets = jnp.zeros((1, 4), jnp.float32), jnp.zeros(1, jnp.int32)
    slope = jax.jit(jax.grad(lambda z: cross_entropy_from_logits(z, targets).sum()))(logits)
    np.testing.assert_allclose(cross_entropy_from_logits(logits, targets), np.log(4), rtol=1e-6)
    np.testing.assert_allclose(slope, [[-0.75, 0.25, 0.25, 0.25]], rtol=1e-6)
    one_class = cross_entropy_from_logits(jnp.zeros((2, 1), jnp.float32), jnp.zeros(2, jnp.int32))
    np.testing.assert_array_equal(one_class, [0, 0])


def test_masked_logits_leave_loss_and_gradient_finite() -> None:
    logits = jnp.array([[0.5, -jnp.inf, 1.5]], jnp.float32)
    targets = jnp.zeros(1, jnp.int32)
    value, slope = jax.jit(
        jax.value_and_grad(lambda z: cross_entropy_from_logits(z, targets).sum())
    )(logits)
    np.testing.assert_allclose(value, np.log1p(np.e), rtol=1e-6)
    share = np.e / (1 + np.e)
    np.testing.assert_allclose(slope, [[-share, 0, share]], rtol=1e-6)


def test_cross_entropy_is_the_weighted_mean_over_positions() -> None:
    logits = rng.normal(size=(3, 5, 7)).astype(np.float32)
    targets = rng.integers(7, size=(3, 5)).astype(np.int32)
    weights = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [0, 2, 1, 0, 0]], np.float32)
    found = cross_entropy(Echo(), {"scale": jnp.float32(1)}, batch(logits, targets, weights))
    log_p = log_softmax(logits.astype(np.float64), -1)
    nats = -np.take_along_axis(log_p, targets[..., None], -1)[..., 0]
    np.testing.assert_allclose(found, np.average(nats, axis=1, weights=weights), rtol=1e-6)


def test_cross_entropy_of_one_position_and_of_none_weighted() -> None:
    logits = rng.normal(size=(4, 3)).astype(np.float32)
    targets = np.array([0, 1, 2, 0], np.int32)
    found = cross_entropy(Echo(), {"scale": jnp.float32(1)}, batch(logits, targets, [1, 1, 1, 0]))
    expected = oracle(logits, targets)[0] * [1, 1, 1, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@dataclasses.dataclass(frozen=True)
class Known:
    """A world whose chances are a batch's only latent."""

    def chances(self, batch: Batch) -> Array:
        return batch.latents["chances"]


def test_the_expected_loss_is_the_mean_over_draws_and_so_is_its_gradient() -> None:
    logits = rng.normal(size=(3, 5)).astype(np.float32)
    chances = rng.dirichlet(np.ones(5), size=3).astype(np.float32)
    chances[0, :3] = [0, 0, chances[0, :3].sum()]
    drawn = jnp.zeros(3, jnp.int32)
    data = Batch(jnp.asarray(logits), drawn, jnp.ones(3), {"chances": jnp.asarray(chances)})

    def slopes(loss, targets):
        inputs = lambda z: data._replace(inputs=z, targets=targets)
        total = lambda z: (loss(Echo(), {"scale": jnp.float32(1)}, inputs(z))).sum()
        return jax.value_and_grad(total)(data.inputs)

    found, slope = slopes(ExpectedCrossEntropy(Known()), drawn)
    each = [slopes(cross_entropy, jnp.full(3, v, jnp.int32)) for v in range(5)]
    by_hand = -(chances * log_softmax(logits.astype(np.float64), -1)).sum()
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    mean = sum(chances[:, v, None] * np.asarray(each[v][1]) for v in range(5))
    np.testing.assert_allclose(slope, mean, atol=1e-6)


def test_the_expected_loss_is_a_weighted_mean_over_positions() -> None:
    logits = rng.normal(size=(2, 4, 6)).astype(np.float32)
    chances = rng.dirichlet(np.ones(6), size=(2, 4)).astype(np.float32)
    weights = np.array([[1, 1, 0, 2], [0, 0, 0, 1]], np.float32)
    data = batch(logits, np.zeros((2, 4), np.int32), weights)
    data = data._replace(latents={"chances": jnp.asarray(chances)})
    found = ExpectedCrossEntropy(Known())(Echo(), {"scale": jnp.float32(1)}, data)
    nats = -(chances * log_softmax(logits.astype(np.float64), -1)).sum(-1)
    expected = (weights * nats).sum(1) / weights.sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
