"""Delayed sums, against a double loop and closed forms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from tests.oracles.delayed_sums import targets
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.planning.delayed_sums import DelayedSums, examples


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task)), [r for r in check(task) if not r.ok]


@settings(max_examples=10, deadline=None)
@given(
    terms=st.integers(1, 5),
    first=st.integers(0, 1),
    more=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
def test_targets_are_those_of_a_double_loop(terms, first, more, seed):
    rng, task = np.random.default_rng(seed), DelayedSums(terms + more, terms, 3.0, first=first)
    x = rng.normal(size=task.length).astype(np.float32)
    flag = rng.integers(0, 2, task.length).astype(np.float32)
    with jax.disable_jit():
        batch = task.of(jnp.asarray(x), jnp.asarray(flag))
    expected = targets(x.tolist(), flag.tolist(), terms, 3.0, first)
    np.testing.assert_allclose(batch.targets, expected, atol=2e-5)
    counted = np.asarray(batch.weights) > 0
    assert counted.tolist() == [n >= terms for n in range(task.length)]
    assert np.asarray(batch.weights).sum() == pytest.approx(1, rel=1e-6)


def test_moments_are_the_closed_forms():
    task = DelayedSums(frequency=1.5)
    density = lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    mean = lambda f: quad(lambda x: f(x) * density(x), -12, 12)[0]
    f = lambda x: np.sin(1.5 * x)
    assert task.term_variance == pytest.approx(mean(lambda x: f(x) ** 2), rel=1e-8)
    share = mean(lambda x: x * f(x)) ** 2 / mean(lambda x: f(x) ** 2)
    assert task.linear_share == pytest.approx(share, rel=1e-8)
    assert DelayedSums(frequency=1).linear_share == pytest.approx(0.85, abs=0.005)
    assert DelayedSums(frequency=4).linear_share < 1e-5


def test_sampled_targets_have_the_stated_mean_square_and_flags():
    task = DelayedSums(asked=0.3)
    batch = jax.jit(lambda key: task.batch(key, 4_000))(jax.random.key(0))
    late = np.asarray(batch.targets)[:, task.terms :]
    assert (late**2).mean() == pytest.approx(task.uniform_loss(), rel=0.03)
    assert np.asarray(batch.latents["flag"]).mean() == pytest.approx(0.3, abs=0.01)
    own = np.asarray(batch.inputs)
    assert np.corrcoef(own[:, 5, 0], own[:, 6, 0])[0, 1] == pytest.approx(0, abs=0.05)


def test_nothing_is_asked_for_where_no_flag_is():
    batch = DelayedSums(asked=0.0).batch(jax.random.key(0), 3)
    np.testing.assert_array_equal(batch.targets, batch.inputs[..., 0])
    assert DelayedSums(asked=0.0).uniform_loss() == 1


def test_a_wrong_batch_is_found():
    task = DelayedSums(first=0)
    batch = task.batch(jax.random.key(0), 4)
    assert task.consistent(batch).all()
    assert not dataclasses.replace(task, first=1).consistent(batch).any()


def test_settings_that_make_no_world_are_refused():
    for wrong, told in (
        (dict(terms=0), "terms = 0"),
        (dict(length=4, terms=4), "length = 4"),
        (dict(frequency=0), "frequency = 0"),
        (dict(asked=1.2), "asked = 1.2"),
        (dict(first=2), "first = 2"),
        (dict(first=0.5), "first = 0.5"),
    ):
        with pytest.raises(ToylabError, match=told):
            DelayedSums(**wrong)
