"""Heads as matrices: scores, copying and composition against direct computation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.analysis.circuits.conftest import TOKENS, build
from toylab.analysis.circuits import (
    composition,
    copying_score,
    ov_circuit,
    qk_circuit,
    score_heads,
)
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.toys.planted import PlantedInduction
from toylab.taps import run


@pytest.mark.parametrize("positions", ["none", "rope"])
def test_the_qk_circuit_gives_the_scores(positions):
    model = Transformer(7, 6, 8, 1, 2, positions=positions)
    params = model.init(jax.random.key(0))
    _, acts = run(model, params, TOKENS, ("blocks/0/attn/scores",))
    for query, key in ((5, 5), (5, 2), (3, 0)):
        full = qk_circuit(model, params, 0, full=True, distance=query - key)
        want = full[:, TOKENS[:, query], TOKENS[:, key]].T
        np.testing.assert_allclose(
            acts["blocks/0/attn/scores"][:, :, query, key], want, rtol=1e-4, atol=1e-5
        )


def test_the_ov_circuit_gives_what_a_head_adds_to_the_logits():
    model = Transformer(7, 1, 8, 1, 2, positions="none")  # one position attends to itself alone
    params = model.init(jax.random.key(0))
    tokens = jnp.arange(7)[:, None]
    direct = params["embed"]["embedding"] @ params["unembed"]["kernel"]
    added = model.apply(params, tokens)[:, 0] - direct
    np.testing.assert_allclose(
        ov_circuit(model, params, 0, full=True).sum(0), added, rtol=1e-4, atol=1e-5
    )
    w_v, w_o = (params["blocks"]["0"]["attn"][n] for n in ("w_v", "w_o"))
    np.testing.assert_allclose(ov_circuit(model, params, 0)[1], w_v[:, 1] @ w_o[1], rtol=1e-5)


def test_copying_is_read_from_all_eigenvalues(normed):
    model, params = normed
    full = np.asarray(ov_circuit(model, params, 1, full=True), np.float64)
    values = np.linalg.eigvals(full)
    want = values.sum(-1).real / np.abs(values).sum(-1)
    np.testing.assert_allclose(copying_score(model, params, 1), want, atol=1e-4)
    planted = PlantedInduction.of()
    params = planted.init(jax.random.key(0))
    scores = copying_score(planted, params, 1)
    assert scores[0] > 0.95 and (np.abs(scores[1:]) < 0.9).all()


def brute(model, params, kind):
    """Composition of every pair of heads, matrix by matrix, in float64."""
    heads, found = model.heads, np.zeros((2, model.heads, 2, model.heads))
    of = lambda i, n: np.asarray(params["blocks"][str(i)]["attn"][f"w_{n}"], np.float64)
    gain = lambda i: np.asarray(params["blocks"][str(i)].get("norm_attn", {}).get("scale", 1.0))
    for a in range(heads):
        for b in range(heads):
            w = {n: gain(1).reshape(-1, 1) * of(1, n)[:, b] for n in "qkv"}
            ov = (gain(0).reshape(-1, 1) * of(0, "v")[:, a]) @ of(0, "o")[a]
            later = {
                "q": w["q"] @ w["k"].T,
                "k": w["k"] @ w["q"].T,
                "v": w["v"] @ of(1, "o")[b],
            }[kind]
            norm = np.linalg.norm
            found[0, a, 1, b] = norm(ov @ later) / (norm(ov) * norm(later))
    return found


@pytest.mark.parametrize("kind", ["q", "k", "v"])
def test_composition_is_that_of_the_matrices(normed, kind):
    model, params = normed
    found = composition(model, params, kind)
    np.testing.assert_allclose(found.scores, brute(model, params, kind), rtol=1e-4, atol=1e-6)
    assert found.null == pytest.approx(8**-0.5)


def test_random_weights_compose_as_the_null_says():
    model = Transformer(5, 4, 64, 2, 2, head_dim=32)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 40))
    found = composition(model, params, "k")
    scores = np.asarray(found.scores)[:, 0, :, 1]
    assert found.null == 0.125
    assert np.sqrt((scores**2).mean()) == pytest.approx(found.null, rel=0.02)
    # mean and spread of one pair, by simulation at D = 64 and rank 32
    assert scores.mean() == pytest.approx(0.125, abs=0.002)
    assert scores.std() == pytest.approx(0.0044, rel=0.3)


def test_the_planted_pair_composes_in_keys():
    planted = PlantedInduction.of(noise=1e-3)
    params = planted.init(jax.random.key(1))
    found = composition(planted, params, "k")
    scores = np.asarray(found.scores)[0, :, 1]
    assert scores.argmax() == 0
    # All that layer 0 writes is read; half of what layer 1 reads is its guard of position 0:
    # |I_8| / (|I_8| sqrt(2 * 8)) = 1/4.
    assert scores[0, 0] == pytest.approx(0.25, abs=0.01)
    assert np.delete(scores.ravel(), 0).max() < 1.3 * found.null


def test_heads_are_scored_by_what_they_attend_to():
    planted = PlantedInduction.of()
    params = planted.init(jax.random.key(1))
    scores = score_heads(planted, params, count=8, period=5)
    assert scores.previous[0, 0] > 0.95 and scores.induction[1, 0] > 0.9
    kinds = np.stack([scores.previous, scores.duplicate, scores.induction])
    assert np.unravel_index(kinds[0].argmax(), (2, 3)) == (0, 0)
    assert np.unravel_index(kinds[2].argmax(), (2, 3)) == (1, 0)
    rest = kinds[:, :, 1:]  # heads of noise attend evenly
    even = np.array(list(scores.even.values()))[:, None, None]
    np.testing.assert_allclose(rest, np.broadcast_to(even, rest.shape), atol=0.05)


def test_even_attention_scores_the_null():
    model, params = build(attention_mix=0.0)
    scores = score_heads(model, params, count=2)
    for kind, value in scores.even.items():
        np.testing.assert_allclose(getattr(scores, kind), value, rtol=1e-5)
    # period 3: queries 3, 4, 5 see 4, 5, 6 keys, one of which counts
    assert scores.even["duplicate"] == pytest.approx((1 / 4 + 1 / 5 + 1 / 6) / 3)


def test_settings_out_of_range_are_refused():
    model, params = build()
    with pytest.raises(ToylabError, match="layer = 2 is out of range"):
        ov_circuit(model, params, 2)
    with pytest.raises(ToylabError, match="distance = 6 is out of range"):
        qk_circuit(model, params, 0, distance=6)
    with pytest.raises(ToylabError, match="kind 'o'; give one of q, k, v"):
        composition(model, params, "o")
    with pytest.raises(ToylabError, match="longer than the model's length 6; give at most 3"):
        score_heads(model, params, period=4)
    classes, fitted = build(n_out=3)
    with pytest.raises(ToylabError, match="answers 3 classes for 7 tokens"):
        copying_score(classes, fitted, 0)
