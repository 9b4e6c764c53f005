"""A metric of the last position needs no other of the last block: the same numbers, less work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.analysis.circuits.conftest import CORRUPT, KINDS, TOKENS, build
from toylab.analysis.circuits import (
    attribution_patching,
    edge_attribution,
    edge_effects,
    layer_by_head,
    layer_by_position,
    log_probability,
    logit_difference,
    patch_effects,
)
from toylab.analysis.circuits.metrics import as_metric, asks_last
from toylab.change import Target

METRIC = logit_difference(TOKENS[:, 0], (TOKENS[:, 0] + 1) % 7)
UNKNOWN = lambda logits: METRIC(logits)  # the same, of which nothing is known
PAIR = TOKENS, CORRUPT


def test_metrics_that_ask_for_the_last_position_are_known():
    assert asks_last(METRIC) and asks_last(log_probability(TOKENS[:, 0]))
    assert not asks_last(logit_difference(TOKENS[:, 0], position=2))
    assert not asks_last(as_metric(UNKNOWN))


@pytest.mark.parametrize("call", [edge_attribution, edge_effects])
def test_edges_are_those_of_the_whole_run(call):
    kind = "rms, gated, rope" if call is edge_attribution else "layer norm, biases, MLP"
    model, params = build(**KINDS[kind])
    found, wanted = (call(model, params, *PAIR, metric) for metric in (METRIC, UNKNOWN))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("what", ["attn/v", "heads"])
def test_grids_are_those_of_the_whole_run(what, normed):
    model, params = normed
    grid = layer_by_head(model) if what == "heads" else layer_by_position(model, 6, what)
    found, wanted = (patch_effects(model, params, *PAIR, m, grid) for m in (METRIC, UNKNOWN))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert found.shape == ((2, 2) if what == "heads" else (2, 6))


def test_first_order_keeps_every_position(normed):
    model, params = normed
    sites = ("blocks/0/mlp/post", "blocks/1/attn/k")
    score = lambda metric: attribution_patching(model, params, *PAIR, metric, sites)
    found, wanted = score(METRIC), score(UNKNOWN)
    for site in sites:
        np.testing.assert_allclose(found[site], wanted[site], rtol=1e-4, atol=1e-5)
    later = attribution_patching(model, params, *PAIR, METRIC, ("blocks/1/attn/z",))
    assert later["blocks/1/attn/z"].shape == (6, 2)


def test_a_population_is_its_members_and_may_be_traced():
    model, params = build()
    three = jax.tree.map(lambda leaf: jnp.stack([leaf, 1.1 * leaf, 0.9 * leaf]), params)
    found = edge_attribution(model, three, *PAIR, METRIC)
    for i in range(3):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], three)
        wanted = edge_attribution(model, own, *PAIR, METRIC)
        np.testing.assert_allclose(found[i], wanted, rtol=1e-4, atol=1e-5)
    traced = jax.jit(lambda p: edge_attribution(model, p, *PAIR, METRIC))(three)
    np.testing.assert_allclose(traced, found, rtol=1e-4, atol=1e-5)


def test_a_target_of_another_position_of_the_last_block_reads_all():
    model, params = build(hidden=12)
    grid = [[Target("blocks/1/mlp/out", ((1, (2,)),))]]
    found = patch_effects(model, params, *PAIR, METRIC, grid)
    np.testing.assert_allclose(found, 0, atol=1e-6)  # after its own logits, before no other's
