"""NormDecay against Adam and the decay written out in NumPy, and where its columns end."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.optim.norm_decay import NormDecay


def stepped(chain, grads, state, params):
    """One update; Optax mixes Python floats with int32 counts, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        updates, state = chain.update(grads, state, params)
    return optax.apply_updates(params, updates), state


@pytest.mark.parametrize("gamma", [1.0, 0.0, -1.0])
def test_steps_are_adams_and_the_decay(gamma):
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(3, 5)), rng.normal(size=5)
    chain = NormDecay(0.01, gamma).transform()
    params = {"W": jnp.asarray(W, jnp.float32), "b": jnp.asarray(b, jnp.float32)}
    state = chain.init(params)
    first, second = np.zeros((2, 20))
    for step in range(1, 4):
        grad = rng.normal(size=20)
        tree = {"W": jnp.asarray(grad[:15].reshape(3, 5), jnp.float32)}
        tree["b"] = jnp.asarray(grad[15:], jnp.float32)
        params, state = stepped(chain, tree, state, params)
        first, second = 0.9 * first + 0.1 * grad, 0.999 * second + 0.001 * grad**2
        adam = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        norm = np.linalg.norm(W, axis=0)
        W = W - 0.01 * adam[:15].reshape(3, 5) - 0.01 * gamma * (
            W if gamma >= 0 else W * (1 / norm - 1)
        )  # fmt: skip
        b = b - 0.01 * adam[15:]
    np.testing.assert_allclose(params["W"], W, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(params["b"], b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("gamma", "norm"), [(1.0, 0.0), (-1.0, 1.0)])
def test_without_a_gradient_columns_end_at_length_0_or_1(gamma, norm):
    chain = NormDecay(0.05, gamma).transform()
    params = {"W": jnp.asarray([[3.0, 0.2], [4.0, 0.1]], jnp.float32)}
    zero, state = {"W": jnp.zeros((2, 2), jnp.float32)}, chain.init(params)
    for _ in range(300):
        params, state = stepped(chain, zero, state, params)
    np.testing.assert_allclose(np.linalg.norm(params["W"], axis=0), norm, atol=1e-3)


def test_a_negative_rate_is_refused():
    with pytest.raises(ToylabError, match="learning_rate"):
        NormDecay(-1.0, 0.0)
