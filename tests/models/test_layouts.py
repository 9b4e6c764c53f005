"""Weights of other libraries: their own forward pass in NumPy gives the same logits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.layouts import from_state_dict, to_state_dict

V, L, D, H, F, DEPTH = 7, 5, 8, 2, 12, 2
TOKENS = np.array([[0, 3, 6, 1, 2], [5, 5, 4, 0, 1]])
RNG = np.random.default_rng(0)


def draw(*shape):
    """Random weights."""
    return RNG.normal(size=shape) * 0.4


def gpt2(linear_first: str) -> dict[str, np.ndarray]:
    """A random GPT-2; nn.Linear keeps (out, in), Hugging Face's Conv1D (in, out)."""
    put = lambda n_in, n_out: draw(n_in, n_out) if linear_first == "in" else draw(n_out, n_in)
    state = {"transformer.wte.weight": draw(V, D), "transformer.wpe.weight": draw(L, D)}
    for i in range(DEPTH):
        at = f"transformer.h.{i}."
        for name, n_in, n_out in (
            ("attn.c_attn", D, 3 * D),
            ("attn.c_proj", D, D),
            ("mlp.c_fc", D, F),
            ("mlp.c_proj", F, D),
        ):
            state[f"{at}{name}.weight"], state[f"{at}{name}.bias"] = put(n_in, n_out), draw(n_out)
        for name in ("ln_1", "ln_2"):
            state[f"{at}{name}.weight"], state[f"{at}{name}.bias"] = 1 + draw(D), draw(D)
        state[f"{at}attn.bias"] = np.tril(np.ones((1, 1, L, L)))  # a mask, not a weight
    state |= {"transformer.ln_f.weight": 1 + draw(D), "transformer.ln_f.bias": draw(D)}
    return state | {"lm_head.weight": draw(V, D)}


def layer_norm(x, gain, bias):
    """LayerNorm of the last axis."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain + bias


def gelu(x, exact):
    """GELU, by the error function or by a hyperbolic tangent."""
    if exact:
        return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def softmax(x):
    """Softmax of the last axis, of -inf too."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def gpt2_logits(state, tokens, exact):
    """GPT-2's forward pass as its own code writes it, with fused queries, keys and values."""
    get = lambda name: state[f"transformer.{name}"]
    turn = (lambda w: w.T) if exact else (lambda w: w)
    apply = lambda x, name: x @ turn(get(f"{name}.weight")) + get(f"{name}.bias")
    norm = lambda x, name: layer_norm(x, get(f"{name}.weight"), get(f"{name}.bias"))
    x = get("wte.weight")[tokens] + get("wpe.weight")[: tokens.shape[1]]
    for i in range(DEPTH):
        parts = np.split(apply(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn"), 3, -1)
        q, k, v = (p.reshape(*p.shape[:2], H, D // H).transpose(0, 2, 1, 3) for p in parts)
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(D // H)
        scores = np.where(np.tril(np.ones((L, L))), scores, -np.inf)
        z = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(*tokens.shape, D)
        x = x + apply(z, f"h.{i}.attn.c_proj")
        hidden = gelu(apply(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc"), exact)
        x = x + apply(hidden, f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ state["lm_head.weight"].T


@pytest.mark.parametrize(("layout", "first"), [("gpt2", "in"), ("nanogpt", "out")])
def test_logits_are_those_of_the_source(layout, first):
    state = gpt2(first)
    model, params = from_state_dict(state, heads=H)
    assert model.activation == ("gelu_exact" if layout == "nanogpt" else "gelu")
    want = gpt2_logits(state, TOKENS, exact=layout == "nanogpt")
    np.testing.assert_allclose(model.apply(params, jnp.asarray(TOKENS)), want, atol=1e-5)
    back = to_state_dict(model, params, layout)
    for name, value in back.items():
        np.testing.assert_allclose(value, state[name], rtol=1e-6)
    assert set(state) - set(back) == {f"transformer.h.{i}.attn.bias" for i in range(DEPTH)}


def test_transformer_lens_keeps_heads_apart():
    model, params = from_state_dict(gpt2("in"), heads=H)
    lens = to_state_dict(model, params, "lens")
    assert lens["blocks.1.attn.W_Q"].shape == (H, D, D // H)
    assert lens["blocks.0.mlp.W_in"].shape == (D, F)
    # A head by TransformerLens's own equations.
    x = layer_norm(draw(1, L, D), lens["blocks.0.ln1.w"], lens["blocks.0.ln1.b"])
    q = np.einsum("bpd,hdk->bphk", x, lens["blocks.0.attn.W_Q"]) + lens["blocks.0.attn.b_Q"]
    ours = params["blocks"]["0"]["attn"]
    np.testing.assert_allclose(
        q, np.einsum("bpd,dhk->bphk", x, ours["w_q"]) + np.asarray(ours["b_q"]), rtol=1e-5
    )
    again, read = from_state_dict(lens, heads=H)
    for one, other in zip(jax.tree.leaves(params), jax.tree.leaves(read), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again == model
    lens["unembed.b_U"] = np.ones(V)
    with pytest.raises(ToylabError, match="b_U is not 0"):
        from_state_dict(lens, heads=H)


def test_a_tied_unembedding_is_found():
    state = gpt2("in")
    for head in (state["transformer.wte.weight"], None):
        state.pop("lm_head.weight")
        state |= {} if head is None else {"lm_head.weight": head}
        model, params = from_state_dict(state, heads=H)
        assert model.tied_unembed and "unembed" not in params
        state["lm_head.weight"] = draw(V, D)


def test_what_does_not_fit_is_named():
    state = gpt2("in")
    with pytest.raises(ToylabError, match="no known layout; names such as a"):
        from_state_dict({"a": draw(2)}, heads=1)
    with pytest.raises(ToylabError, match="heads = 3 do not divide the width 8"):
        from_state_dict(state, heads=3)
    lost = {name: value for name, value in state.items() if "h.1.mlp.c_fc.weight" not in name}
    with pytest.raises(ToylabError, match=r"no weight 'h\.1\.mlp\.c_fc\.weight'"):
        from_state_dict(lost, heads=H)
    state["transformer.h.1.attn.c_attn.weight"] = draw(D, 2 * D)
    with pytest.raises(ToylabError, match=r"c_attn.weight is \(8, 16\), not \(8, 24\)"):
        from_state_dict(state, heads=H)
    rope = Transformer(5, 4, 8, 1, 2, hidden=8, norm="layer", biases=True, positions="rope")
    with pytest.raises(ToylabError, match="positions = 'rope' has no place there"):
        to_state_dict(rope, rope.init(jax.random.key(0)), "gpt2")
    with pytest.raises(ToylabError, match="layout 'torch'; give gpt2"):
        to_state_dict(rope, {}, "torch")  # type: ignore
