"""The language with bad words against a loop over its rules; the toy's fixed pairs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.countdown.bad_words import BadWordPairs, BadWords
from toylab.tasks.countdown.preferences import Answers, Preferences

SMALL = BadWords(n_words=12, n_bad=3, n_topics=3, length=8, world_seed=4)
SIZE = 4_096


def chance(task, topic, last, boost=1.0):
    """The rule in words: top_rate, times the topic's share, times how prone the last word is."""
    prone = 1.0 if last < task.n_words and last % 3 == 0 else task.calm
    return 1 - (1 - task.top_rate * topic / (task.n_topics - 1) * prone) ** boost


def test_predictor_is_the_rule():
    batch = SMALL.batch(jax.random.key(0), 5)
    found, words = np.asarray(SMALL.predictor(batch)), np.asarray(SMALL.words())
    np.testing.assert_allclose(words[:, :9].sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(words[:, 9:].sum(1), 1, rtol=1e-5)
    for b, t in np.ndindex(5, 8):
        topic, last = int(batch.inputs[b, 0]) - 12, int(batch.inputs[b, t])
        r = chance(SMALL, topic, last)
        expected = np.r_[(1 - r) * words[last, :9], r * words[last, 9:], 0, 0, 0]
        np.testing.assert_allclose(found[b, t], expected, rtol=1e-5, atol=1e-7)
        assert float(batch.latents["rate"][b, t]) == pytest.approx(r, abs=1e-6)


def test_sequences_follow_the_predictor():
    """Calibrated: words are drawn as often as predicted, and the loss is the entropy."""
    batch = jax.jit(lambda key: SMALL.batch(key, SIZE))(jax.random.key(1))
    p = np.asarray(SMALL.predictor(batch))
    counts = np.eye(15)[np.asarray(batch.targets)].sum((0, 1))
    spread = np.sqrt((p * (1 - p)).sum((0, 1)))
    assert (np.abs(counts - p.sum((0, 1))) < 5 * spread + 1e-6).all()
    nats = -np.log(np.take_along_axis(p, np.asarray(batch.targets)[..., None], -1))
    error = nats.mean((1, 2)).std() / np.sqrt(SIZE)
    assert nats.mean() == pytest.approx(SMALL.bayes_loss(), abs=4 * error)
    assert set(np.asarray(batch.inputs)[:, 0]) == {12, 13, 14}


def test_boost_makes_bad_words_rare_or_common():
    draw = lambda boost: dataclasses.replace(SMALL, boost=boost).batch(jax.random.key(2), 512)
    share = [float((draw(b).targets >= 9).mean()) for b in (0.0, 1.0, 4.0)]
    assert share[0] == 0
    assert 0.05 < share[1] < share[2] < 0.6
    assert float(SMALL.rate(jnp.int32(2), jnp.int32(3), 4.0)) == pytest.approx(1 - 0.5**4)


def test_pairs_share_a_prompt_and_differ_in_bad_words():
    task = BadWordPairs(n_words=12, n_bad=3, n_topics=3, length=8, prompt=3)
    batch = jax.jit(lambda key: task.batch(key, 512))(jax.random.key(3))
    x, y = np.asarray(batch.inputs), np.asarray(batch.targets)
    np.testing.assert_array_equal(x[:, 0, :3], x[:, 1, :3])
    np.testing.assert_array_equal(batch.weights, np.tile([0] * 2 + [1] * 6, (512, 2, 1)))
    assert not (y[:, 0, 2:] >= 9).any()
    told = np.asarray(batch.latents["rate"])[:, 1, 2:]
    assert (y[:, 1, 2:] >= 9).mean() == pytest.approx(told.mean(), abs=0.03)
    assert told.mean() > 0.15  # the language itself has about 0.1
    # Both continuations are drawn afresh: their first words agree by chance alone.
    assert 0.02 < (y[:, 0, 2] == y[:, 1, 2]).mean() < 0.6


def test_answers_weigh_as_the_reference():
    task = Answers(prompts=3, mass=0.6, world_seed=2)
    rows = task.enumerate()
    weights = np.asarray(rows.weights).reshape(3, 10)
    np.testing.assert_allclose(weights.sum(1), 10, rtol=1e-5)
    np.testing.assert_allclose(weights[:, :4], 10 * 0.15, rtol=1e-5)
    assert task.bayes_loss() == pytest.approx(
        -4 * 0.15 * np.log(0.15) - 6 * (0.4 / 6) * np.log(0.4 / 6)
    )
    assert all(sorted(row) == list(range(10)) for row in np.asarray(task.order()).tolist())


def test_scenarios_take_their_responses_from_likely_or_unlikely_ones():
    for chosen, rejected in np.ndindex(2, 2):
        task = Preferences(chosen_likely=float(chosen), rejected_likely=float(rejected))
        pairs, order = task.enumerate(), np.asarray(task.order())
        for i, (prompt, target) in enumerate(zip(pairs.inputs[:, 0], pairs.targets, strict=True)):
            rank = [order[int(prompt.argmax())].tolist().index(int(y)) for y in target]
            assert rank == [i % 2 + (0 if chosen else 4), i % 2 + (2 if rejected else 6)]
        np.testing.assert_allclose(pairs.latents["reference"][0, 0], 0.2 if chosen else 0.2 / 6)


def test_bad_settings_are_refused():
    with pytest.raises(ToylabError, match="leave a clean one"):
        BadWords(n_words=5, n_bad=5)
    with pytest.raises(ToylabError, match="prompt = 24"):
        BadWordPairs(prompt=24)
    with pytest.raises(ToylabError, match="4 likely"):
        Answers(likely=2)
