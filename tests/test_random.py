"""Bits and children of keys are those of jax.random; streams are apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from toylab.random import bits, fold_in, normal, once, pick, stream, uniform

SHAPES = [(), (1,), (7,), (4, 3), (2, 3, 5), (0, 3), (1024,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_bits_are_those_of_jax(shape: tuple[int, ...], seed: int) -> None:
    key = jax.random.key(np.uint32(seed))
    drawn = jax.jit(bits, static_argnums=1)(key, shape)
    np.testing.assert_array_equal(drawn, jax.random.bits(key, shape))


def test_bits_are_the_same_uncompiled_and_under_vmap() -> None:
    keys = jax.random.split(jax.random.key(3), 5)
    batched = jax.vmap(lambda key: bits(key, (6,)))(keys)
    np.testing.assert_array_equal(batched, [jax.random.bits(key, (6,)) for key in keys])


@pytest.mark.parametrize("index", [0, 1, 2, 1000, 2**31 - 1])
def test_fold_in_is_that_of_jax(index: int) -> None:
    key = jax.random.fold_in(jax.random.key(11), 5)
    expected = jax.random.key_data(jax.random.fold_in(key, index))
    for child in (fold_in(key, jnp.int32(index)), jax.jit(fold_in)(key, jnp.int32(index))):
        np.testing.assert_array_equal(jax.random.key_data(child), expected)
        assert jax.random.key_impl(child) == jax.random.key_impl(key)


def test_uniform_keeps_all_bits() -> None:
    key = jax.random.key(0)
    expected = np.asarray(jax.random.bits(key, (100_000,))).astype(np.float64) / 2**32
    drawn = np.asarray(uniform(key, (100_000,)), np.float64)
    np.testing.assert_allclose(drawn, expected, rtol=2**-24, atol=0)
    # jax.random.uniform knows only multiples of 2**-23.
    assert np.any(drawn * 2**23 != np.round(drawn * 2**23))


def test_stream_depends_on_seed_and_name_but_not_on_their_type() -> None:
    data = lambda seed, name: tuple(np.asarray(jax.random.key_data(stream(seed, name))))
    keys = {data(seed, name) for seed in range(20) for name in ("init", "data", "metrics")}
    assert len(keys) == 60
    for seed in (0, 7, 2**31 - 1):
        traced = jax.jit(lambda s: jax.random.key_data(stream(s, "data")))(np.uint32(seed))
        assert tuple(np.asarray(traced)) == data(seed, "data")


def test_normal_is_standard_normal(key):
    draws = np.asarray(normal(key, (100_000,)))
    assert draws.dtype == np.float32 and np.isfinite(draws).all()
    assert scipy.stats.kstest(draws, "norm").pvalue > 0.01
    assert abs(scipy.stats.kurtosis(draws)) < 0.05


def test_pick_is_even_and_stays_below_its_count(key) -> None:
    u = once(uniform(key, (30_000,)))
    drawn = np.asarray(pick(u, jnp.int32(7)))
    assert drawn.dtype == np.int32
    np.testing.assert_allclose(np.bincount(drawn, minlength=7) / 30_000, 1 / 7, atol=0.01)
    assert pick(jnp.float32(1), jnp.int32(7)) == 6  # u may round up to 1
