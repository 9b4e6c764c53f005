"""Grids of patches: gates in closed form, and what must be 0 or 1 exactly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.analysis.circuits.conftest import CORRUPT, TOKENS, build, logits
from toylab.analysis.circuits import (
    attribution_patching,
    causal_tracing,
    layer_by_head,
    layer_by_position,
    log_probability,
    logit_difference,
    patch_effects,
)
from toylab.change import Target
from toylab.errors import ToylabError
from toylab.taps import identity, run

METRIC = logit_difference(TOKENS[:, 0], (TOKENS[:, 0] + 1) % 7)


@dataclasses.dataclass(frozen=True)
class Gate:
    """Two inputs of 0 or 1 and a gate."""

    kind: str
    sites = ("left", "right")

    def init(self, key):
        """One weight of 1, which nothing depends on."""
        return {"w": jnp.ones(1)}

    def apply(self, params, inputs, tap=identity):
        """The gate's output, (B, 1)."""
        left, right = tap("left", inputs[:, :1]), tap("right", inputs[:, 1:])
        both = left * right
        return params["w"][None] * (both if self.kind == "and" else left + right - both)


@pytest.mark.parametrize(
    ("kind", "direction", "share"),
    [("and", "noising", 1), ("and", "denoising", 0), ("or", "noising", 0), ("or", "denoising", 1)],
)
def test_gates_tell_noising_from_denoising(kind, direction, share):
    model = Gate(kind)
    params = model.init(jax.random.key(0))
    clean, corrupt = jnp.ones((1, 2)), jnp.zeros((1, 2))
    grid = [[Target("left"), Target("right")]]
    found = patch_effects(model, params, clean, corrupt, lambda out: out[:, 0], grid, direction)
    np.testing.assert_array_equal(found, [[share, share]])


@pytest.mark.parametrize("direction", ["noising", "denoising"])
def test_the_whole_first_layer_carries_everything(normed, direction):
    model, params = normed
    grid = [[Target("blocks/0/resid_pre"), Target("blocks/0/attn/out")]]
    args = (model, params, TOKENS, CORRUPT, METRIC, grid, direction)
    np.testing.assert_allclose(patch_effects(*args)[0, 0], 1, rtol=1e-5)
    where = patch_effects(*args[:5], layer_by_position(model, 6), direction)
    assert where.shape == (2, 6)
    assert where[0, 2] == pytest.approx(1, abs=1e-5)  # the one token that differs
    np.testing.assert_allclose(where[0, [0, 1, 3, 4, 5]], 0, atol=1e-6)
    np.testing.assert_allclose(where[1, :2], 0, atol=1e-6)  # no position sees a later one


def test_patches_are_those_of_single_runs(normed):
    model, params = normed
    grid = layer_by_head(model)
    found = patch_effects(model, params, TOKENS, CORRUPT, METRIC, grid)
    _, clean = run(model, params, TOKENS, ("blocks/*/attn/z",))
    gap = [float(METRIC(logits(model, params, x)).mean()) for x in (CORRUPT, TOKENS)]
    for i, row in enumerate(grid):
        for h, _ in enumerate(row):
            site = f"blocks/{i}/attn/z"

            def tap(name, value, site=site, h=h):
                return value.at[:, :, h].set(clean[site][:, :, h]) if name == site else value

            m = float(METRIC(model.apply(params, CORRUPT, tap)).mean())
            want = (m - gap[0]) / (gap[1] - gap[0])
            assert found[i, h] == pytest.approx(want, abs=2e-5)


def test_every_member_has_its_own_gap():
    model, params = build(norm="rms")
    flat = jax.tree.map(jnp.zeros_like, params)
    both = jax.tree.map(lambda a, b: jnp.stack([a, b]), params, flat)
    found = patch_effects(model, both, TOKENS, CORRUPT, METRIC, layer_by_head(model))
    one = patch_effects(model, params, TOKENS, CORRUPT, METRIC, layer_by_head(model))
    np.testing.assert_allclose(found[0], one, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[1]).all()


def test_first_order_is_exact_where_the_network_is_linear():
    model, params = build(attention_mix=0.0)  # attention is constant
    sites = ("blocks/1/resid_pre", "blocks/0/attn/z")
    found = attribution_patching(model, params, TOKENS, CORRUPT, METRIC, sites)
    gap = float((METRIC(logits(model, params, CORRUPT)) - METRIC(logits(model, params))).mean())
    grid = layer_by_position(model, 6)
    exact = patch_effects(model, params, TOKENS, CORRUPT, METRIC, grid, "noising")
    np.testing.assert_allclose(found[sites[0]], exact[1] * gap, rtol=1e-4, atol=1e-5)
    heads = patch_effects(model, params, TOKENS, CORRUPT, METRIC, layer_by_head(model), "noising")
    np.testing.assert_allclose(found[sites[1]].sum(0), heads[0] * gap, rtol=1e-4, atol=1e-5)


def test_causal_tracing_restores_what_it_blurred():
    model, params = build(norm="rms", hidden=12)
    grid = layer_by_position(model, 6)
    key = jax.random.key(0)
    found = causal_tracing(model, params, TOKENS, 2, 3.0, METRIC, grid, key)
    assert found[0, 2] == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found[0, [0, 1, 3, 4, 5]], 0, atol=1e-6)
    blur = 3.0 * jax.random.normal(key, (*TOKENS.shape, model.width))[:, 2]
    _, clean = run(model, params, TOKENS, ("blocks/1/resid_pre",))

    def blurred(restored):
        def tap(name, value):
            if name == "embed":
                return value.at[:, 2].add(blur)
            here = name == "blocks/1/resid_pre" and restored is not None
            return value.at[:, restored].set(clean[name][:, restored]) if here else value

        return float(METRIC(model.apply(params, TOKENS, tap)).mean())

    low, high = blurred(None), float(METRIC(logits(model, params)).mean())
    want = [(blurred(place) - low) / (high - low) for place in range(6)]
    np.testing.assert_allclose(found[1], want, rtol=1e-3, atol=1e-4)


def test_metrics_are_what_they_say():
    out = jax.random.normal(jax.random.key(0), (3, 6, 7))
    rows, answer = np.arange(3), np.asarray(TOKENS[:, 0])
    last = np.asarray(out)[:, -1]
    other = (answer + 1) % 7
    np.testing.assert_allclose(METRIC(out), last[rows, answer] - last[rows, other], rtol=1e-5)
    log_p = last[rows, answer] - np.log(np.exp(last.astype(float)).sum(-1))
    np.testing.assert_allclose(log_probability(answer)(out), log_p, rtol=1e-5)
    np.testing.assert_allclose(
        logit_difference(answer, position=2)(out),
        np.asarray(out)[rows, 2, answer] - np.asarray(out)[:, 2].mean(-1),
        rtol=1e-4,
    )


def test_what_cannot_be_patched_is_refused():
    model, params = build()
    grid = layer_by_head(model)
    with pytest.raises(ToylabError, match="patching needs pairs of one shape"):
        patch_effects(model, params, TOKENS, CORRUPT[:, :5], METRIC, grid)
    with pytest.raises(ToylabError, match="the same in the clean and the corrupt run"):
        patch_effects(model, params, TOKENS, CORRUPT, lambda out: 0 * out[:, -1, 0], grid)
    with pytest.raises(ToylabError, match="direction 'both'; give denoising or noising"):
        patch_effects(model, params, TOKENS, CORRUPT, METRIC, grid, "both")  # type: ignore
    with pytest.raises(ToylabError, match=r"Unknown site 'blocks/0/mlp/out'"):
        layer_by_position(model, 6, "mlp/out")
    with pytest.raises(ToylabError, match="give a token id per example"):
        logit_difference(jnp.ones((2, 2), int))
    with pytest.raises(ToylabError, match="2 answers for 3 examples"):
        patch_effects(model, params, TOKENS, CORRUPT, logit_difference(jnp.array([1, 2])), grid)
