"""An MLP, then heads that read, against a loop in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.taps import run

MODEL = ReadingHeads(vocab=7, n_out=5, width=6, heads=2, head_dim=3, hidden=8)


def perturbed():
    """Parameters with gains and biases that are not 1 and 0, in float64."""
    rng = np.random.default_rng(0)
    params = MODEL.init(jax.random.key(0))
    return jax.tree.map(
        lambda x: np.asarray(x, np.float64) + 0.1 * rng.normal(size=x.shape), params
    )


def norm(x, weights):
    centred = x - x.mean()
    return centred / np.sqrt((centred**2).mean() + 1e-5) * weights["scale"] + weights["bias"]


def early(params, token):
    x, first = params["embed"][token], params["blocks"]["0"]
    up = norm(x, first["norm"]) @ first["mlp"]["up"]
    return x + np.maximum(up, 0) @ first["mlp"]["down"]


def answer(params, tokens):
    second = params["blocks"]["1"]
    e = [early(params, t) for t in tokens]
    normed, attn = [norm(x, second["norm"]) for x in e], second["attn"]
    out, patterns = e[-1], []
    for h in range(MODEL.heads):
        q, keys = normed[-1] @ attn["w_q"][:, h], [x @ attn["w_k"][:, h] for x in normed]
        p = np.exp([q @ k / np.sqrt(MODEL.head_dim) for k in keys])
        p /= p.sum()
        z = sum(w * (x @ attn["w_v"][:, h]) for w, x in zip(p, normed, strict=True))
        out, patterns = out + z @ attn["w_o"][h], [*patterns, p]
    return norm(out, params["norm"]) @ params["unembed"], patterns


def test_model_agrees_with_a_loop():
    params = perturbed()
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    tokens = np.array([[0, 3, 6, 2], [5, 5, 1, 0]], np.int32)
    logits, acts = run(MODEL, single, jnp.asarray(tokens), record=MODEL.sites)
    assert tuple(acts) == MODEL.sites
    for i in range(2):
        known, patterns = answer(params, tokens[i])
        np.testing.assert_allclose(logits[i], known, rtol=1e-4, atol=1e-5)
        pattern = acts["blocks/1/attn/pattern"][i, :, 0]
        np.testing.assert_allclose(pattern, patterns, rtol=1e-4)


def test_what_a_head_writes():
    """The logits of a run in which the last norm only centres and scales by its gain."""
    params = perturbed()
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    second = params["blocks"]["1"]
    e = np.stack([early(params, t) for t in range(7)])
    found = MODEL.written(single, jnp.asarray(e, jnp.float32))
    for h in range(2):
        for t in range(7):
            v = norm(e[t], second["norm"]) @ second["attn"]["w_v"][:, h]
            out = v @ second["attn"]["w_o"][h]
            known = ((out - out.mean()) * params["norm"]["scale"]) @ params["unembed"]
            np.testing.assert_allclose(found[h, t], known, rtol=1e-4, atol=1e-4)


def test_tokens_are_a_batch_of_sequences():
    with pytest.raises(ToylabError, match="inputs of shape"):
        MODEL.apply(MODEL.init(jax.random.key(0)), jnp.zeros(3, jnp.int32))
