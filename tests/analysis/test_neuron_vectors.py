"""Value vectors along a direction, keys scaled, and random others."""

import dataclasses

import jax
import numpy as np
import pytest

from toylab.analysis.neurons import (
    mlp_weights,
    others_like,
    scaled_keys,
    top_mask,
    value_cosines,
    votes,
)
from toylab.models import Transformer
from toylab.trees import flatten, unflatten

MODEL = Transformer(
    vocab=7, length=5, width=8, depth=2, heads=2, hidden=32, norm="layer", biases=True
)


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(np.asarray, MODEL.init(jax.random.key(0)))


def test_a_planted_neuron_is_found_and_its_keys_scaled(params):
    direction = np.random.default_rng(0).normal(size=8)
    direction = (direction - direction.mean()) / np.linalg.norm(direction - direction.mean())
    flat = dict(flatten(params))
    down = flat["blocks/1/mlp/down/kernel"].copy()
    down[5] = 3 * direction + 0.7  # the mean is no part of it
    flat["blocks/1/mlp/down/kernel"] = down
    planted = unflatten(flat)
    cos = value_cosines(planted, direction)
    assert cos[1, 5] == pytest.approx(1, abs=1e-5)
    assert list(zip(*np.nonzero(top_mask(cos, 1)), strict=True)) == [(1, 5)]
    scaled = flatten(scaled_keys(planted, top_mask(cos, 1), 10))
    for name, leaf in flatten(planted).items():
        expected = np.array(leaf)
        if name == "blocks/1/mlp/up/kernel":
            expected[:, 5] *= 10
        np.testing.assert_array_equal(scaled[name], expected)


def test_random_neurons_are_others_of_the_same_layers():
    mask = np.zeros((2, 6), bool)
    mask[0, :2] = mask[1, 0] = True
    drawn = others_like(mask, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(1), [2, 1])
    assert not (drawn & mask).any()


def test_weights_are_stacked_by_block(params):
    found = mlp_weights(params, "up")
    for block in range(2):
        known = params["blocks"][str(block)]["mlp"]["up"]["kernel"]
        np.testing.assert_array_equal(found[block], known)


def test_votes_are_of_what_the_last_norm_lets_through(params):
    flat = dict(flatten(params))
    for i in range(MODEL.depth):
        flat[f"blocks/{i}/mlp/down/kernel"] = flat[f"blocks/{i}/mlp/down/kernel"] + 3.0
    shifted, token = unflatten(flat), 2
    np.testing.assert_allclose(votes(MODEL, shifted, token), votes(MODEL, params, token), atol=1e-5)
    rms = dataclasses.replace(MODEL, norm="rms")
    assert np.abs(votes(rms, shifted, token) - votes(rms, params, token)).max() > 0.1
    # The first-order change of logits, at a state that is orthogonal to what is added.
    scale, kernel = np.asarray(params["norm"]["scale"]), np.asarray(params["unembed"]["kernel"])
    down = flat["blocks/0/mlp/down/kernel"][3]
    across = np.eye(8)[0] - np.eye(8)[1]
    state = across - (across @ (down - down.mean())) / np.square(down - down.mean()).sum() * (
        down - down.mean()
    )

    def logits(x):
        return (x - x.mean()) / x.std() * scale @ kernel

    slope = (logits(state + 1e-4 * down) - logits(state - 1e-4 * down)) / 2e-4 * state.std()
    assert votes(MODEL, shifted, token)[3] == pytest.approx(slope[token] - slope.mean(), abs=1e-3)
