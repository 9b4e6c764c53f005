"""Falls of logits on replaced tokens, against a loop and in a network that copies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.attribution.replaced import logit_drops
from toylab.errors import ToylabError
from toylab.models import Transformer

MODEL = Transformer(vocab=4, length=3, width=8, depth=1, heads=2, hidden=8)
INPUTS = np.array([[0, 1, 2], [3, 3, 0]], np.int32)


def test_falls_are_those_of_a_loop():
    params_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))
    others = np.stack([(INPUTS + np.eye(3, dtype=np.int32)[i]) % 4 for i in range(3)])
    found = logit_drops(MODEL, params_P, INPUTS, others)
    assert found.shape == (2, 3, 3)
    one = jax.tree.map(lambda leaf: leaf[1], params_P)
    before = np.asarray(MODEL.apply(one, jnp.asarray(INPUTS)))
    for r in range(3):
        after = np.asarray(MODEL.apply(one, jnp.asarray(others[r])))
        for at in range(3):
            drops = [before[b, at].max() - after[b, at, before[b, at].argmax()] for b in range(2)]
            assert found[1, r, at] == pytest.approx(np.mean(drops), abs=1e-5)
    np.testing.assert_allclose(found[:, 2, :2], 0, atol=1e-6)  # later tokens do not matter


def test_inputs_of_other_shapes_are_refused():
    params_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 1))
    with pytest.raises(ToylabError, match="logit_drops: inputs of shape"):
        logit_drops(MODEL, params_P, INPUTS, INPUTS)
