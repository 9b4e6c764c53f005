"""Attention on sequences of vectors, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.toys.vector_attention import VectorAttention
from toylab.taps import run


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_as_numpy_does_it():
    model = VectorAttention(width=6, n_out=3, hidden=4, layers=2)
    params = model.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype(np.float32)
    logits, acts = run(model, params, jnp.asarray(x), record=("*",))
    assert tuple(acts) == model.sites
    h, hidden = x.astype(np.float64), np.triu(np.full((5, 5), -np.inf), 1)
    for block in params["blocks"].values():
        q, k, v = (h @ np.asarray(block[name], np.float64) for name in ("w_q", "w_k", "w_v"))
        h = h + softmax(q @ k.transpose(0, 2, 1) / np.sqrt(6) + hidden) @ v
    h = h[:, -1]
    for i in range(3):
        layer = params["mlp"][str(i)]
        h = h @ np.asarray(layer["w"]) + np.asarray(layer["b"])
        h = np.maximum(h, 0) if i < 2 else h
    np.testing.assert_allclose(logits, h, atol=1e-5)


def test_inputs_of_another_shape_are_refused():
    model = VectorAttention(width=6, n_out=3)
    with pytest.raises(ToylabError, match="give \\(B, L, 6\\)"):
        model.apply(model.init(jax.random.key(0)), jnp.zeros((2, 5)))
