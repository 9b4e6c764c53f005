"""A rate for the embedding, and a norm that is held, against Optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.optim.grouped import GroupedAdamW
from toylab.optim.held_norm import HeldAdamW


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tree(rng, names):
    return {n: {"w": jnp.asarray(rng.normal(size=(3, 2)), jnp.float32)} for n in names}


def test_embedding_has_a_rate_of_its_own(rng):
    params, grads = tree(rng, ("embed", "layers")), tree(rng, ("embed", "layers"))
    grouped = GroupedAdamW(learning_rate=0.01, weight_decay=2.0, embed_rate=0.1).transform()
    with jax.numpy_dtype_promotion("standard"):  # as the engine does around Optax
        found, _ = grouped.update(grads, grouped.init(params), params)
        for name, rate, decay in (("embed", 0.1, 0.0), ("layers", 0.01, 2.0)):
            alone = optax.adamw(rate, weight_decay=decay)
            expected, _ = alone.update(grads[name], alone.init(params[name]), params[name])
            np.testing.assert_allclose(found[name]["w"], expected["w"], rtol=1e-5)


def test_held_norm_stays_and_let_go_is_adamw(rng):
    first = tree(rng, ("embed", "layers"))
    free = optax.adamw(0.1, b1=0.9, b2=0.98, weight_decay=0.5)
    make = lambda hold: HeldAdamW(learning_rate=0.1, weight_decay=0.5, hold=hold).transform()
    states = {"held": (make(1.0), first), "loose": (make(0.0), first), "free": (free, first)}
    running = {name: (opt, p, opt.init(p)) for name, (opt, p) in states.items()}
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(5):
            grads = tree(rng, ("embed", "layers"))
            for name, (opt, params, state) in running.items():
                updates, state = opt.update(grads, state, params)
                running[name] = (opt, optax.apply_updates(params, updates), state)
    norm = lambda name: float(optax.tree.norm(running[name][1]))
    assert norm("held") == pytest.approx(float(optax.tree.norm(first)), rel=1e-5)
    assert abs(norm("free") / norm("held") - 1) > 0.01
    for name in ("embed", "layers"):
        np.testing.assert_allclose(
            running["loose"][1][name]["w"], running["free"][1][name]["w"], rtol=1e-4, atol=1e-6
        )
