"""Linear CKA against definitions and nulls, and over a population."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.similarity.cka import (
    biased_null,
    hsic,
    linear_cka,
    permuted_rows,
    without_top,
)
from toylab.errors import ToylabError

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def random(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def test_the_unbiased_hsic_is_its_sum_over_four_different_inputs():
    x, y = np.asarray(random(7, 3)) + 2, np.asarray(random(7, 2))
    k, l = x @ x.T, y @ y.T
    terms = [
        k[i, j] * (l[i, j] + l[q, r] - 2 * l[i, q])
        for i, j, q, r in itertools.permutations(range(7), 4)
    ]
    assert float(hsic(jnp.asarray(x), jnp.asarray(y))) == pytest.approx(np.mean(terms), rel=1e-4)
    centre = np.eye(7) - 1 / 7
    biased = np.trace(centre @ k @ centre @ l) / 36
    assert float(hsic(x, y, debiased=False)) == pytest.approx(biased, rel=1e-5)


def test_blind_to_rotation_and_scale_but_not_to_linear_maps():
    x = random(60, 5) * jnp.array([[3.0, 2.0, 1.0, 1.0, 0.5]])
    turn = jnp.asarray(np.linalg.qr(RNG.normal(size=(5, 5)))[0], jnp.float32)
    for debiased in (True, False):
        assert float(linear_cka(x, 7 * x @ turn + 1, debiased)) == pytest.approx(1, abs=1e-5)
        assert float(linear_cka(x, x @ random(5, 5), debiased)) < 0.95


@pytest.mark.parametrize(
    ("n", "p", "biased"),
    [(100, 100, 0.4995), (500, 64, 0.114), (1000, 64, 0.0605), (50, 200, 0.802)],
)
def test_independent_activations(n: int, p: int, biased: float):
    assert biased_null(n, p, p) == pytest.approx(biased, abs=2.5e-3)

    def both(key):
        x, y = jax.random.normal(key, (2, n, p), jnp.float32)
        return linear_cka(x, y, False), linear_cka(x, y)

    one, other = jax.jit(jax.vmap(both))(jax.random.split(KEY, 8))
    assert float(one.mean()) == pytest.approx(biased_null(n, p, p), rel=0.01, abs=1e-3)
    assert abs(float(other.mean())) < 4 * np.std(other, ddof=1) / 8**0.5
    assert np.abs(other).max() < 0.06


def test_the_null_of_widths_that_differ():
    def one(key):
        k1, k2 = jax.random.split(key)
        x = jax.random.normal(k1, (40, 10), jnp.float32)
        return linear_cka(x, jax.random.normal(k2, (40, 90), jnp.float32), False)

    found = jax.jit(jax.vmap(one))(jax.random.split(KEY, 64))
    assert float(found.mean()) == pytest.approx(biased_null(40, 10, 90), rel=0.01)


def test_shared_directions_beat_the_shuffled_inputs_and_a_broken_member_stays_alone():
    # Members see the same four latents through other maps: CKA across members, N = 4 p.
    latent = random(64, 4)
    x_PND = jnp.einsum("nk,pkd->pnd", latent, random(3, 4, 16)) + random(3, 64, 16)
    x_PND = x_PND.at[2, 0, 0].set(jnp.nan)
    pair = lambda x, y: (linear_cka(x, y), permuted_rows(linear_cka, x, y, KEY, 50))
    value, null = jax.jit(jax.vmap(pair, (None, 0)))(x_PND[0], x_PND[1:])
    assert value[0] > null[0].max() + 0.2
    assert np.isnan(value[1]) and np.isnan(null[1]).all()


def test_one_large_direction_hides_the_rest():
    shared = random(200, 1)
    x = jnp.concatenate([20 * shared, random(200, 10)], 1)
    y = jnp.concatenate([20 * shared, random(200, 10)], 1)
    assert float(linear_cka(x, y)) > 0.99
    # One after the other: two decompositions at once can lock XLA up on two cores.
    rest = [jnp.asarray(np.asarray(without_top(side))) for side in (x, y)]
    assert abs(float(linear_cka(*rest))) < 0.1
    u, s, v = np.linalg.svd(np.asarray(x) - np.asarray(x).mean(0), full_matrices=False)
    assert np.asarray(without_top(x, 2)) == pytest.approx((u[:, 2:] * s[2:]) @ v[2:], abs=1e-4)


def test_what_cannot_be_compared():
    assert np.isnan(linear_cka(jnp.ones((5, 2)), random(5, 2)))
    for call, match in (
        (lambda: linear_cka(random(3, 2), random(3, 2)), "N >= 4"),
        (lambda: linear_cka(random(5, 2), random(6, 2)), "same N"),
        (lambda: linear_cka(random(2, 5, 2), random(2, 5, 2)), "vmap"),
        (lambda: hsic(jnp.ones((5, 2), jnp.int32), random(5, 2)), "int32"),
        (lambda: without_top(random(5, 2), 2), "count = 2"),
        (lambda: biased_null(1, 2, 3), "samples = 1"),
    ):
        with pytest.raises(ToylabError, match=match):
            call()
