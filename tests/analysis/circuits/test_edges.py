"""Edges: identities of a linear network, single runs, and a circuit that was planted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import rankdata

from tests.analysis.circuits.conftest import CORRUPT, TOKENS, build, logits
from toylab.analysis.circuits import (
    Edges,
    direct_logit_attribution,
    edge_attribution,
    edge_effects,
    keep_edges,
    logit_difference,
)
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.toys.planted import PlantedInduction
from toylab.taps import Edit, run

ANSWER, OTHER = TOKENS[:, 0], (TOKENS[:, 0] + 1) % 7
METRIC = logit_difference(ANSWER, OTHER)


def whole_change(model, params):
    """The metric of the corrupt run minus that of the clean one."""
    return float((METRIC(logits(model, params, CORRUPT)) - METRIC(logits(model, params))).mean())


@pytest.mark.parametrize(("depth", "heads", "hidden"), [(1, 1, 0), (2, 3, 0), (3, 2, 4)])
def test_edges_are_counted(depth, heads, hidden):
    edges = Edges.of(Transformer(5, 4, 6, depth, heads, hidden=hidden))
    per, expected, before = heads + bool(hidden), 0, 1
    for _ in range(depth):
        expected += 3 * heads * before + (before + heads) * bool(hidden)
        before += per
    assert edges.possible.sum() == expected + before
    assert len(edges.writers) == before == edges.possible.shape[1]
    assert len(edges.readers) == edges.possible.shape[0]


def test_in_a_linear_network_first_order_is_exact_and_adds_up():
    model, params = build(attention_mix=0.0)
    scores = edge_attribution(model, params, TOKENS, CORRUPT, METRIC)
    edges = Edges.of(model)
    exact = edge_effects(model, params, TOKENS, CORRUPT, METRIC)
    np.testing.assert_allclose(np.asarray(scores)[edges.possible], exact, rtol=1e-3, atol=1e-5)
    to_logits = np.asarray(scores)[edges.readers.index("logits")].sum()
    assert to_logits == pytest.approx(whole_change(model, params), rel=1e-4)


def test_an_edge_to_the_logits_is_a_difference_of_direct_attributions():
    model, params = build(hidden=12)  # no norm: no scale that would move
    edges = Edges.of(model)
    masks = np.stack([edges.mask([(writer, "logits")]) for writer in edges.writers])
    found = edge_effects(model, params, TOKENS, CORRUPT, METRIC, masks)
    clean, corrupt = (
        direct_logit_attribution(model, params, x, ANSWER, OTHER) for x in (TOKENS, CORRUPT)
    )
    moved = (corrupt.shares - clean.shares)[:, :, -1].mean(1)
    parts = dict(zip(clean.names, np.asarray(moved), strict=True))
    np.testing.assert_allclose(found, [parts[w] for w in edges.writers], rtol=1e-4, atol=1e-5)


def test_all_edges_into_the_logits_are_the_corrupt_run(network):
    model, params = network
    edges = Edges.of(model)
    mask = edges.mask([(writer, "logits") for writer in edges.writers])
    found = edge_effects(model, params, TOKENS, CORRUPT, METRIC, mask[None])
    assert float(found[0]) == pytest.approx(whole_change(model, params), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["q", "k", "v"])
def test_an_edge_to_a_head_is_an_edit_of_its_query_key_or_value(name):
    model, params = build(biases=True)
    record = ("embed", "blocks/0/attn/z", f"blocks/1/attn/{name}")
    (_, clean), (_, corrupt) = (run(model, params, x, record) for x in (TOKENS, CORRUPT))
    z = "blocks/0/attn/z"
    w_o = params["blocks"]["0"]["attn"]["w_o"][1]
    moved = (corrupt[z] - clean[z])[:, :, 1] @ w_o  # what head 1 of layer 0 writes
    site = f"blocks/1/attn/{name}"
    w = params["blocks"]["1"]["attn"][f"w_{name}"][:, 0]
    value = clean[site].at[:, :, 0].add(moved @ w)
    changed, _ = run(model, params, TOKENS, (), [Edit(site, "set", value)])
    want = float((METRIC(changed) - METRIC(logits(model, params))).mean())
    mask = Edges.of(model).mask([("a0.h1", f"a1.h0<{name}>")])
    found = edge_effects(model, params, TOKENS, CORRUPT, METRIC, mask[None])
    assert float(found[0]) == pytest.approx(want, rel=1e-4, abs=1e-5)


def test_a_circuit_is_between_nothing_and_everything():
    model, params = build(norm="rms", hidden=12)
    edges = Edges.of(model)
    nothing = np.zeros_like(edges.possible)
    found = keep_edges(model, params, TOKENS, CORRUPT, METRIC, [edges.possible, nothing])
    np.testing.assert_allclose(found, [1, 0], atol=1e-5)


PLANTED = PlantedInduction.of()
PARAMS = PLANTED.init(jax.random.key(0))
REPEATS = jnp.array([[3, 5, 1, 0, 3], [2, 7, 4, 6, 2], [1, 0, 6, 3, 1]])
NEXT = logit_difference(REPEATS[:, 1], (REPEATS[:, 1] + 1) % 8)
CORRUPTIONS = {
    "first": (0, [6, 5, 7], {("embed", "a0.h0<v>"), ("a0.h0", "a1.h0<k>"), ("a1.h0", "logits")}),
    "last": (-1, [1, 4, 6], {("embed", "a1.h0<q>"), ("a1.h0", "logits")}),
    "next": (1, [7, 3, 2], {("embed", "a1.h0<v>"), ("a1.h0", "logits")}),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_planted_circuit_is_found(name):
    place, tokens, path = CORRUPTIONS[name]
    corrupt = REPEATS.at[:, place].set(jnp.array(tokens))
    args = (PLANTED, PARAMS, REPEATS, corrupt, NEXT)
    edges = Edges.of(PLANTED)
    found = np.asarray(edge_attribution(*args, steps=20))
    assert {(w, r) for w, r, _ in edges.top(found, len(path))} == path
    exact = np.asarray(edge_effects(*args))
    largest = np.argsort(-np.abs(exact))[:10]
    ranks = [rankdata(each[largest]) for each in (found[edges.possible], exact)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9
    kept = keep_edges(*args, [edges.mask(PLANTED.edges), edges.mask([("embed", "logits")])])
    assert kept[0] == pytest.approx(1, abs=0.05) and abs(kept[1]) < 0.05


def test_one_gradient_misses_edges_behind_a_saturated_softmax():
    place, tokens, _ = CORRUPTIONS["first"]
    corrupt = REPEATS.at[:, place].set(jnp.array(tokens))
    args = (PLANTED, PARAMS, REPEATS, corrupt, NEXT)
    edges = Edges.of(PLANTED)
    at_key = edges.readers.index("a1.h0<k>"), edges.writers.index("a0.h0")
    one, many = (np.asarray(edge_attribution(*args, steps=s))[at_key] for s in (0, 20))
    exact = float(edge_effects(*args, edges.mask([("a0.h0", "a1.h0<k>")])[None])[0])
    assert abs(one) < 0.05 * abs(exact) and many == pytest.approx(exact, rel=0.1)


def test_edges_that_are_none_are_refused():
    edges = Edges.of(PLANTED)
    with pytest.raises(ToylabError, match="Unknown part"):
        edges.mask([("a0.h9", "logits")])
    with pytest.raises(ToylabError, match="the reader is earlier"):
        edges.mask([("a1.h0", "a0.h0<q>")])
    model, params = build()
    with pytest.raises(ToylabError, match="patching needs pairs of one shape"):
        edge_attribution(model, params, TOKENS, CORRUPT[:, :4], METRIC)
    with pytest.raises(ToylabError, match=r"masks of shape \(2, 2\); give \(C, 13, 5\)"):
        edge_effects(model, params, TOKENS, CORRUPT, METRIC, np.zeros((2, 2), bool))
    with pytest.raises(ToylabError, match="k = 0 is out of range"):
        edges.top(np.zeros(edges.possible.shape), 0)
