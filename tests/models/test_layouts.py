"""Weights of other libraries: their own forward pass in NumPy gives the same logits."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from tests.oracles.transformer import forward
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.layouts import from_state_dict, to_state_dict

V, L, D, H, F, DEPTH = 7, 5, 8, 2, 12, 2
TOKENS = np.array([[0, 3, 6, 1, 2], [5, 5, 4, 0, 1]])
RNG = np.random.default_rng(0)


def draw(*shape):
    """Random weights."""
    return RNG.normal(size=shape) * 0.4


def gpt2(linear_first: str, bias: bool = True) -> dict[str, np.ndarray]:
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
    state |= {"lm_head.weight": draw(V, D), "lm_head.bias": draw(V)}
    return {n: a for n, a in state.items() if bias or n.endswith((".weight", ".attn.bias"))}


def mingpt_2020(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A network of nn.Linear's under the names of the older minGPT, queries, keys, values apart."""
    names = {"wte.weight": "tok_emb.weight", "h.": "blocks.", "ln_1": "ln1", "ln_2": "ln2"}
    names |= {"mlp.c_fc": "mlp.0", "mlp.c_proj": "mlp.2", "attn.c_proj": "attn.proj"}
    names |= {".attn.bias": ".attn.mask", "lm_head": "head", "transformer.": ""}
    found = {}
    for name, array in state.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        for i, part in enumerate(("query", "key", "value") if "c_attn" in name else ()):
            found[name.replace("c_attn", part)] = np.split(array, 3)[i]
        found |= {} if "c_attn" in name else {name: array}
    return found | {"pos_emb": found.pop("wpe.weight")[None]}


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


def gpt2_logits(state, tokens, exact, first):
    """GPT-2's forward pass as its own code writes it, with fused queries, keys and values."""
    get = lambda name: state[f"transformer.{name}"]
    turn = (lambda w: w.T) if first == "out" else (lambda w: w)
    bias = lambda name: state.get(f"transformer.{name}.bias", 0)
    apply = lambda x, name: x @ turn(get(f"{name}.weight")) + bias(name)
    norm = lambda x, name: layer_norm(x, get(f"{name}.weight"), bias(name))
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
    return norm(x, "ln_f") @ state["lm_head.weight"].T + state.get("lm_head.bias", 0)


def said(model, params):
    """The logits of what was read, by the slow oracle of a transformer."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    return forward(model, params, TOKENS)["final/logits"]


@pytest.mark.parametrize(
    ("layout", "first", "exact"),
    [
        ("gpt2", "in", False),
        ("nanogpt", "out", True),
        ("mingpt", "out", False),
        ("mingpt_2020", "out", True),
    ],
)
def test_logits_are_those_of_the_source(layout, first, exact):
    state = gpt2(first)
    want = gpt2_logits(state, TOKENS, exact, first)
    state = mingpt_2020(state) if layout == "mingpt_2020" else state
    told = None if layout in ("gpt2", "mingpt_2020") else layout
    model, params = from_state_dict(state, heads=H, layout=told)
    assert model.unembed_bias
    np.testing.assert_allclose(said(model, params), want, atol=1e-5)
    back = to_state_dict(model, params, layout)
    for name, value in back.items():
        np.testing.assert_allclose(value, state[name], rtol=1e-6)
    assert all(name.endswith((".attn.bias", ".attn.mask")) for name in set(state) - set(back))


def test_nanogpt_may_have_no_biases_but_not_some():
    state = gpt2("out", bias=False)
    model, params = from_state_dict(state, heads=H, layout="nanogpt")
    want = gpt2_logits(state, TOKENS, True, "out")
    np.testing.assert_allclose(said(model, params), want, atol=1e-5)
    state["transformer.h.1.attn.c_proj.bias"] = draw(D)
    with pytest.raises(ToylabError, match=r"no weight 'h\.0\.attn\.c_attn\.bias'"):
        from_state_dict(state, heads=H, layout="nanogpt")


def test_nanogpt_and_mingpt_are_not_guessed_apart():
    state = gpt2("out")
    with pytest.raises(ToylabError, match="layout='nanogpt' \\(exact\\) or 'mingpt'"):
        from_state_dict(state, heads=H)
    assert from_state_dict(state, heads=H, activation="relu")[0].activation == "relu"


def test_a_tied_unembedding_is_found():
    state = gpt2("in")
    del state["lm_head.bias"]
    for head in (state["transformer.wte.weight"], None):
        state.pop("lm_head.weight")
        state |= {} if head is None else {"lm_head.weight": head}
        model, params = from_state_dict(state, heads=H)
        assert model.tied_unembed and "unembed" not in params
        state["lm_head.weight"] = draw(V, D)
    bias = {"lm_head.weight": state["transformer.wte.weight"], "lm_head.bias": draw(V)}
    model, params = from_state_dict(state | bias, heads=H)
    assert model.tied_unembed and model.unembed_bias
    want = gpt2_logits(state | bias, TOKENS, False, "in")
    np.testing.assert_allclose(said(model, params), want, atol=1e-5)


class Module:
    """What has a state dict and is none."""


WRONG = {
    r"no known layout; names such as a": lambda s: {"a": draw(2)},
    r"h\.1\.attn\.c_attn\.weight is \(8, 16\), not \(8, 24\)": lambda s: (
        s | {"transformer.h.1.attn.c_attn.weight": draw(D, 2 * D)}
    ),
    r"h\.0\.attn\.c_proj\.weight is \(8, 10\), not \(8, 8\)": lambda s: (
        s | {"transformer.h.0.attn.c_proj.weight": draw(D, 10)}
    ),
    r"h\.0\.attn\.c_attn\.bias is \(20,\), not \(24,\)": lambda s: (
        s | {"transformer.h.0.attn.c_attn.bias": draw(20)}
    ),
    r"wpe\.weight is \(8,\), not \(L, 8\)": lambda s: s | {"transformer.wpe.weight": draw(D)},
    r"no weight 'h\.1\.mlp\.c_fc\.weight'": lambda s: {
        n: a for n, a in s.items() if "h.1.mlp.c_fc.weight" not in n
    },
    r"nothing reads 'transformer\.h\.0\.attn\.gate' in the layout gpt2": lambda s: (
        s | {"transformer.h.0.attn.gate": draw(D)}
    ),
    r"'model' is a dict of its own.*pass its \['model'\]": lambda s: {
        "optimizer": {"state": {}},
        "model": s,
        "step": 3,
    },
    r"'config' is no array of numbers but str": lambda s: s | {"config": "x"},
    r"Module is no mapping.*module\.state_dict\(\)": lambda s: Module(),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_named(message):
    with pytest.raises(ToylabError, match=message):
        from_state_dict(WRONG[message](gpt2("in")), heads=H)


def test_settings_that_do_not_fit_are_named():
    state = gpt2("in")
    with pytest.raises(ToylabError, match="heads = 3 do not divide the width 8"):
        from_state_dict(state, heads=3)
    with pytest.raises(ToylabError, match="layout 'foo'; give gpt2, nanogpt, mingpt, mingpt_2020 "):
        from_state_dict(state, heads=H, layout="foo")  # type: ignore
    with pytest.raises(ToylabError, match="norm = 'rms'; the layout gpt2 has 'layer'"):
        from_state_dict(state, heads=H, norm="rms")
    rope = Transformer(5, 4, 8, 1, 2, hidden=8, norm="layer", biases=True, positions="rope")
    with pytest.raises(ToylabError, match="positions = 'rope' has no place there"):
        to_state_dict(rope, rope.init(jax.random.key(0)), "gpt2")
    for change in ({"hidden": 0}, {"attention": "relu"}):
        other = dataclasses.replace(rope, positions="learned", **change)
        with pytest.raises(ToylabError, match=f"{next(iter(change))} = .* has no place there"):
            to_state_dict(other, {}, "nanogpt")
    with pytest.raises(ToylabError, match="layout 'torch'; give gpt2"):
        to_state_dict(rope, {}, "torch")  # type: ignore
    plain = dataclasses.replace(rope, positions="learned")
    both = jax.vmap(plain.init)(jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ToylabError, match=r"leading axes \(2,\); give one member's"):
        to_state_dict(plain, both, "lens")
    with pytest.raises(ToylabError, match="2 heads of 6 are not the width 8, as gpt2 has it"):
        to_state_dict(dataclasses.replace(plain, head_dim=6), {}, "gpt2")
