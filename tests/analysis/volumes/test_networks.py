"""A network as a model of the next token, against its own logits; and what floats hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.volumes.chances import ancestral, log_chances
from toylab.analysis.volumes.coder import boxes, decode
from toylab.analysis.volumes.networks import following, logits, sentence_chances
from toylab.analysis.volumes.precision import precision
from toylab.models import Transformer

MODEL = Transformer(6, 5, 8, 1, 2, hidden=8)
PARAMS = MODEL.init(jax.random.key(0))
RNG = np.random.default_rng(0)


def test_chances_are_those_of_the_whole_sentence():
    text = RNG.integers(0, 6, (70, 5))
    inputs = np.concatenate([np.zeros((70, 1), int), text[:, :-1]], 1)
    whole = np.asarray(jax.nn.softmax(MODEL.apply(PARAMS, jnp.asarray(inputs, jnp.int32)), -1))
    model = following(MODEL, PARAMS, 0, block=16)
    for t in range(5):
        np.testing.assert_allclose(model(text[:, :t]), whole[:, t], rtol=1e-5)
    found = sentence_chances(logits(MODEL, PARAMS, inputs), text, 0)
    np.testing.assert_allclose(np.log(found), log_chances(model, text, 0), rtol=1e-5)
    np.testing.assert_allclose(boxes(model, text, 2, 0).volumes, found, rtol=1e-5)
    cold = sentence_chances(logits(MODEL, PARAMS, inputs), text, 0, 0.5)
    first = (whole[:, 0] ** 2 / (whole[:, 0] ** 2).sum(-1, keepdims=True))[
        np.arange(70), text[:, 0]
    ]
    np.testing.assert_allclose(cold[text[:, 0] == 0], first[text[:, 0] == 0], rtol=1e-4)
    even, null = decode(model, RNG.random((4_000, 3)), 5, 0), ancestral(model, 4_000, 5, 0, RNG)
    for t in range(5):
        shares = [np.bincount(tokens[:, t], minlength=6) / 4_000 for tokens in (even, null)]
        np.testing.assert_allclose(*shares, atol=0.05)


def test_floats_hold_fewer_bits_than_their_significand_has():
    found = precision(0, 40)
    rows = {row[:3]: row[3] for row in found.select("number", "axes", "bits", "share").rows()}
    for axes in (1, 2, 4):
        assert rows["float32", axes, 10.0] == pytest.approx(1, abs=0.05)
        assert rows["float32", axes, 35.0] < 0.15  # near 0 floats are finer
        assert rows["float64", axes, 35.0] > 0.9
        assert rows["float64", axes, 65.0] < 0.15
    assert rows["float32", 1, 20.0] > rows["float32", 4, 20.0]
