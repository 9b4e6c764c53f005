"""One attention head that reads a context for a query, against a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.toys.retrieval_head import RetrievalHead
from toylab.taps import run


def test_model_agrees_with_a_loop():
    model = RetrievalHead(6, 4, 3)
    params = jax.tree.map(np.asarray, model.init(jax.random.key(0)))
    x = np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    logits, acts = run(model, params, jnp.asarray(x), record=model.sites)
    assert tuple(acts) == model.sites
    for i in range(5):
        q, keys = x[i, -1] @ params["w_q"], x[i, :-1] @ params["w_k"]
        p = np.exp([q @ k / 2 for k in keys])
        p /= p.sum()
        known = sum(w * v for w, v in zip(p, x[i, :-1] @ params["w_v"], strict=True))
        np.testing.assert_allclose(logits[i], known @ params["w_o"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(acts["pattern"][i], p, rtol=1e-4)
    with pytest.raises(ToylabError, match="inputs of shape"):
        model.apply(params, jnp.zeros((2, 6), jnp.float32))
