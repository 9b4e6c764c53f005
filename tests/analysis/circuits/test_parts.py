"""Taking a transformer apart: its pieces, direct logit attribution, the lens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.analysis.circuits.conftest import TOKENS, build, logits
from toylab.analysis.circuits import direct_logit_attribution, logit_lens_by_layer
from toylab.errors import ToylabError
from toylab.models import MLP
from toylab.models.functional import shared, walk
from toylab.taps import run

LAST_DIGITS = True
ANSWER, OTHER = TOKENS[:, 0], (TOKENS[:, 0] + 1) % 7


def test_the_pieces_together_are_the_model(network):
    model, params = network
    _, acts = run(model, params, TOKENS, ("embed", "blocks/*/resid_post"))
    found, written = walk(model, params, acts["embed"], shared)
    np.testing.assert_allclose(found, logits(model, params), rtol=1e-5, atol=1e-5)
    biases = sum(params["blocks"][i]["attn"].get("b_o", 0) for i in "01")
    np.testing.assert_allclose(
        np.asarray(written.sum(0)) + np.asarray(biases), acts["blocks/1/resid_post"], atol=1e-5
    )


def test_shares_add_up_to_the_logit_difference(network):
    model, params = network
    found = direct_logit_attribution(model, params, TOKENS, ANSWER, OTHER)
    assert found.shares.shape == (len(found.names), *TOKENS.shape)
    out = np.asarray(logits(model, params))
    rows = np.arange(len(TOKENS))
    want = out[rows, :, ANSWER] - out[rows, :, OTHER]
    np.testing.assert_allclose(found.shares.sum(0), want, rtol=1e-5, atol=1e-5)
    centred = direct_logit_attribution(model, params, TOKENS, ANSWER)
    np.testing.assert_allclose(
        centred.shares.sum(0), out[rows, :, ANSWER] - out.mean(-1), rtol=1e-5, atol=1e-5
    )


def test_a_population_and_its_snapshots_are_read_at_once():
    model, params = build(norm="rms", hidden=12)
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, 1.1 * leaf]), params)
    grid = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf, leaf], 1), both)
    one = direct_logit_attribution(model, params, TOKENS, ANSWER).shares
    assert direct_logit_attribution(model, both, TOKENS, ANSWER).shares.shape == (2, *one.shape)
    all_ = direct_logit_attribution(model, grid, TOKENS, ANSWER).shares
    assert all_.shape == (2, 3, *one.shape)
    np.testing.assert_allclose(all_[0, 2], one, rtol=1e-5, atol=1e-5)
    assert logit_lens_by_layer(model, grid, TOKENS).kl.shape == (2, 3, 3, *TOKENS.shape)


def test_a_model_that_reads_the_last_position_is_read_at_all():
    model, params = build(read="last", hidden=12)
    found = direct_logit_attribution(model, params, TOKENS, ANSWER, OTHER).shares.sum(0)[:, -1]
    out, rows = np.asarray(logits(model, params)), np.arange(len(TOKENS))
    np.testing.assert_allclose(found, out[rows, ANSWER] - out[rows, OTHER], rtol=1e-5, atol=1e-5)


def test_the_lens_of_the_last_layer_is_the_model(network):
    model, params = network
    lens = logit_lens_by_layer(model, params, TOKENS)
    np.testing.assert_allclose(lens.logits[-1], logits(model, params), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(lens.kl[-1], 0, atol=1e-5)
    assert not np.asarray(lens.rank[-1]).any() and np.asarray(lens.agrees[-1]).all()
    p = np.asarray(jax.nn.softmax(lens.logits[0], -1), np.float64)
    np.testing.assert_allclose(lens.entropy[0], -(p * np.log(p)).sum(-1), rtol=1e-5)
    q = np.asarray(jax.nn.softmax(lens.logits[-1], -1), np.float64)
    np.testing.assert_allclose(lens.kl[0], (q * np.log(q / p)).sum(-1), rtol=1e-4, atol=1e-6)
    order = np.argsort(-np.asarray(lens.logits[0]), -1)
    first = np.asarray(lens.logits[-1]).argmax(-1)
    np.testing.assert_array_equal(lens.rank[0], (order == first[..., None]).argmax(-1))


def test_blocks_that_add_nothing_leave_every_lens_alike():
    model, params = build(norm="layer", hidden=12)
    for block in params["blocks"].values():
        block["attn"]["w_o"] = 0 * block["attn"]["w_o"]
        block["mlp"]["down"]["kernel"] = 0 * block["mlp"]["down"]["kernel"]
    np.testing.assert_allclose(logit_lens_by_layer(model, params, TOKENS).kl, 0, atol=1e-6)


def test_what_cannot_be_taken_apart_is_refused():
    model, params = build(hidden=12, products="bfloat16")
    with pytest.raises(ToylabError, match="rounds its products to bfloat16; give dataclasses"):
        direct_logit_attribution(model, params, TOKENS, ANSWER)
    other = MLP((3, 4, 2))
    with pytest.raises(ToylabError, match="MLP is no Transformer"):
        logit_lens_by_layer(other, other.init(jax.random.key(0)), TOKENS)  # type: ignore
