"""The bench beside TransformerLens 3.9.0, on what ``tests/golden/hooked.py`` recorded of it."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

import toylab as tl
from toylab.analysis import circuits
from toylab.models.layouts import from_state_dict

GOLDEN = load_file(Path(__file__).parents[2] / "golden" / "hooked.safetensors")
STATE = {n.removeprefix("state."): a for n, a in GOLDEN.items() if n.startswith("state.")}
MODEL, PARAMS = from_state_dict(STATE, heads=2, activation="gelu_exact")
CLEAN, CORRUPT = jnp.asarray(GOLDEN["clean"]), jnp.asarray(GOLDEN["corrupt"])
METRIC = circuits.logit_difference(GOLDEN["answer"], GOLDEN["other"])
SITES = {"hook_embed": "", "hook_pos_embed": "", "ln_final.hook_normalized": "final/norm"}
INNER = {f"attn.hook_{name}": f"attn/{name}" for name in ("q", "k", "v", "z", "pattern")}
INNER |= {f"hook_resid_{name}": f"resid_{name}" for name in ("pre", "mid", "post")}
INNER |= {"mlp.hook_pre": "mlp/pre", "mlp.hook_post": "mlp/post"}
INNER |= {"hook_attn_out": "attn/out", "hook_mlp_out": "mlp/out"}


def close(ours, theirs, atol=2e-5):
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=2e-5, atol=atol)


def test_every_activation():
    logits, acts = tl.run(MODEL, PARAMS, CLEAN, record=("*",))
    close(logits, GOLDEN["logits"])
    for layer in range(MODEL.depth):
        for theirs, ours in INNER.items():
            close(acts[f"blocks/{layer}/{ours}"], GOLDEN[f"cache.blocks.{layer}.{theirs}"])
    close(acts["embed"], GOLDEN["cache.hook_embed"] + GOLDEN["cache.hook_pos_embed"])
    gain, bias = GOLDEN["state.ln_final.w"], GOLDEN["state.ln_final.b"]
    close(acts["final/norm"], GOLDEN["cache.ln_final.hook_normalized"] * gain + bias)


@pytest.mark.parametrize("what", ["resid_pre", "attn/out", "mlp/out", "heads"])
def test_patching_grids(what: str):
    grid = circuits.layer_by_head(MODEL)
    if what != "heads":
        grid = circuits.layer_by_position(MODEL, CLEAN.shape[1], what)
    found = circuits.patch_effects(MODEL, PARAMS, CLEAN, CORRUPT, METRIC, grid)
    close(found, GOLDEN[f"patched.{what}"], atol=1e-4)


def test_attribution_patching():
    names = {"blocks.0.hook_resid_pre": "blocks/0/resid_pre"}
    names |= {
        "blocks.1.hook_resid_pre": "blocks/1/resid_pre",
        "blocks.1.attn.hook_z": "blocks/1/attn/z",
    }
    found = circuits.attribution_patching(
        MODEL, PARAMS, CLEAN, CORRUPT, METRIC, tuple(names.values())
    )
    for theirs, ours in names.items():
        close(found[ours], GOLDEN[f"first_order.{theirs}"], atol=1e-4)


def test_direct_logit_attribution():
    """Its parts are embed, positions, then attention and MLP of each layer, biases included."""
    found = circuits.direct_logit_attribution(
        MODEL, PARAMS, CLEAN, GOLDEN["answer"], GOLDEN["other"]
    )
    ours = {name: np.asarray(share) for name, share in zip(found.names, found.shares, strict=True)}
    heads = [ours[f"a{i}.h{h}"] for i in range(2) for h in range(2)]
    close(heads, GOLDEN["attributed.heads"], atol=1e-4)
    embed, positions, *layers = GOLDEN["attributed.parts"]
    close(ours["embed"], embed + positions, atol=1e-4)
    for i in range(2):
        attention = ours[f"a{i}.h0"] + ours[f"a{i}.h1"] + ours[f"a{i}.bias"]
        close(attention, layers[2 * i], atol=1e-4)
        close(ours[f"m{i}"], layers[2 * i + 1], atol=1e-4)


def test_logit_lens():
    close(circuits.logit_lens_by_layer(MODEL, PARAMS, CLEAN).logits, GOLDEN["lens"], atol=1e-4)


@pytest.mark.parametrize("kind", ["q", "k", "v"])
def test_composition(kind: str):
    close(circuits.composition(MODEL, PARAMS, kind).scores, GOLDEN[f"composition.{kind.upper()}"])
