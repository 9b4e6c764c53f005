"""CoupledAdam against Adam with an L2 penalty written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.optim.coupled import CoupledAdam


def stepped(chain, grads, state, params):
    """One update; Optax mixes Python floats with int32 counts, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        updates, state = chain.update(grads, state, params)
    return optax.apply_updates(params, updates), state


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_adams_on_the_penalised_gradient(decay):
    rng = np.random.default_rng(0)
    w = rng.normal(size=6)
    chain = CoupledAdam(0.01, decay).transform()
    params = {"w": jnp.asarray(w, jnp.float32)}
    state = chain.init(params)
    first, second = np.zeros((2, 6))
    for step in range(1, 5):
        grad = rng.normal(size=6)
        params, state = stepped(chain, {"w": jnp.asarray(grad, jnp.float32)}, state, params)
        total = grad + decay * w
        first, second = 0.9 * first + 0.1 * total, 0.999 * second + 0.001 * total**2
        w = w - 0.01 * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(params["w"], w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decay", [1e-3, 1e-2])
def test_without_a_gradient_weights_shrink_by_the_rate_whatever_the_decay(decay):
    chain = CoupledAdam(0.01, decay).transform()
    params = {"w": jnp.asarray([1.0, -2.0], jnp.float32)}
    state = chain.init(params)
    for _ in range(10):
        params, state = stepped(chain, {"w": jnp.zeros(2, jnp.float32)}, state, params)
    np.testing.assert_allclose(params["w"], [0.9, -1.9], atol=2e-3)


def test_a_negative_decay_is_refused():
    with pytest.raises(ToylabError, match="weight_decay"):
        CoupledAdam(1e-3, -1.0)
