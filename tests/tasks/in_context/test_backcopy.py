"""Bigram-Backcopy: the source's closed forms, the rule replayed, the floor against draws."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.backcopy import BigramBackcopy, markov_source

TASK = BigramBackcopy(12, length=24, n_triggers=3)


@pytest.fixture(scope="module")
def batch():
    return jax.jit(lambda key: TASK.batch(key, 2000))(jax.random.key(0))


def test_source_has_zipfs_frequencies_and_keeps_them():
    pi, step = markov_source(12, 5)
    np.testing.assert_allclose(pi * np.arange(1, 13), pi[0])
    np.testing.assert_allclose(step.sum(1), 1)
    np.testing.assert_allclose(pi @ step, pi)
    values, vectors = np.linalg.eig(step.T)
    top = vectors[:, np.argmax(values.real)].real
    np.testing.assert_allclose(top / top.sum(), pi, atol=1e-9)
    assert np.abs(markov_source(12, 6)[1] - step).max() > 0.1


def test_sequences_follow_the_rule(batch):
    for row in np.asarray(batch.inputs)[:200]:
        assert row[0] == 12
        assert row[1] >= 3
        for before, here, after in zip(row, row[1:], row[2:], strict=False):
            assert after == before or here >= 3
            assert not (here < 3 and after < 3)


def test_frequencies_after_each_symbol_are_the_sources(batch):
    x, y = np.asarray(batch.inputs), np.asarray(batch.targets)
    _, step = markov_source(12, 0)
    for symbol in (3, 5, 11):
        after = np.bincount(y[x == symbol], minlength=12)
        expected = step[symbol] * after.sum()
        assert (np.abs(after - expected) < 5 * np.sqrt(expected) + 3).all()


def test_oracle_sums_to_one_and_meets_the_exact_floor(batch):
    p = np.asarray(TASK.oracle(batch))
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    picked = np.take_along_axis(p, np.asarray(batch.targets)[..., None], -1)[..., 0]
    nats = -np.log(picked).mean(1)
    assert (picked[np.asarray(batch.latents["trigger"])] == 1).all()
    assert nats.mean() == pytest.approx(
        TASK.bayes_loss(), abs=float(5 * nats.std() / len(nats) ** 0.5)
    )


def test_without_triggers_it_is_a_plain_chain():
    task = BigramBackcopy(6, length=50, n_triggers=0)
    pi, step = markov_source(6, 0)
    entropy = -(step * np.log(step)).sum(1)
    first = -(pi * np.log(pi)).sum()
    assert task.bayes_loss() == pytest.approx((first + 49 * pi @ entropy) / 50)


def test_number_of_triggers_may_differ_per_member():
    drawn = jax.jit(lambda k: BigramBackcopy(12, 24, k).batch(jax.random.key(1), 4))
    other = BigramBackcopy(12, 24, 5).batch(jax.random.key(1), 4)
    np.testing.assert_array_equal(drawn(np.float32(5)).inputs, other.inputs)


def test_another_sequences_latents_are_noticed(batch):
    assert np.asarray(TASK.consistent(batch)).all()
    wrong = batch._replace(targets=np.roll(np.asarray(batch.targets), 1, 0))
    assert not np.asarray(TASK.consistent(wrong)).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_symbols": 1}, "n_symbols = 1"),
        ({"length": 1}, "length = 1"),
        ({"n_symbols": 5, "n_triggers": 5}, "n_triggers = 5"),
        ({"source_seed": -1}, "source_seed = -1"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ToylabError, match=words):
        BigramBackcopy(**settings)
