"""Autoencoders of sentences against NumPy; codes, losses and what is written from codes."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from tests.oracles.transformer import attend, feed_forward, normalise
from toylab.errors import ToylabError
from toylab.models.sentences.autoencoder import SentenceAutoencoder
from toylab.models.sentences.evidence import NegativeEvidence
from toylab.models.sentences.writing import read_all, write, write_all
from toylab.models.transformer import Transformer
from toylab.taps import run
from toylab.task import Batch

MODEL = SentenceAutoencoder(vocab=5, length=4, width=6, code=3)
ATTENTION = dataclasses.replace(MODEL, layer="attention")
BLOCK = Transformer(1, 4, 6, 1, 2, hidden=12, norm="layer", biases=True)
RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, 5, (3, 4)).astype(np.int32)


def filled(model):
    """Parameters with biases and gains that are not all alike."""
    params = model.init(jax.random.key(0))
    moved = lambda leaf: leaf + 0.1 * np.float32(RNG.normal(size=leaf.shape))
    return jax.tree.map(lambda leaf: jnp.asarray(moved(np.asarray(leaf)), jnp.float32), params)


def affine(params, x):
    return x @ params["kernel"] + params["bias"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrent(params, x_LD, h):
    """One step after another, gate by gate."""
    states, d = [], len(h)
    for x in x_LD:
        taken, kept = affine(params["take"], x), affine(params["keep"], h)
        update = sigmoid(taken[:d] + kept[:d])
        reset = sigmoid(taken[d : 2 * d] + kept[d : 2 * d])
        new = np.tanh(taken[2 * d :] + reset * kept[2 * d :])
        h = (1 - update) * new + update * h
        states.append(h)
    return np.array(states)


def attention(params, x_LD, first, causal):
    """The block, by the transformer's oracle; without a mask every query is the last."""
    x = x_LD + params["positions"]["embedding"]
    x[0] += first
    own = params["block"]
    normed = np.array([normalise("layer", own["norm_attn"], row) for row in x])
    if causal:
        out = attend(BLOCK, own["attn"], normed)["out"]
    else:
        order = [[j for j in range(len(x)) if j != i] + [i] for i in range(len(x))]
        out = np.array([attend(BLOCK, own["attn"], normed[o])["out"][-1] for o in order])
    x = x + out
    add = lambda row: feed_forward(BLOCK, own["mlp"], normalise("layer", own["norm_mlp"], row))
    return x + np.array([add(row)["out"] for row in x])


def oracle(model, params, tokens):
    """Codes and logits of one sentence, from NumPy."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    read, wrote = p["reads"]["embedding"][tokens], p["writes"]["embedding"][tokens]
    if model.layer == "recurrent":
        summary = recurrent(p["encoder"], read, np.zeros(model.width))[-1]
    else:
        summary = attention(p["encoder"], read, 0, False).mean(0)
    mean = affine(p["mean"], summary)
    code = (np.tanh(mean) if model.bounded else mean) * (np.arange(3) < (model.dims or 3))
    first = np.tanh(affine(p["start"], code))
    x = wrote + affine(p["inside"], code)
    layer = (
        recurrent(p["decoder"], x, first)
        if model.layer == "recurrent"
        else attention(p["decoder"], x, first, True)
    )
    return code, affine(p["log_spread"], summary), affine(p["unembed"], layer)


@pytest.mark.parametrize("model", [MODEL, ATTENTION])
@pytest.mark.parametrize("settings", [{}, {"bounded": 1, "dims": 2}])
def test_codes_and_logits_are_those_of_numpy(model, settings):
    model = dataclasses.replace(model, **settings)
    params, names = filled(model), ("code", "log_spread")
    logits, acts = run(model, params, jnp.asarray(TOKENS), record=(*names, "mean"))
    for i, tokens in enumerate(TOKENS):
        expected = oracle(model, params, tokens)
        for found, right in zip((*(acts[n] for n in names), logits), expected, strict=True):
            np.testing.assert_allclose(found[i], right, rtol=1e-4, atol=1e-5)
    codes, nats = read_all(model, params, jnp.asarray(TOKENS))
    np.testing.assert_allclose(codes, acts["code"], rtol=1e-5, atol=1e-6)
    used = np.asarray(model.used())
    mean, spread = np.asarray(acts["mean"]), np.exp(np.asarray(acts["log_spread"]))
    each = (mean**2 + spread**2 - 1) / 2 - np.log(spread)
    np.testing.assert_allclose(nats, (each * used).sum(1), rtol=1e-4)


@pytest.mark.parametrize("model", [MODEL, ATTENTION])
def test_every_site_is_tapped_in_its_order(model):
    seen, params = [], filled(model)
    plain = model.apply(params, jnp.asarray(TOKENS))
    tapped = model.apply(params, jnp.asarray(TOKENS), lambda site, x: (seen.append(site), x)[1])
    np.testing.assert_array_equal(plain, tapped)
    assert tuple(seen) == model.sites
    assert len(set(seen)) == len(seen)


def test_the_loss_is_reconstruction_and_what_the_code_costs():
    params, noise = filled(MODEL), RNG.normal(size=(3, 3)).astype(np.float32)
    targets = RNG.integers(0, 5, (3, 4)).astype(np.int32)
    latents = {"noise": jnp.asarray(noise)}
    batch = Batch(jnp.asarray(TOKENS), jnp.asarray(targets), jnp.ones((3, 4)), latents)
    code = MODEL.encode(params, batch.inputs)
    mean, spread = np.asarray(code.mean), np.exp(np.asarray(code.log_spread))
    drawn = jnp.asarray(mean + spread * noise)
    logits = np.asarray(MODEL.decode(params, drawn, batch.inputs), np.float64)
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    nats = -np.take_along_axis(logp, targets[..., None], -1)[..., 0].sum(1)
    draws = mean[:, None] + spread[:, None] * RNG.normal(size=(3, 400_000, 3))
    away = ((draws - mean[:, None]) / spread[:, None]) ** 2
    cost = (draws**2 / 2 - away / 2 - np.log(spread)[:, None]).mean(1).sum(1)
    for beta in (0.0, 0.5):
        found = NegativeEvidence(beta)(MODEL, params, batch)
        np.testing.assert_allclose(found, (nats + beta * cost) / 4, rtol=1e-2)
    bounded = dataclasses.replace(MODEL, bounded=1)
    still = NegativeEvidence(0)(bounded, params, batch)
    loud = batch._replace(latents={"noise": 100 * latents["noise"]})
    np.testing.assert_array_equal(still, NegativeEvidence(0)(bounded, params, loud))


def test_sentences_are_drawn_from_the_decoder_to_their_end():
    params = filled(MODEL)
    code = np.repeat(RNG.normal(size=(1, 3)).astype(np.float32), 20_000, 0)
    found = write_all(MODEL, params, code, jax.random.key(1), block=1024)
    every = np.array(list(itertools.product(range(5), repeat=4)), np.int32)
    inputs = np.concatenate([np.zeros((len(every), 1), np.int32), every[:, :-1]], 1)
    logits = MODEL.decode(params, jnp.asarray(code[: len(every)]), jnp.asarray(inputs))
    chance = np.asarray(jax.nn.softmax(logits, -1), np.float64)
    own = np.take_along_axis(chance, every[..., None], -1)[..., 0]
    before = np.cumsum(every == 0, 1) - (every == 0) == 0  # nothing but 0 follows the first
    p = np.where(before, own, every == 0).prod(1)
    assert p.sum() == pytest.approx(1, abs=1e-5)
    seen = np.bincount(found @ [125, 25, 5, 1], minlength=625)
    usual = p * len(found) > 5
    both = [np.append(x[usual], x[~usual].sum()) for x in (seen, p / p.sum() * len(found))]
    assert chisquare(both[0], both[1]).pvalue > 1e-3
    assert not seen[p == 0].any()
    best = np.asarray(write(MODEL, params, jnp.asarray(code[:1]), jax.random.key(2), 0.0))
    assert best[0, 0] == chance[:, 0].mean(0).argmax()


def test_what_makes_no_model_is_refused():
    for wrong in ({"code": 0}, {"bounded": 0.5}, {"dims": 4}, {"layer": "deep"}, {"heads": 4}):
        with pytest.raises(ToylabError, match=next(iter(wrong))):
            dataclasses.replace(MODEL, **wrong)
    params = MODEL.init(jax.random.key(0))
    with pytest.raises(ToylabError, match=r"give \(B, 4\)"):
        MODEL.apply(params, jnp.zeros((2, 3), jnp.int32))
    batch = Batch(jnp.asarray(TOKENS), jnp.asarray(TOKENS), jnp.ones(()), {})
    with pytest.raises(ToylabError, match="noise of 3 numbers"):
        NegativeEvidence()(MODEL, params, batch)
    with pytest.raises(ToylabError, match="Transformer has no code"):
        NegativeEvidence()(BLOCK, params, batch)
    with pytest.raises(ToylabError, match="beta = -1"):
        NegativeEvidence(-1)
