"""The forms of products against NumPy: values, and gradients in both modes."""

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models.products import look_up, times

TOKENS = np.array([[3, 0, 3], [1, 1, 4]], np.int32)


def _draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_times_is_a_product_on_the_last_axis():
    x, w = _draw(0, 2, 3, 5), _draw(1, 5, 4)
    expected = np.tensordot(x.astype(float), w.astype(float), 1)
    np.testing.assert_allclose(
        times(jnp.asarray(x), jnp.asarray(w)), expected, rtol=2e-6, atol=1e-6
    )


def test_look_up_takes_rows_exactly():
    table = _draw(0, 5, 4)
    np.testing.assert_array_equal(look_up(jnp.asarray(table), jnp.asarray(TOKENS)), table[TOKENS])


def test_gradient_of_look_up_adds_up_over_repeated_tokens():
    table, pull = _draw(0, 5, 4), _draw(1, 2, 3, 4)
    loss = lambda t: jnp.sum(look_up(t, jnp.asarray(TOKENS)) * pull)
    expected = np.zeros((5, 4))
    np.add.at(expected, TOKENS, pull.astype(float))
    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(table)), expected, rtol=2e-6, atol=1e-6)


def test_look_up_differentiates_forward_and_under_vmap():
    tables, pushes = _draw(0, 3, 5, 4), _draw(1, 3, 5, 4)
    tokens = jnp.asarray(TOKENS)
    push = lambda t, d: jax.jvp(lambda table: look_up(table, tokens), (t,), (d,))[1]
    moved = jax.vmap(push)(jnp.asarray(tables), jnp.asarray(pushes))
    np.testing.assert_allclose(moved, pushes[:, TOKENS], rtol=2e-6)
