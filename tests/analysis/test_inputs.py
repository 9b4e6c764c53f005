"""Inputs that units like: closed forms, prototypes among tokens, stories and their null."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.inputs.illusion import random_directions, story, top_inputs
from toylab.analysis.inputs.prototypes import from_the_mean, prototypes
from toylab.analysis.inputs.visualise import total_variation, visualise
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def test_a_linear_unit_likes_its_weights_and_a_quadratic_one_its_top_eigenvector():
    w = RNG.normal(size=8).astype(np.float32)
    linear = visualise(lambda x: x @ w, KEY, (8,))
    np.testing.assert_allclose(linear.inputs, np.tile(w / np.linalg.norm(w), (4, 1)), atol=2e-3)
    turn = np.linalg.qr(RNG.normal(size=(8, 8)))[0]
    form = (turn * [5, 2, 1, 1, 0, 0, -1, -6]) @ turn.T
    quadratic = visualise(lambda x: x @ form.astype(np.float32) @ x, KEY, (8,), steps=400)
    assert float(np.abs(quadratic.inputs @ turn[:, 0]).min()) > 0.999
    np.testing.assert_allclose(quadratic.values, 5, atol=0.01)


def test_a_penalty_stands_for_the_ball_and_diversity_drives_starts_apart():
    w = jnp.array([3.0, 4.0])
    square = lambda x: 0.5 * jnp.sum(x**2)  # the optimum of w x - x^2 / 2 is w
    found = visualise(lambda x: x @ w, KEY, (2,), steps=600, radius=None, penalty=square)
    np.testing.assert_allclose(found.inputs, np.tile(w, (4, 1)), atol=0.05)
    two = visualise(lambda x: jnp.max(jnp.abs(x)), KEY, (2,), starts=2, diversity=2.0).inputs
    assert float(two[0] @ two[1]) < -0.9
    image = RNG.normal(size=(3, 4))
    steps = (np.diff(image, axis=0) ** 2).sum() + (np.diff(image, axis=1) ** 2).sum()
    assert float(total_variation(jnp.asarray(image))) == pytest.approx(steps, rel=1e-5)


def test_prototypes_come_to_the_token_of_least_loss():
    tokens = jnp.asarray(RNG.normal(size=(9, 3)), jnp.float32)
    score = lambda e: -jnp.sum((e[None] - tokens) ** 2, 1)
    found = prototypes(score, tokens, jnp.arange(9), jnp.array([0, 4]), steps=300)
    assert found.tokens.tolist() == list(range(9))
    np.testing.assert_allclose(found.vectors, tokens, atol=0.05)
    np.testing.assert_allclose(found.gaps, 0, atol=0.01)
    with pytest.raises(ToylabError, match=r"give \(V, D\)"):
        prototypes(score, tokens[0], jnp.arange(9), jnp.arange(2))


def test_length_from_the_mean():
    e = RNG.normal(size=(2, 5, 3))
    slow = [[np.sqrt(((row - one.mean(0)) ** 2).sum()) for row in one] for one in e]
    np.testing.assert_allclose(from_the_mean(e), slow)


def test_stories_name_what_top_inputs_share():
    there = RNG.random((500, 6)) < 0.3
    values = there[:, [2, 4]] + 0.01 * RNG.random((500, 2))
    found = story(values, there)
    assert found.concept.tolist() == [2, 4] and (found.purity == 1).all()
    np.testing.assert_allclose(found.lift, 1 - there.mean(0)[[2, 4]])
    assert (np.sort(values[:, 0])[-10:][::-1] == values[top_inputs(values)[:, 0], 0]).all()
    random = story(RNG.normal(size=(500, 200)), there)
    # Ten coins that show a concept of share .3 more often than all six do: 0.58 on average.
    best = RNG.binomial(10, there.mean(0), (100_000, 6)) / 10 - there.mean(0)
    assert random.lift.mean() == pytest.approx(best.max(1).mean(), abs=0.02)
    assert random_directions(values, 3).shape == (500, 3)
    assert np.isnan(story(np.full((500, 1), np.nan), there).purity).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ToylabError, match="no radius and no penalty"):
        visualise(jnp.sum, KEY, (2,), radius=None)
    with pytest.raises(ToylabError, match="count = 11"):
        story(np.ones((10, 1)), np.ones((10, 2)), 11)
    with pytest.raises(ToylabError, match=r"give \(N, U\), \(N, C\)"):
        story(np.ones((10, 1)), np.ones((9, 2)))


def test_a_pull_away_from_the_tokens_is_refused():
    with pytest.raises(ToylabError, match="pull"):
        prototypes(lambda e: e, jnp.eye(3), jnp.array([0]), jnp.arange(3), pull=-1.0)
