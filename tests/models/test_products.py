"""The forms of products against NumPy: values, and gradients in both modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.models.products import added, look_up, product, repeated, times

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


@pytest.mark.parametrize("lead", [(1,), (7,), (3, 4)])
def test_repeated_repeats_and_its_gradient_adds_up(lead):
    x, pull = _draw(0, 5, 2), _draw(1, *lead, 5, 2)
    np.testing.assert_array_equal(repeated(jnp.asarray(x), lead), np.broadcast_to(x, pull.shape))
    value = lambda x: jnp.sum(jnp.sin(repeated(x, lead)) * pull)
    slope = np.cos(x.astype(float)) * pull.astype(float).sum(tuple(range(len(lead))))
    np.testing.assert_allclose(jax.grad(value)(jnp.asarray(x)), slope, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(jax.jacfwd(value)(jnp.asarray(x)), slope, rtol=2e-6, atol=2e-6)
    bend = jax.vmap(jax.hessian(value))(jnp.asarray(x)[None])[0].reshape(10, 10)
    curve = -np.sin(x.astype(float)) * pull.astype(float).sum(tuple(range(len(lead))))
    np.testing.assert_allclose(bend, np.diag(curve.ravel()), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("n", [1, 40])
def test_added_adds_up_forwards_and_backwards(n):
    x, pull = _draw(0, n, 3, 2), _draw(1, 3, 2)
    total = x.astype(float).sum(0)
    np.testing.assert_allclose(added(jnp.asarray(x)), total, rtol=2e-6, atol=2e-6)
    value = lambda x: jnp.sum(added(x) ** 2 * pull)
    slope = np.broadcast_to(2 * total * pull, x.shape)
    for mode in (jax.grad, jax.jacfwd):
        np.testing.assert_allclose(mode(value)(jnp.asarray(x)), slope, rtol=1e-5, atol=1e-5)


def _bfloat16(x: np.ndarray) -> np.ndarray:
    """Round to 8 significant bits, to the nearest and ties to even, in float64."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.round(mantissa * 2**8), exponent - 8)


@pytest.mark.parametrize(
    ("spec", "left", "right"),
    [("nd,df->nf", (6, 5), (5, 4)), ("blhk,bmhk->bhlm", (2, 3, 2, 4), (2, 3, 2, 4))],
)
def test_rounded_products_round_operands_forwards_and_backwards(spec, left, right):
    a, b = _draw(0, *left), _draw(1, *right)
    pull = _draw(2, *np.einsum(spec, a, b).shape)
    loss = lambda a, b: jnp.sum(product(spec, a, b, rounded=True) * pull)
    value = product(spec, jnp.asarray(a), jnp.asarray(b), rounded=True)
    grads = jax.jit(jax.grad(loss, (0, 1)))(jnp.asarray(a), jnp.asarray(b))
    x, y, g = (_bfloat16(v) for v in (a, b, pull))
    (s, t), out = spec.split("->")[0].split(","), spec.split("->")[1]
    expected = (
        np.einsum(spec, x, y),
        np.einsum(f"{out},{t}->{s}", g, y),
        np.einsum(f"{s},{out}->{t}", x, g),
    )
    for found, wanted in zip((value, *grads), expected, strict=True):
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)
    assert np.abs(value - np.einsum(spec, a.astype(float), b)).max() > 1e-3  # and does round


def test_rounded_times_maps_over_members():
    x, w = _draw(0, 3, 2, 4, 5), _draw(1, 3, 5, 6)
    found = jax.vmap(lambda x, w: times(x, w, rounded=True))(jnp.asarray(x), jnp.asarray(w))
    expected = np.einsum("pbld,pdf->pblf", _bfloat16(x), _bfloat16(w))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
