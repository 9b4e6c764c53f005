"""The list copier against a loop over positions, and the one way that order can take."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.wired.list_copier import ListCopier
from toylab.taps import Edit, run, select_sites

RNG = np.random.default_rng(0)
DIGITS = 6
TOKENS = np.array([[i, j, 7, 6, 6] for i in range(DIGITS) for j in range(DIGITS)], np.int32)
SEEN = {1: [0], 2: [0, 1], 3: [2], 4: [2, 3]}


def by_loop(model, params, tokens):
    """The forward pass of one list, position by position."""
    x = params["embed"][tokens] + params["positions"]
    for i in range(model.depth):
        block, new = params["blocks"][str(i)], x.copy()
        for place in range(5):
            keys = SEEN.get(place, [0])
            if i == 0 and place > 2:
                continue
            score = x[keys] @ block["w_k"] @ block["w_q"].T @ x[place] / np.sqrt(model.width)
            weight = np.exp(score - score.max()) / np.exp(score - score.max()).sum()
            moved = weight @ x[keys]
            new[place] += moved if model.tied else moved @ block["w_v"] @ block["w_o"]
        x = new
    return x[3:] @ params["unembed"]


@pytest.mark.parametrize(("depth", "tied"), [(2, True), (3, False)])
def test_the_forward_pass_is_that_of_a_loop(depth: int, tied: bool):
    model = ListCopier(8, 12, depth, tied=tied, init_scale=2.0)
    params = model.init(jax.random.key(0))
    logits, acts = run(model, params, jnp.asarray(TOKENS), model.sites)
    plain = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    told = np.stack([by_loop(model, plain, tokens) for tokens in TOKENS])
    np.testing.assert_allclose(logits, told, rtol=1e-3, atol=1e-3)
    assert list(acts) == list(model.sites) == list(select_sites(model, ("*",)))
    assert ("w_v" in params["blocks"]["0"]) != tied
    pattern = acts["blocks/1/attn/pattern"][:, 0]
    np.testing.assert_allclose(pattern.sum(-1), 1, atol=1e-6)
    assert not acts["blocks/0/attn/pattern"][:, 0, 3:].any()


@pytest.mark.parametrize("tied", [True, False])
def test_two_layers_need_attention_that_depends_on_the_list(tied: bool):
    """With the last mask's attention held, no pair is right in both orders, whatever the weights.

    Both masks read one linear map of the separator; what the second must prefer the first must not.
    """
    model = ListCopier(8, 12, tied=tied, init_scale=3.0)
    site = "blocks/1/attn/pattern"
    for seed in range(20):
        params = model.init(jax.random.key(seed))
        acts = run(model, params, jnp.asarray(TOKENS), (site,))[1]
        held = np.asarray(acts[site]).mean(0, keepdims=True).repeat(len(TOKENS), 0)
        logits, _ = run(model, params, jnp.asarray(TOKENS), (), [Edit(site, "patch", held)])
        two = np.asarray(logits).reshape(DIGITS, DIGITS, 2, 8)
        i, j = np.triu_indices(DIGITS, 1)
        ahead = lambda place, a, b, two=two: two[a, b, place, a] - two[a, b, place, b]
        first = [ahead(0, *pair) > 0 for pair in ((i, j), (j, i))]
        second = [ahead(1, *pair) < 0 for pair in ((i, j), (j, i))]
        assert not np.logical_and.reduce(first + second).any()


def test_inputs_and_sizes_that_do_not_fit_are_refused():
    model = ListCopier(8, 12)
    with pytest.raises(ToylabError, match=r"give tokens \(B, 5\)"):
        model.apply(model.init(jax.random.key(0)), jnp.zeros((2, 4), jnp.int32))
    with pytest.raises(ToylabError, match="depth = 0"):
        dataclasses.replace(model, depth=0)
