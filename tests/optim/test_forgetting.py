"""Forgetting: which steps draw the embedding anew, and that nothing else changes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.optim import AdamW
from toylab.optim.forgetting import Forgetting

PARAMS = {
    "embed": {"embedding": jnp.full((5, 4), 0.3, jnp.float32)},
    "rest": jnp.full((3,), 2.0, jnp.float32),
}


@pytest.fixture(autouse=True)
def promotion():
    """Optax mixes Python floats with int32 counts; the engine allows it around Optax."""
    with jax.numpy_dtype_promotion("standard"):
        yield


HOW = Forgetting(learning_rate=1e-2, weight_decay=0.1, every=3, until=7, scale=0.5, forget_seed=4)


def trace(optimizer, steps=10):
    """Parameters and state after every step, on gradients that differ."""
    transform = optimizer.transform()
    update = jax.jit(transform.update)
    params, state, found = PARAMS, transform.init(PARAMS), []
    for t in range(steps):
        grads = jax.tree.map(lambda p, t=t: 0.1 * jnp.sin(p + t), PARAMS)
        updates, state = update(grads, state, params)
        params = optax.apply_updates(params, updates)
        found.append((jax.tree.map(np.asarray, params), state))
    return found


def test_only_steps_three_and_six_draw_anew():
    forgetting, plain = trace(HOW), trace(AdamW(1e-2, 0.1))
    for step, ((params, _), (known, _)) in enumerate(zip(forgetting, plain, strict=True), 1):
        np.testing.assert_array_equal(params["rest"], known["rest"])
        same = np.allclose(params["embed"]["embedding"], known["embed"]["embedding"], atol=1e-6)
        assert same == (step < 3)
    third, sixth = (forgetting[t - 1][0]["embed"]["embedding"] for t in (3, 6))
    assert abs(third - sixth).min() > 1e-6
    for before, after in ((4, 5), (7, 8), (8, 9), (9, 10)):
        moved = forgetting[after - 1][0]["embed"]["embedding"]
        assert abs(moved - forgetting[before - 1][0]["embed"]["embedding"]).max() < 0.03


def test_draws_have_the_scale_and_differ_by_seed():
    big = {"embed": {"embedding": jnp.zeros((200, 50), jnp.float32)}}

    def after(how):
        transform = how.transform()
        updates, _ = transform.update(jax.tree.map(jnp.zeros_like, big), transform.init(big), big)
        return np.asarray(updates["embed"]["embedding"])

    how = dataclasses.replace(HOW, every=1)
    one, other = after(how), after(dataclasses.replace(how, forget_seed=5))
    assert one.std() == pytest.approx(0.5, rel=0.03) and abs(one.mean()) < 0.02
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("reset", [0, 1])
def test_moments_of_the_embedding_are_cleared_if_asked(reset: int):
    _, state = trace(dataclasses.replace(HOW, reset_moments=reset), steps=3)[-1]
    mu = optax.tree.get(state.adam, "mu")
    assert (np.abs(mu["embed"]["embedding"]).max() == 0) == bool(reset)
    assert np.abs(mu["rest"]).min() > 0


def test_never_forgetting_is_adamw():
    one, other = trace(dataclasses.replace(HOW, every=0)), trace(AdamW(1e-2, 0.1))
    for (params, _), (known, _) in zip(one, other, strict=True):
        jax.tree.map(np.testing.assert_array_equal, params, known)


def test_bad_numbers_are_refused():
    with pytest.raises(ToylabError, match="every = -1"):
        dataclasses.replace(HOW, every=-1)
    with pytest.raises(ToylabError, match="reset_moments = 2"):
        dataclasses.replace(HOW, reset_moments=2)
