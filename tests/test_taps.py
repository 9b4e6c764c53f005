"""Taps: recording and editing, against NumPy and against edited weights."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models import MLP, Transformer
from toylab.taps import Edit, identity, run, select_sites, site_hint

BLOCK = Transformer(vocab=7, length=5, width=8, depth=2, heads=2, hidden=6, norm="rms", biases=True)
BARE = dataclasses.replace(BLOCK, hidden=0, norm="none", depth=1, biases=False)
DENSE = MLP(sizes=(4, 6, 5, 3))
MODELS = {"block": BLOCK, "attention only": BARE, "mlp": DENSE}


def draw(model, seed=0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    value = lambda s: jnp.asarray(0.5 * rng.standard_normal(s.shape), jnp.float32)
    return jax.tree.map(value, shapes)


def inputs(model):
    rng = np.random.default_rng(1)
    if isinstance(model, MLP):
        return jnp.asarray(rng.standard_normal((3, 4)), jnp.float32)
    return jnp.asarray(rng.integers(model.vocab, size=(3, 5)), jnp.int32)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_sites_are_unique_and_tapped_in_the_stated_order(model):
    tapped = []

    def tap(name, value):
        tapped.append(name)
        return value

    jax.eval_shape(lambda p: model.apply(p, inputs(model), tap), draw(model))
    assert tuple(tapped) == model.sites
    assert len(set(tapped)) == len(tapped)


def test_the_grammar_of_sites():
    attn = [f"attn/{s}" for s in ("q", "k", "v", "scores", "pattern", "z", "out")]
    mlp = ["mlp/pre", "mlp/post", "mlp/out"]
    block = ["resid_pre", *attn, "resid_mid", *mlp, "resid_post"]
    blocks = [f"blocks/{i}/{s}" for i in (0, 1) for s in block]
    assert BLOCK.sites == ("embed", *blocks, "final/norm", "final/logits")
    assert BARE.sites == tuple(
        s for s in BLOCK.sites if not s.startswith("blocks/1") and "mlp" not in s
    )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_setting_every_site_to_its_own_value_changes_no_bit(model):
    """Eager, so that both runs are the same operations and must agree bit for bit."""
    params, x = draw(model), inputs(model)
    plain = model.apply(params, x)
    out, acts = run(model, params, x, record=("*",))
    np.testing.assert_array_equal(plain, model.apply(params, x, identity))
    np.testing.assert_array_equal(plain, out)
    for op in ("set", "patch"):
        edits = [Edit(site, op, value) for site, value in acts.items()]
        same, again = run(model, params, x, record=("*",), edits=edits)
        np.testing.assert_array_equal(plain, same)
        for site in model.sites:
            np.testing.assert_array_equal(acts[site], again[site])


def test_every_site_reaches_the_output():
    """A site that is recorded but not used would make every edit there a silent no-op."""
    params, x = draw(BLOCK), inputs(BLOCK)
    _, shapes = jax.eval_shape(lambda p: run(BLOCK, p, x, record=("*",)), params)
    shift = {s: jnp.zeros(a.shape, a.dtype) for s, a in shapes.items()}

    def total(shift):
        out = BLOCK.apply(params, x, lambda site, value: value + shift[site])
        return jnp.sum(out**2)

    grads = jax.jit(jax.grad(total))(shift)
    for site in BLOCK.sites:
        assert np.any(np.asarray(grads[site]) != 0), site


def test_ablating_a_head_equals_zeroing_its_output_weights():
    params, x = draw(BLOCK), inputs(BLOCK)
    mask = jnp.asarray([False, True])[None, None, :, None]
    edit = Edit("blocks/0/attn/z", "set", 0.0, mask)
    edited, _ = run(BLOCK, params, x, edits=(edit,))
    plain = BLOCK.apply(params, x)
    attn = params["blocks"]["0"]["attn"]
    attn["w_o"] = attn["w_o"].at[1].set(0)
    np.testing.assert_array_equal(edited, BLOCK.apply(params, x))
    assert np.abs(np.asarray(edited - plain)).max() > 1e-2


def test_an_edit_comes_before_the_record_and_in_the_given_order():
    params, x = draw(DENSE), inputs(DENSE)
    edits = (Edit("layers/0/post", "add", 1.0), Edit("layers/0/post", "scale", 2.0))
    _, plain = run(DENSE, params, x, record=("layers/0/post",))
    _, acts = run(DENSE, params, x, record=("layers/0/*",), edits=edits)
    np.testing.assert_allclose(
        acts["layers/0/post"], 2 * (np.asarray(plain["layers/0/post"]) + 1), rtol=1e-6
    )


def test_patching_the_whole_residual_stream_moves_the_output_to_the_other_run():
    params, x = draw(BLOCK), inputs(BLOCK)
    other = (x + 1) % BLOCK.vocab
    expected, acts = run(BLOCK, params, other, record=("blocks/0/resid_post",))
    edit = Edit("blocks/0/resid_post", "patch", acts["blocks/0/resid_post"])
    patched, _ = run(BLOCK, params, x, edits=(edit,))
    np.testing.assert_array_equal(patched, expected)
    assert not np.allclose(BLOCK.apply(params, x), expected)


def test_record_takes_patterns_and_keeps_the_models_order():
    assert select_sites(BLOCK, ("blocks/*/resid_post", "embed")) == (
        "embed",
        "blocks/0/resid_post",
        "blocks/1/resid_post",
    )
    assert select_sites(BLOCK, ()) == ()
    assert len(select_sites(BLOCK, ("blocks/1/attn/*",))) == 7
    _, acts = run(DENSE, draw(DENSE), inputs(DENSE), record=("layers/?/pre",))
    assert set(acts) == {"layers/0/pre", "layers/1/pre"}


def test_an_unknown_site_offers_near_names():
    params, x = draw(DENSE), inputs(DENSE)
    with pytest.raises(ToylabError, match=r"'layers/0/prr'.*did you mean 'layers/0/pre'"):
        run(DENSE, params, x, record=("layers/0/prr",))
    with pytest.raises(ToylabError, match=r"'logit'.*did you mean 'logits'"):
        run(DENSE, params, x, edits=(Edit("logit", "set", 0.0),))
    with pytest.raises(ToylabError, match=r"'zzz\*'.*known:"):
        run(DENSE, params, x, record=("zzz*",))


def test_an_unknown_operation_and_a_misshaped_patch_are_refused():
    with pytest.raises(ToylabError, match="did you mean 'scale'"):
        Edit("logits", "scal", 1.0)
    with pytest.raises(ToylabError, match=r"patch of shape \(2, 3\)"):
        run(DENSE, draw(DENSE), inputs(DENSE), edits=(Edit("logits", "patch", np.ones((2, 3))),))
    for wrong in (
        Edit("logits", "add", np.ones(5)),
        Edit("logits", "set", 0.0, np.ones((1, 3, 3))),
    ):
        with pytest.raises(ToylabError, match=r"does not broadcast to the activation's \(3, 3\)"):
            run(DENSE, draw(DENSE), inputs(DENSE), edits=(wrong,))


X = np.random.default_rng(5).standard_normal((2, 3, 4)).astype(np.float32)
V = np.asarray([0.5, -1.0, 2.0, 0.25], np.float32)
EXPECTED = {
    "set": np.broadcast_to(V, X.shape),
    "add": X + V,
    "scale": X * V,
    "project_out": X @ (np.eye(4) - np.outer(V, V) / (V @ V)),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("op", EXPECTED)
def test_each_operation_agrees_with_numpy(op, masked):
    where = np.asarray([True, False, True])[None, :, None] if masked else None
    got = Edit("site", op, jnp.asarray(V), where)(jnp.asarray(X))
    expected = np.where(where, EXPECTED[op], X) if masked else EXPECTED[op]
    assert got.dtype == jnp.float32 and got.shape == X.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_a_patch_replaces_where_its_mask_says():
    other = X[::-1].copy()
    where = X > 0
    got = Edit("site", "patch", other, where)(jnp.asarray(X))
    np.testing.assert_array_equal(got, np.where(where, other, X))


def test_project_out_leaves_nothing_along_the_direction():
    got = np.asarray(Edit("site", "project_out", jnp.asarray(V))(jnp.asarray(X)))
    np.testing.assert_allclose(got @ V, 0, atol=1e-6)


def test_an_edit_vmaps_over_its_value():
    params, x = draw(DENSE), inputs(DENSE)
    edits = Edit("layers/0/post", "add", jnp.asarray([0.0, 1.0, -2.0], jnp.float32))
    assert len(jax.tree.leaves(edits)) == 1
    outputs = jax.jit(jax.vmap(lambda edit: run(DENSE, params, x, edits=(edit,))[0]))(edits)
    assert outputs.shape == (3, 3, 3)
    for value, out in zip((0.0, 1.0, -2.0), outputs, strict=True):
        alone, _ = run(DENSE, params, x, edits=(Edit("layers/0/post", "add", value),))
        np.testing.assert_allclose(out, alone, rtol=0, atol=1e-5)
    assert not np.allclose(outputs[0], outputs[1])


def test_nothing_recorded_costs_nothing():
    """The compiled program without a record is the same as that of a bare apply."""
    params, x = draw(DENSE), inputs(DENSE)
    cost = lambda f: jax.jit(f).lower(params, x).compile().cost_analysis()["flops"]
    assert cost(lambda p, x: run(DENSE, p, x)[0]) == cost(DENSE.apply)


def test_transformer_lens_names_are_translated():
    theirs = {
        "blocks.1.hook_resid_pre": "blocks/1/resid_pre",
        "blocks.0.attn.hook_z": "blocks/0/attn/z",
        "blocks.0.attn.hook_attn_scores": "blocks/0/attn/scores",
        "blocks.0.hook_attn_out": "blocks/0/attn/out",
        "blocks.1.mlp.hook_post": "blocks/1/mlp/post",
        "blocks.1.hook_mlp_out": "blocks/1/mlp/out",
        "ln_final.hook_normalized": "final/norm",
        "hook_embed": "embed",
        "blocks.*.hook_resid_post": "blocks/*/resid_post",
        "blocks.*.attn.hook_*": "blocks/*/attn/*",
    }
    for name, ours in theirs.items():
        told = re.escape(f"Unknown site {name!r}: {ours!r} here")
        with pytest.raises(ToylabError, match=told):
            select_sites(BLOCK, [name])
    assert select_sites(BLOCK, ["blocks/*/resid_post"]) == select_sites(BLOCK, ["*/resid_post"])
    near = {
        "hook_pos_embed": "embed",
        "blocks.1.ln1.hook_normalized": "blocks/1/resid_pre",
        "blocks.*.ln2.hook_scale": "blocks/*/resid_mid",
        "ln_final.hook_scale": "final/norm",
        "blocks.0.hook_q_input": "blocks/0/resid_pre",
        "blocks.0.hook_mlp_in": "blocks/0/resid_mid",
        "blocks.0.attn.hook_result": "blocks/0/attn/z",
        "blocks.0.attn.hook_rot_k": "blocks/0/attn/q",
    }
    for name, ours in near.items():
        assert site_hint(name, BLOCK.sites).startswith(f"it has no site here; nearest is {ours!r}")
    with pytest.raises(ToylabError, match="2 sites from 'blocks/0/resid_post' on"):
        run(
            BLOCK, draw(BLOCK), inputs(BLOCK), edits=(Edit("blocks.*.hook_resid_post", "set", 0.0),)
        )


def test_inputs_may_be_a_list():
    model = Transformer(vocab=5, length=3, width=4, depth=1, heads=2)
    params, tokens = model.init(jax.random.key(0)), [[0, 1, 2], [4, 3, 0]]
    np.testing.assert_array_equal(
        run(model, params, tokens)[0], run(model, params, jnp.asarray(tokens))[0]
    )
