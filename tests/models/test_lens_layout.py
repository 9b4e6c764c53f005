"""TransformerLens's weights of every kind: its equations in NumPy give the same logits."""

import math
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.oracles.transformer import forward
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.layouts import from_state_dict, to_state_dict

V, O, L, D, H, K, F, DEPTH = 7, 6, 5, 8, 2, 4, 12, 2
TOKENS = np.array([[0, 3, 6, 1, 2], [5, 5, 4, 0, 1]])
RNG = np.random.default_rng(0)
HOOKED = load_file(Path(__file__).parents[1] / "golden" / "hooked.safetensors")
# Names that a norm has there, the setting that it is, and whether one has to give it.
NORMS = {
    "LN": (("w", "b"), "layer", None),
    "RMS": (("w",), "rms", None),
    "LNPre": ((), "layer", "layer"),
    "RMSPre": ((), "rms", "rms"),
    "None": ((), "none", "none"),
}


def draw(*shape):
    """Random weights."""
    return RNG.normal(size=shape) * 0.4


def tables(length=L, k=K, base=10_000.0, adjacent=False):
    """Sine and cosine of the angle at each position and entry of a head, as it keeps them."""
    freq = base ** (np.arange(k // 2) / (k / 2))
    angles = np.arange(length)[:, None] / (np.repeat(freq, 2) if adjacent else np.tile(freq, 2))
    return {"rotary_sin": np.sin(angles), "rotary_cos": np.cos(angles)}


def hooked(norm, mlp=True, rotary=False):
    """The state dict of a random network, its buffers included."""
    state = {"embed.W_E": draw(V, D), "unembed.W_U": draw(D, O), "unembed.b_U": draw(O)}
    state |= {} if rotary else {"pos_embed.W_pos": draw(L, D)}
    state |= {f"ln_final.{n}": (n == "w") + draw(D) for n in NORMS[norm][0]}
    for i in range(DEPTH):
        block = {f"attn.W_{n}": draw(H, D, K) for n in "QKV"} | {"attn.W_O": draw(H, K, D)}
        block |= {f"attn.b_{n}": draw(H, K) for n in "QKV"} | {"attn.b_O": draw(D)}
        block |= {"attn.mask": np.ones((0, 0)), "attn.IGNORE": np.array(-np.inf)}
        block |= {f"attn.{n}": t for n, t in tables().items()} if rotary else {}
        if mlp:
            block |= {"mlp.W_in": draw(D, F), "mlp.b_in": draw(F)}
            block |= {"mlp.W_out": draw(F, D), "mlp.b_out": draw(D)}
        for ln in ("ln1", "ln2")[: 1 + mlp]:
            block |= {f"{ln}.{n}": (n == "w") + draw(D) for n in NORMS[norm][0]}
        state |= {f"blocks.{i}.{name}": array for name, array in block.items()}
    return state


def normed(x, norm, gain, bias):
    """One of its norms."""
    if norm == "None":
        return x
    x = x - x.mean() if norm.startswith("LN") else x
    return x / math.sqrt((x * x).mean() + 1e-5) * gain + bias


def head(state, at, h, x, rotary):
    """What one head adds at the positions of x, (L, D)."""
    get = lambda name: state[f"{at}{name}"][h]
    q, k, v = (x @ get(f"W_{n}") + get(f"b_{n}") for n in "QKV")
    if rotary:
        turned = lambda x: np.concatenate([-x[:, K // 2 :], x[:, : K // 2]], 1)
        sin, cos = state[f"{at}rotary_sin"], state[f"{at}rotary_cos"]
        q, k = (x * cos + turned(x) * sin for x in (q, k))
    out = np.zeros_like(x)
    for i in range(len(x)):
        weights = np.exp(k[: i + 1] @ q[i] / math.sqrt(K))
        out[i] = weights @ v[: i + 1] / weights.sum() @ get("W_O")
    return out


def logits(state, norm, mlp=True, rotary=False):
    """Its forward pass, one head at a time."""
    rows = []
    gains = lambda name: (state.get(f"{name}.w", 1.0), state.get(f"{name}.b", 0.0))
    each = lambda x, name: np.array([normed(row, norm, *gains(name)) for row in x])
    for tokens in TOKENS:
        x = state["embed.W_E"][tokens] + (0 if rotary else state["pos_embed.W_pos"])
        for i in range(DEPTH):
            at = f"blocks.{i}."
            seen = each(x, f"{at}ln1")
            x = x + sum(head(state, f"{at}attn.", h, seen, rotary) for h in range(H))
            x = x + state[f"{at}attn.b_O"]
            if mlp:
                pre = each(x, f"{at}ln2") @ state[f"{at}mlp.W_in"] + state[f"{at}mlp.b_in"]
                x = x + np.maximum(pre, 0) @ state[f"{at}mlp.W_out"] + state[f"{at}mlp.b_out"]
        rows.append(each(x, "ln_final") @ state["unembed.W_U"] + state["unembed.b_U"])
    return np.array(rows)


def said(model, params):
    """The logits of what was read, by the slow oracle of a transformer."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    return forward(model, params, TOKENS)["final/logits"]


@pytest.mark.parametrize(
    ("norm", "mlp", "rotary"),
    [
        ("LN", True, False),
        ("RMS", True, True),
        ("LN", False, False),
        ("None", False, False),
        ("LNPre", True, False),
        ("RMSPre", False, True),
        ("None", True, True),
    ],
)
def test_logits_are_those_of_the_source(norm, mlp, rotary):
    state, (_, kind, given) = hooked(norm, mlp, rotary), NORMS[norm]
    model, params = from_state_dict(state, heads=H, activation="relu", norm=given)
    assert (model.norm, model.hidden, model.n_out) == (kind, F if mlp else 0, O)
    assert model.unembed_bias and (model.positions == "rope") == rotary
    np.testing.assert_allclose(said(model, params), logits(state, norm, mlp, rotary), atol=1e-5)
    back = to_state_dict(model, params, "lens")
    for name in set(state) & set(back):
        np.testing.assert_allclose(back[name], state[name], rtol=1e-6, atol=1e-7)
    assert {name.split(".")[-1] for name in set(state) - set(back)} == {"mask", "IGNORE"}
    assert all(".ln" in f".{name}" for name in set(back) - set(state))  # those that were folded


def test_a_bias_of_zeros_is_none_and_heads_stay_apart():
    state = {n.removeprefix("state."): a for n, a in HOOKED.items() if n.startswith("state.")}
    model, params = from_state_dict(state, heads=2)
    assert not model.unembed_bias and set(params["unembed"]) == {"kernel"}
    back = to_state_dict(model, params, "lens")
    assert back["blocks.1.attn.W_Q"].shape == (2, 16, 8) and not back["unembed.b_U"].any()
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)


def test_a_network_without_biases_or_gains_is_written():
    model = Transformer(V, L, D, DEPTH, H, n_out=O, positions="rope", hidden=F)
    params = model.init(jax.random.key(0))
    state = to_state_dict(model, params, "lens")
    want = logits(state, "None", rotary=True)
    np.testing.assert_allclose(said(model, params), want, atol=1e-5)


WRONG = {
    r"W_Q is \(2, 8, 4\), not \(4, 8, 4\); give heads=2": (lambda s: s, {"heads": 4}),
    r"W_K is \(2, 8, 3\), not \(2, 8, 4\)": (
        lambda s: s | {"blocks.1.attn.W_K": draw(H, D, 3)},
        {},
    ),
    r"norm = 'rms', but the weights are those of 'layer'": (lambda s: s, {"norm": "rms"}),
    r"look alike; give norm='layer' \(LNPre\)": (lambda s: hooked("None"), {}),
    r"nothing reads 'blocks\.0\.ln1\.b'.* and 1 more in the layout lens": (
        lambda s: {n: a for n, a in s.items() if n != "ln_final.b"},
        {},
    ),
    r"nothing reads 'blocks\.0\.mlp\.W_gate'": (
        lambda s: s | {"blocks.0.mlp.W_gate": draw(D, F)},
        {},
    ),
    r"no weight 'blocks\.1\.mlp\.W_in'": (
        lambda s: {n: a for n, a in s.items() if n != "blocks.1.mlp.W_in"},
        {},
    ),
    r"rotary_sin is another rotation than a Transformer's": (
        lambda s: s | {f"blocks.1.attn.{n}": t for n, t in tables(base=5_000.0).items()},
        {},
    ),
    r"rotary_sin is (another) rotation": (
        lambda s: s | {f"blocks.0.attn.{n}": t for n, t in tables(adjacent=True).items()},
        {},
    ),
    r"rotary_sin is another (rotation)": (
        lambda s: s | {f"blocks.0.attn.{n}": t for n, t in tables(k=2).items()},
        {},
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_named(message):
    change, settings = WRONG[message]
    state = hooked("RMS", rotary=True) if "rotary" in message else hooked("LN")
    with pytest.raises(ToylabError, match=message):
        from_state_dict(change(state), **{"heads": H} | settings)
