"""Path patching against three runs by hand, with edits at the sites of the model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.analysis.circuits.conftest import CORRUPT, TOKENS, build, logits
from toylab.analysis.circuits import Edges, edge_effects, logit_difference, path_effects
from toylab.errors import ToylabError
from toylab.taps import Edit, run

METRIC = logit_difference(TOKENS[:, 0], (TOKENS[:, 0] + 1) % 7)
WAYS = ("frozen", "recomputed")


def by_hand(model, params, sender: int, receiver: str, mlps: str) -> float:
    """From a head of block 0 to query, key or value of head 1 of block 1, or to the end."""
    kinds = ("attn/z", "mlp/out") if model.hidden else ("attn/z",)
    sites = [f"blocks/{i}/{kind}" for i in (0, 1) for kind in kinds]
    (_, clean), (_, corrupt) = (run(model, params, x, tuple(sites)) for x in (TOKENS, CORRUPT))
    first, own = "blocks/0/attn/z", f"blocks/1/attn/{receiver}"
    held = [site for site in sites if site.endswith("z") or mlps == "frozen"]
    edits = [Edit(site, "set", clean[site]) for site in held if site != first]
    z = clean[first].at[:, :, sender].set(corrupt[first][:, :, sender])
    ends = receiver == "logits"
    third, acts = run(
        model, params, TOKENS, () if ends else (own,), [Edit(first, "set", z), *edits]
    )
    if not ends:
        only = jnp.arange(2)[None, None, :, None] == 1
        third, _ = run(model, params, TOKENS, (), [Edit(own, "set", acts[own], only)])
    return float((METRIC(third) - METRIC(logits(model, params))).mean())


@pytest.mark.parametrize("mlps", WAYS)
def test_a_path_is_three_runs(normed, mlps):
    model, params = normed
    receivers = ("q", "k", "v", "logits")
    ends = ["a1.h1<q>", "a1.h1<k>", "a1.h1<v>", "logits"]
    paths = [(f"a0.h{head}", end) for head in (0, 1) for end in ends]
    found = path_effects(model, params, TOKENS, CORRUPT, METRIC, paths, mlps)
    expected = [by_hand(model, params, h, r, mlps) for h in (0, 1) for r in receivers]
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_with_frozen_mlps_a_path_is_an_edge(network):
    model, params = network
    edges = Edges.of(model)
    pairs = [("embed", "a0.h1<v>"), ("a0.h0", "a1.h1<k>"), ("a1.h1", "logits"), ("embed", "logits")]
    found = path_effects(model, params, TOKENS, CORRUPT, METRIC, pairs, "frozen")
    masks = np.stack([edges.mask([pair]) for pair in pairs])
    one = edge_effects(model, params, TOKENS, CORRUPT, METRIC, masks)
    np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


def test_mlps_between_make_the_difference(normed):
    model, params = normed
    ways = [
        path_effects(model, params, TOKENS, CORRUPT, METRIC, [("a0.h0", "a1.h1")], way)
        for way in WAYS
    ]
    assert abs(float(ways[0][0] - ways[1][0])) > 1e-3
    plain, weights = build()
    ways = [
        path_effects(plain, weights, TOKENS, CORRUPT, METRIC, [("a0.h0", "a1.h1")], way)
        for way in WAYS
    ]
    np.testing.assert_array_equal(*ways)


def test_a_population_is_its_members(normed):
    model, params = normed
    other = jax.tree.map(lambda leaf: 0.5 * leaf, params)
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, other)
    paths = [("a0.h0", "m1"), ("m0", "a1.h0<q>")]
    args = (TOKENS, CORRUPT, METRIC, paths)
    alone = [path_effects(model, each, *args) for each in (params, other)]
    np.testing.assert_allclose(path_effects(model, both, *args), alone, rtol=1e-4, atol=1e-6)


def test_what_is_no_path_is_said(normed):
    model, params = normed
    go = lambda *path, **way: path_effects(model, params, TOKENS, CORRUPT, METRIC, [path], **way)
    with pytest.raises(ToylabError, match=r"did you mean 'a0\.h1'"):
        go("a0.h11", "logits")
    with pytest.raises(ToylabError, match="receiver is earlier"):
        go("a1.h0", "a0.h0<q>")
    with pytest.raises(ToylabError, match="'frozen' or"):
        go("a0.h0", "logits", mlps="thawed")
