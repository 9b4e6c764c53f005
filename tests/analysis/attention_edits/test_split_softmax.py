"""Split-softmax against its other form, a boost of scores, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from toylab.analysis.attention_edits import prompt_boost, split_softmax, splitting
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.taps import run

PROMPT = np.arange(6) < 2


@pytest.mark.parametrize("strength", [1.0, 0.8, 0.1])
def test_it_is_a_boost_of_scores(strength: float):
    with jax.enable_x64(True):
        score = np.random.default_rng(0).normal(size=(50, 6))
        pattern = softmax(score, -1)
        mass = pattern[:, PROMPT].sum(-1, keepdims=True)
        found = np.asarray(split_softmax(jnp.asarray(pattern), PROMPT, strength))
        boosted = score + PROMPT * np.asarray(prompt_boost(jnp.asarray(mass), strength))
        np.testing.assert_allclose(found, softmax(boosted, -1), atol=2e-16, rtol=1e-14)
        np.testing.assert_allclose(found.sum(-1), 1, atol=1e-15)
        np.testing.assert_allclose(found[:, PROMPT].sum(-1), mass[:, 0] ** strength, atol=1e-15)


def test_limits():
    even = jnp.full((1, 6), 1 / 6)
    np.testing.assert_allclose(split_softmax(even, PROMPT, 1.0), even, atol=1e-7)
    np.testing.assert_allclose(split_softmax(even, PROMPT, 0.0)[0], [0.5, 0.5, 0, 0, 0, 0])
    one_sided = jnp.array([[0.3, 0.7, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]])
    np.testing.assert_array_equal(split_softmax(one_sided, PROMPT, 0.5), one_sided)
    with jax.enable_x64(True):
        near = prompt_boost(jnp.array([1 - 1e-9, 1.0]), 0.5)
        np.testing.assert_allclose(near, np.log(2), atol=1e-8)


def test_a_transformer_is_split_where_it_is_told():
    model = Transformer(vocab=5, length=6, width=8, depth=2, heads=2)
    params, tokens = model.init(jax.random.key(0)), jnp.arange(12).reshape(2, 6) % 5
    site = "blocks/1/attn/pattern"
    _, acts = run(model, params, tokens, (site,))
    seen, split = {}, splitting([1], PROMPT, 0.5)
    model.apply(params, tokens, lambda name, x: seen.setdefault(name, split(name, x)))
    np.testing.assert_allclose(seen[site], split_softmax(acts[site], PROMPT, 0.5))
    assert not np.allclose(seen[site], acts[site])


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ToylabError, match=r"strength = 1\.5 is out of range"):
        split_softmax(jnp.ones((1, 6)) / 6, PROMPT, 1.5)
    with pytest.raises(ToylabError, match="a prompt of bool with 0 keys"):
        split_softmax(jnp.ones((1, 6)) / 6, np.zeros(6, bool), 0.5)
