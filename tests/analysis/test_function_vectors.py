"""Function vectors against runs with hooks written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.steering.function_vectors import (
    function_vectors,
    indirect_effects,
    means_of_others,
)
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.taps import run

MODEL = Transformer(vocab=6, length=5, width=8, depth=2, heads=2)
PARAMS = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))
TOKENS = jax.random.randint(jax.random.key(1), (3, 5), 0, 6)
ANSWERS = jnp.array([0, 1, 2])
MEANS = {i: np.random.default_rng(i).normal(size=(2, 3, 2, 4)).astype(np.float32) for i in range(2)}


def test_means_leave_the_query_out():
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    for t, i in np.ndindex(2, 4):
        np.testing.assert_allclose(means_of_others(x)[t, i], np.delete(x[t], i, 0).mean(0))
    with pytest.raises(ToylabError, match="1 query per task"):
        means_of_others(x[:, :1])


def test_effects_are_those_of_patched_heads():
    found = indirect_effects(MODEL, PARAMS, TOKENS, ANSWERS, MEANS)
    assert found.shape == (2, 2, 2)
    for p, layer, h in np.ndindex(2, 2, 2):
        one = jax.tree.map(lambda leaf, p=p: leaf[p], PARAMS)

        def hook(site, x, p=p, layer=layer, h=h):
            if site != f"blocks/{layer}/attn/z":
                return x
            return x.at[:, -1, h].set(MEANS[layer][p, :, h])

        chance = lambda logits: jax.nn.softmax(logits[:, -1])[jnp.arange(3), ANSWERS].mean()
        rise = chance(MODEL.apply(one, TOKENS, hook)) - chance(MODEL.apply(one, TOKENS))
        assert found[p, layer, h] == pytest.approx(float(rise), abs=1e-6)


def test_all_heads_together_are_what_attention_adds():
    one = jax.tree.map(lambda leaf: leaf[0], PARAMS)
    _, acts = run(MODEL, one, TOKENS, ("blocks/*/attn/z", "blocks/*/attn/out"))
    z = {i: np.asarray(acts[f"blocks/{i}/attn/z"])[:, -1] for i in range(2)}
    found = function_vectors(one, z, np.ones((2, 2), bool))
    expected = sum(acts[f"blocks/{i}/attn/out"][:, -1] for i in range(2))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not function_vectors(one, z, np.zeros((2, 2), bool)).any()
