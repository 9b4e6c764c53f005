"""Optimisers against PyTorch's recorded trajectory and a plain NumPy loop."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.optim import SGD, AdamW, Optimizer, constant, cosine

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "adamw.json").read_text())
X, Y, START = (np.array(GOLDEN["problem"][k], np.float32) for k in ("x", "y", "start"))
STEPS = GOLDEN["settings"]["steps"]
TOLERANCE = 2e-5  # float32 against float64 over 200 steps


def descend(optimizer: Optimizer) -> jax.Array:
    """Return the weights after each step of least squares, (S, 3)."""
    transform = optimizer.transform()
    loss = lambda w: jnp.mean((X @ w - Y) ** 2)

    def step(carry, _):
        w, opt = carry
        with jax.numpy_dtype_promotion("standard"):
            updates, opt = transform.update(jax.grad(loss)(w), opt, w)
        w = optax.apply_updates(w, updates)
        return (w, opt), w

    return jax.lax.scan(step, (jnp.asarray(START), transform.init(START)), length=STEPS)[1]


def adamw(schedule, weight_decay: float) -> AdamW:
    given = GOLDEN["settings"]
    b1, b2 = given["betas"]
    return AdamW(given["lr"], weight_decay, b1=b1, b2=b2, eps=given["eps"], schedule=schedule)


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_adamw_follows_pytorch_and_not_without_its_decay(name: str) -> None:
    given = GOLDEN["settings"]
    shape = constant() if name == "constant" else cosine(STEPS, given["warmup"], given["floor"])
    recorded = np.array(GOLDEN[name])
    assert recorded.shape == (STEPS, 3)
    run = jax.jit(lambda decay: descend(adamw(shape, decay)))
    np.testing.assert_allclose(run(given["weight_decay"]), recorded, rtol=0, atol=TOLERANCE)
    assert np.abs(run(0.0) - recorded).max() > 50 * TOLERANCE
    assert np.abs(run(1e-4) - recorded).max() > 50 * TOLERANCE  # Optax's own default


def test_numbers_per_member_are_those_of_separate_optimisers() -> None:
    rates = np.array([0.01, 0.1], np.float32)
    together = jax.jit(jax.vmap(lambda rate: descend(AdamW(rate, 0.01))))(rates)
    for rate, weights_S3 in zip(rates, together, strict=True):
        alone = jax.jit(lambda rate=rate: descend(AdamW(float(rate), 0.01)))()
        np.testing.assert_allclose(weights_S3, alone, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_the_plain_loop(momentum: float) -> None:
    shape = cosine(STEPS, 10)
    weights = jax.jit(lambda: descend(SGD(0.02, momentum, shape)))()
    w, v = START.astype(np.float64), np.zeros(3)
    for t, found in enumerate(np.asarray(weights)):
        share = t / 10 if t < 10 else (1 + np.cos(np.pi * (t - 10) / (STEPS - 10))) / 2
        v = momentum * v + 2 * X.T.astype(np.float64) @ (X @ w - Y) / len(Y)
        w = w - 0.02 * share * v
        np.testing.assert_allclose(found, w, rtol=0, atol=TOLERANCE)


def test_cosine_rises_then_falls_to_its_floor() -> None:
    shape = cosine(100, warmup=10, floor=0.2)
    shares = [float(shape(jnp.int32(t))) for t in (0, 5, 10, 55, 100, 150)]
    np.testing.assert_allclose(shares, [0, 0.5, 1, 0.6, 0.2, 0.2], atol=1e-6)
    assert float(cosine(10)(jnp.int32(0))) == 1.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: AdamW(-1.0, 0.0), "learning_rate = -1.0"),
        (lambda: AdamW(1e-3, float("nan")), "weight_decay = nan"),
        (lambda: AdamW(1e-3, 0.0, b2=1.5), "b2 = 1.5"),
        (lambda: SGD(0.1, momentum=2.0), "momentum = 2.0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, said: str) -> None:
    with pytest.raises(ToylabError, match=said):
        make()
