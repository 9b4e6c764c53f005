"""The transformer against a float64 NumPy oracle, closed forms and causality by gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles.transformer import forward
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.attention import attention_pattern, rotate
from toylab.models.products import ONE_HOT_MAX_VOCAB
from toylab.taps import Model, run

BASE = Transformer(vocab=11, length=6, width=8, depth=2, heads=2, hidden=12, norm="layer")
SMALL = dataclasses.replace(BASE, depth=1)
# Chosen so that every option is taken at least once, and with others that could hide its error.
VARIANTS = {
    "plain": dict(norm="none", depth=1),
    "layer_biases_gelu": dict(biases=True, activation="gelu"),
    "rope_rms_gated_silu": dict(positions="rope", norm="rms", gated=True, activation="silu"),
    "relu_attention": dict(attention="relu", biases=True, gated=True),
    "relu_attention_whole": dict(attention="relu", causal=False, positions="none", norm="rms"),
    "whole_rope_mix": dict(causal=False, positions="rope", attention_mix=0.3, biases=True),
    "mixed_causal": dict(attention_mix=0.6, attention="relu", n_out=3, unembed_bias=True),
    "constant_tied": dict(attention_mix=0.0, tied_unembed=True, norm="none", unembed_bias=True),
    "attention_only_wide_heads": dict(hidden=0, head_dim=6, heads=3, n_out=4, init_scale=1.5),
    "large_vocab": dict(vocab=ONE_HOT_MAX_VOCAB + 1, n_out=5, depth=1),
}


def variant(name):
    return dataclasses.replace(BASE, **VARIANTS[name])


def draw(model, seed=0):
    """Parameters far from their start, so that biases and gains count; NumPy is quick to draw."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    value = lambda s: (s.ndim == 1) + 0.5 * rng.standard_normal(s.shape)
    return jax.tree.map(lambda s: jnp.asarray(value(s), jnp.float32), shapes)


def tokens(model, batch=3, length=None):
    shape = (batch, length or model.length)
    return jnp.asarray(np.random.default_rng(9).integers(model.vocab, size=shape), jnp.int32)


def record(model, params, inputs, *sites):
    return jax.jit(lambda p, x: run(model, p, x, record=sites))(params, inputs)


def as_float64(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_site_agrees_with_the_oracle(name):
    model = variant(name)
    params, inputs = draw(model), tokens(model)
    out, acts = record(model, params, inputs, "*")
    expected = forward(model, as_float64(params), inputs)
    assert set(acts) == set(expected)
    for site, value in expected.items():
        assert acts[site].dtype == jnp.float32
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(acts[site], value, rtol=0, atol=1e-5 * scale, err_msg=site)
    np.testing.assert_array_equal(out, acts["final/logits"])


def reach(model, params, x):
    """Largest |d logits[position i] / d embed[position j]|, a matrix (L, L)."""

    def logits(shift_LD):
        embed = lambda site, v: v + shift_LD[None] if site == "embed" else v
        return model.apply(params, x[:1], embed)[0]

    jac_LVLD = jax.jit(jax.jacobian(logits))(jnp.zeros((x.shape[1], model.width), jnp.float32))
    return np.abs(jac_LVLD).max((1, 3))


@pytest.mark.parametrize("name", ["plain", "rope_rms_gated_silu", "relu_attention"])
def test_future_positions_have_exactly_zero_gradient(name):
    model = variant(name)
    reached = reach(model, draw(model), tokens(model))
    assert np.all(np.triu(reached, 1) == 0)
    assert np.all(reached[np.diag_indices(model.length)] > 0) and reached[-1, 0] > 0


def test_without_a_causal_mask_the_future_is_seen():
    model = dataclasses.replace(SMALL, causal=False)
    assert np.all(reach(model, draw(model), tokens(model)) > 0)


def test_jit_agrees_with_eager_and_gradients_are_finite():
    model = dataclasses.replace(variant("rope_rms_gated_silu"), depth=1)
    params, inputs = draw(model), tokens(model)
    eager, jitted = model.apply(params, inputs), jax.jit(model.apply)(params, inputs)
    scale = max(1.0, np.abs(eager).max())
    np.testing.assert_allclose(eager, jitted, rtol=0, atol=1e-5 * scale)
    grads = jax.jit(jax.grad(lambda p: jnp.mean(model.apply(p, inputs) ** 2)))(params)
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    for leaf in jax.tree.leaves(grads):
        assert np.all(np.isfinite(leaf)) and np.any(leaf != 0)


def test_rope_scores_depend_on_the_distance_only(key):
    q, k = jax.random.normal(key, (2, 6), jnp.float32)
    at_every_position = lambda v: rotate(jnp.broadcast_to(v, (1, 9, 1, 6)))[0, :, 0]
    scores = np.asarray(at_every_position(q) @ at_every_position(k).T)
    # Closed form: Re sum_j q_j conj(k_j) exp(i (l - m) theta_j), with complex pairs.
    pair = lambda v: np.asarray(v[:3], complex) + 1j * np.asarray(v[3:])
    theta = 10_000.0 ** (-np.arange(3) / 3)
    distance = np.arange(9)[:, None] - np.arange(9)
    turn = np.exp(1j * distance[..., None] * theta)
    np.testing.assert_allclose(scores, (pair(q) * pair(k).conj() * turn).real.sum(-1), atol=1e-5)
    np.testing.assert_allclose(scores[1:, 1:], scores[:-1, :-1], atol=1e-5)


def test_rope_is_left_out_of_the_recorded_queries():
    rope = dataclasses.replace(SMALL, positions="rope")
    params, x = draw(rope), jnp.full((1, 6), 4, jnp.int32)
    _, acts = record(rope, params, x, "blocks/0/attn/*")
    q, scores = acts["blocks/0/attn/q"], acts["blocks/0/attn/scores"]
    np.testing.assert_array_equal(q, jnp.broadcast_to(q[:, :1], q.shape))
    assert np.ptp(np.asarray(scores[0, 0, -1])) > 1e-2


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_uniform_when_queries_are_zero(causal):
    model = dataclasses.replace(SMALL, causal=causal)
    params = draw(model)
    params["blocks"]["0"]["attn"]["w_q"] *= 0
    _, acts = record(model, params, tokens(model), "blocks/0/attn/pattern")
    seen = np.tril(np.ones((6, 6))) if causal else np.ones((6, 6))
    uniform = np.broadcast_to(seen / seen.sum(-1, keepdims=True), (3, 2, 6, 6))
    np.testing.assert_allclose(acts["blocks/0/attn/pattern"], uniform, atol=1e-7)


def test_extreme_scores_give_a_one_hot_pattern_and_finite_gradients():
    scores = jnp.asarray(np.diag([1e4] * 3)[None, None], jnp.float32)
    weigh = lambda s: attention_pattern(s, jnp.asarray(np.tri(3), bool))
    pattern, back = jax.jit(lambda s: (weigh(s), jax.grad(lambda s: jnp.sum(weigh(s) ** 2))(s)))(
        scores
    )
    np.testing.assert_array_equal(pattern[0, 0], np.eye(3))
    assert np.all(np.isfinite(back))


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", VARIANTS)
def test_parameter_count_has_its_closed_form(name):
    m = variant(name)
    d, hk, f, b = m.width, m.heads * m.key_dim, m.hidden, int(m.biases)
    norm = {"none": 0, "rms": d, "layer": 2 * d}[m.norm]
    attn = 4 * d * hk + b * (3 * hk + d)
    ups = 1 + int(m.gated)
    mlp = (ups + 1) * d * f + b * (ups * f + d) + norm if f else 0
    ends = d * (m.vocab + (m.positions == "learned") * m.length)
    ends += (0 if m.tied_unembed else d * m.out_dim) + m.unembed_bias * m.out_dim
    shapes = jax.eval_shape(m.init, jax.random.key(0))
    assert count(shapes) == ends + m.depth * (attn + norm + mlp) + norm


def test_parameters_are_a_plain_dict_with_string_keys(key):
    params = jax.jit(dataclasses.replace(SMALL, biases=True).init)(key)
    attn = params["blocks"]["0"]["attn"]
    assert type(params) is dict and type(attn) is dict
    assert attn["w_q"].shape == (8, 2, 4) and attn["w_o"].shape == (2, 4, 8)
    for path, leaf in jax.tree.leaves_with_path(params):
        assert all(isinstance(entry.key, str) for entry in path)
        assert isinstance(leaf, jax.Array) and leaf.dtype == jnp.float32


def test_initial_weights_have_the_stated_spread(key):
    big = Transformer(vocab=300, length=64, width=64, depth=1, heads=4, hidden=256, biases=True)
    params = jax.jit(dataclasses.replace(big, init_scale=0.5, norm="layer").init)(key)
    block = params["blocks"]["0"]
    spreads = [(block["attn"][w], 64) for w in ("w_q", "w_k", "w_v", "w_o")]
    spreads += [(block["mlp"]["up"]["kernel"], 64), (block["mlp"]["down"]["kernel"], 256)]
    spreads += [(params[e]["embedding"], 64) for e in ("embed", "positions")]
    spreads += [(params["unembed"]["kernel"], 64)]
    for weights, fan_in in spreads:
        # Five standard errors of a standard deviation estimated from that many normals.
        ratio = np.asarray(weights).std() / (0.5 / np.sqrt(fan_in))
        assert abs(ratio - 1) < 5 / np.sqrt(2 * weights.size)
    assert np.all(np.asarray(block["norm_attn"]["scale"]) == 1)
    assert not np.any(block["attn"]["b_q"])
    flat = [np.asarray(w).ravel()[:4096] for w, _ in spreads[:4]]
    assert np.abs(np.corrcoef(flat) - np.eye(4)).max() < 5 / np.sqrt(4096)


def test_numbers_may_differ_per_member_inside_vmap(key):
    inputs, mixes, scales = (
        tokens(SMALL),
        jnp.asarray([0.0, 0.4, 1.0]),
        jnp.asarray([0.5, 1.0, 2.0]),
    )

    def member(mix, scale):
        model = dataclasses.replace(SMALL, attention_mix=mix, init_scale=scale)
        return model.apply(model.init(key), inputs)

    outs = jax.jit(jax.vmap(member))(mixes, scales)
    alone = jax.jit(member)
    for out, mix, scale in zip(outs, mixes, scales, strict=True):
        np.testing.assert_allclose(out, alone(mix, scale), rtol=0, atol=1e-5)
    assert np.all(np.ptp(np.asarray(outs), axis=0) > 0)


def test_the_model_is_hashable_and_keeps_the_protocol():
    assert isinstance(BASE, Model)
    assert hash(BASE) == hash(dataclasses.replace(BASE)) and BASE == dataclasses.replace(BASE)


def test_shorter_sequences_run_and_longer_ones_are_refused():
    params, x, apply = draw(SMALL), tokens(SMALL), jax.jit(SMALL.apply)
    whole, short = apply(params, x), apply(params, x[:, :3])
    np.testing.assert_allclose(whole[:, :3], short, rtol=0, atol=1e-5)
    with pytest.raises(ToylabError, match="L <= 6"):
        SMALL.apply(params, tokens(SMALL, length=7))
    with pytest.raises(ToylabError, match=r"\(B, L\)"):
        SMALL.apply(params, x[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(vocab=0), "vocab = 0"),
        (dict(depth=1.5), "depth = 1.5"),
        (dict(hidden=-1), "hidden = -1"),
        (dict(init_scale=-1.0), "init_scale = -1.0"),
        (dict(attention_mix=1.2), "attention_mix = 1.2"),
        (dict(activation="relus"), "did you mean 'relu'"),
        (dict(positions="rotary"), "positions = 'rotary'"),
        (dict(norm="layernorm"), "did you mean 'layer'"),
        (dict(attention="linear"), "attention = 'linear'"),
        (dict(heads=3), "not a multiple of heads = 3"),
        (dict(positions="rope", head_dim=3), "even head_dim"),
        (dict(tied_unembed=True, n_out=3), "tied_unembed"),
        (dict(gated=True, hidden=0), "gated"),
    ],
)
def test_wrong_settings_are_named(change, message):
    with pytest.raises(ToylabError, match=message):
        dataclasses.replace(BASE, **change)


@pytest.mark.parametrize("name", VARIANTS)
def test_read_last_computes_the_same_at_the_last_position(name):
    """The short cut against the whole: logits, and every site where its own positions are."""
    model = variant(name)
    short = dataclasses.replace(model, read="last")
    params, inputs = draw(model), tokens(model, length=5)
    whole, acts = record(model, params, inputs, "*")
    read, last = record(short, params, inputs, "*")
    assert read.shape == (3, model.out_dim) and set(last) == set(acts)
    np.testing.assert_allclose(read, whole[:, -1], rtol=1e-5, atol=1e-5)
    for site, value in last.items():
        full = acts[site]
        axis = 2 if site.endswith(("scores", "pattern")) else 1
        if value.shape[axis] == 1:
            full = jax.lax.slice_in_dim(full, full.shape[axis] - 1, None, axis=axis)
        np.testing.assert_allclose(value, full, rtol=1e-5, atol=1e-5, err_msg=site)
    block = f"blocks/{model.depth - 1}/"
    for site in set(last) - {f"{block}{s}" for s in ("resid_pre", "attn/k", "attn/v")}:
        axis = 2 if site.endswith(("scores", "pattern")) else 1
        if site.startswith((block, "final")):
            assert last[site].shape[axis] == 1, site


def test_bfloat16_rounds_what_enters_products_inside_blocks_and_nothing_else():
    model = dataclasses.replace(BASE, norm="none", depth=1, products="bfloat16")
    params, inputs = draw(model), tokens(model)
    logits, acts = record(model, params, inputs, "*")
    assert all(value.dtype == jnp.float32 for value in acts.values())
    site = {name.removeprefix("blocks/0/"): np.asarray(v) for name, v in acts.items()}
    block = params["blocks"]["0"]
    narrow = lambda x: np.asarray(jnp.asarray(x).astype(jnp.bfloat16), np.float64)
    multiply = lambda spec, *parts: np.einsum(spec, *(narrow(p) for p in parts))
    expected = {f"attn/{n}": ("bld,dhk->blhk", "resid_pre", block["attn"][f"w_{n}"]) for n in "qkv"}
    expected |= {
        "attn/z": ("bhlm,bmhk->blhk", "attn/pattern", site["attn/v"]),
        "attn/out": ("blhk,hkd->bld", "attn/z", block["attn"]["w_o"]),
        "mlp/pre": ("bld,df->blf", "resid_mid", block["mlp"]["up"]["kernel"]),
        "mlp/out": ("blf,fd->bld", "mlp/post", block["mlp"]["down"]["kernel"]),
    }
    for name, (spec, source, other) in expected.items():
        wanted = multiply(spec, site[source], other)
        np.testing.assert_allclose(site[name], wanted, rtol=1e-5, atol=1e-5, err_msg=name)
    scores = multiply("blhk,bmhk->bhlm", site["attn/q"], site["attn/k"]) / np.sqrt(model.key_dim)
    np.testing.assert_allclose(site["attn/scores"], scores, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(site["resid_mid"], site["resid_pre"] + site["attn/out"])
    whole = site["final/norm"].astype(float) @ np.asarray(params["unembed"]["kernel"], float)
    np.testing.assert_allclose(logits, whole, rtol=1e-5, atol=1e-5)
    exact, _ = record(dataclasses.replace(model, products="float32"), params, inputs)
    assert 1e-3 < np.abs(logits - exact).max() < 0.05 * np.abs(exact).max()
