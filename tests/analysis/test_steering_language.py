"""Steering methods on networks and functions whose answers are known; the phrases they are for."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.decomposition import PCA

from toylab.analysis.steering import (
    activation,
    heads,
    knowledge,
    lenses,
    reading,
    relations,
    task_vectors,
)
from toylab.errors import ToylabError
from toylab.models.transformer import Transformer
from toylab.taps import run
from toylab.tasks.steering.phrases import Phrases, fact_table
from toylab.tasks.steering.phrases_truth import map_table, oracle

RNG = np.random.default_rng(0)
MODEL = Transformer(vocab=7, length=5, width=8, depth=2, heads=2, hidden=8, norm="rms")
PARAMS = MODEL.init(jax.random.key(0))
TOKENS = jnp.asarray(RNG.integers(7, size=(4, 5)), jnp.int32)


@pytest.fixture(scope="module")
def phrases():
    task = Phrases()
    return task, jax.jit(lambda key: task.batch(key, 400))(jax.random.key(0))


def test_phrases_are_consistent_and_their_oracle_sums_to_one(phrases):
    task, batch = phrases
    assert task.consistent(batch).all()
    p = oracle(task, batch)
    counted = np.asarray(batch.weights) > 0
    np.testing.assert_allclose(p.sum(-1)[counted], 1, rtol=1e-9)
    assert (p.sum(-1)[~counted] == 0).all()


def test_every_map_follows_its_function(phrases):
    task, batch = phrases
    for row, f in zip(np.asarray(batch.inputs), np.asarray(batch.latents["function"]), strict=True):
        if f < 0:
            continue
        x = row[1::3]
        a, b = ((1, 0), (1, 1), (1, -1), (1, task.n_items // 2), (-1, -1), (3, 1))[f]
        np.testing.assert_array_equal(row[3::3], (a * x + b)[: len(row[3::3])] % task.n_items)
    assert len({tuple(row) for row in map_table(10)}) == 6


def test_moods_make_nouns_common_and_not_verbs(phrases):
    task, batch = phrases
    story, mood = (np.asarray(batch.latents[n]) for n in ("kind", "mood"))
    noun = np.asarray(batch.inputs)[:, 1::2] - task.starts["noun"]
    for told in (0, 1):
        share = (
            np.bincount(noun[(story == 2) & (mood == told)].ravel() // task.n_nouns)
            / noun[(story == 2) & (mood == told)].size
        )
        expected = np.array([0.1, 0.6]) if told else np.array([0.6, 0.1])
        np.testing.assert_allclose(share, [*expected, 0.3], atol=0.06)


def test_facts_have_the_structure_they_claim():
    colour, shape, blend, mate = fact_table(40, 3)
    np.testing.assert_array_equal((colour + shape) % 4, blend)
    assert sorted(mate) == list(range(40))
    assert (mate != np.arange(40)).all()
    np.testing.assert_array_equal(np.bincount(colour), 10)
    with pytest.raises(ToylabError, match="odd"):
        Phrases(triples=5)


def test_mass_mean_is_the_difference_of_means_and_the_spread_along_it():
    x = RNG.normal(size=(3, 50, 4))
    y = np.arange(50) % 3 == 0
    found = heads.mass_mean(x, y)
    for i in range(3):
        gap = x[i][y].mean(0) - x[i][~y].mean(0)
        theta = gap / np.linalg.norm(gap)
        np.testing.assert_allclose(found.direction[i], theta, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.sigma[i], (x[i] @ theta).std(), rtol=1e-4)
    with pytest.raises(ToylabError, match="both kinds"):
        heads.mass_mean(x, np.ones(50, bool))


def test_a_push_of_heads_is_a_bias_of_the_attention():
    chosen = heads.best_heads(np.array([[0.9, 0.1], [0.2, 0.8]]), 2)
    np.testing.assert_array_equal(chosen, [[True, False], [False, True]])
    found = heads.MassMean(jnp.ones((2, 2, 4), jnp.float32) / 2, jnp.full((2, 2), 3, jnp.float32))
    push = heads.head_push(found, chosen, 2.0)
    np.testing.assert_allclose(push[0], [[3] * 4, [0] * 4])
    site = ("blocks/0/attn/out",)
    clean = run(MODEL, PARAMS, TOKENS, record=site)[1][site[0]]
    pushed = run(MODEL, PARAMS, TOKENS, record=site, edits=heads.push_heads(push))[1][site[0]]
    bias = jnp.einsum("hk,hkd->d", push[0], PARAMS["blocks"]["0"]["attn"]["w_o"])
    np.testing.assert_allclose(pushed - clean, np.broadcast_to(bias, clean.shape), atol=1e-5)


def test_heads_are_ranked_by_what_they_tell():
    y = np.arange(200) % 2
    x = RNG.normal(size=(2, 200, 3)).astype(np.float32)
    x[1, :, 0] += 6 * y
    labels = jnp.asarray(y, jnp.int32)
    score = heads.head_accuracy(x[:, :100], labels[:100], x[:, 100:], labels[100:])
    assert score[1] > 0.97
    assert score[0] < 0.7


def test_reading_vector_is_the_first_component_and_points_to_plus():
    concept = np.array([0.0, 3.0, 4.0, 0.0]) / 5
    minus = RNG.normal(size=(80, 4))
    plus = minus + np.outer(RNG.normal(2, 0.2, 80), concept) + 0.05 * RNG.normal(size=(80, 4))
    found = reading.reading_vector(plus, minus)
    np.testing.assert_allclose(found.direction, concept, atol=0.03)
    sign = np.random.default_rng(0).permutation(np.where(np.arange(80) % 2, 1.0, -1.0))
    known = PCA(1).fit(sign[:, None] * (plus - minus)).components_[0]
    assert abs(known @ np.asarray(found.direction)) == pytest.approx(1, abs=1e-6)
    score = found.score(jnp.asarray(np.stack([plus, minus]), jnp.float32)).mean(1)
    np.testing.assert_allclose(score, [1, -1], atol=0.05)


def test_contrast_and_its_place():
    site = "blocks/0/resid_post"
    gap = activation.contrast(MODEL, PARAMS, TOKENS[0, :2], TOKENS[1, :2], site)
    edit = activation.add_front(site, gap, length=5, scale=2.0)
    clean, told = (
        run(MODEL, PARAMS, TOKENS[2:3], record=(site,), edits=e)[1][site][0] for e in ((), (edit,))
    )
    np.testing.assert_allclose(told[:2] - clean[:2], 2 * gap, atol=1e-5)
    np.testing.assert_array_equal(told[2:], clean[2:])
    # Put on the prompt it was taken from, the difference leads to the other prompt.
    swapped = run(MODEL, PARAMS, TOKENS[1:2, :2], edits=(activation.add_front(site, gap, 2),))[0]
    np.testing.assert_allclose(swapped, MODEL.apply(PARAMS, TOKENS[0:1, :2]), atol=1e-4)
    other = activation.random_like(gap, 0)
    norms = [np.linalg.norm(np.asarray(v), axis=-1) for v in (gap, other)]
    np.testing.assert_allclose(*norms, rtol=1e-5)
    assert np.abs(np.sum(np.asarray(gap) * np.asarray(other), -1)).max() < norms[0].max() ** 2


def test_a_task_vector_of_one_query_makes_its_answer():
    site = "blocks/1/resid_post"
    logits, acts = run(MODEL, PARAMS, TOKENS, record=(site,))
    theta = task_vectors.task_vector(acts[site][:1])
    np.testing.assert_array_equal(theta, acts[site][0, -1])
    edit = task_vectors.patch_last(site, theta, length=3)
    bare, _ = run(MODEL, PARAMS, TOKENS[1:, :3], edits=(edit,))
    np.testing.assert_allclose(bare[:, -1], np.broadcast_to(logits[0, -1], (3, 7)), atol=1e-5)
    clean = MODEL.apply(PARAMS, TOKENS[1:, :3])
    np.testing.assert_allclose(bare[:, :-1], clean[:, :-1], atol=1e-6)
    assert task_vectors.best_layer(np.array([0.1, 0.5, 0.5])) == 1


@pytest.mark.parametrize(("norm", "tied"), [("rms", False), ("layer", True), ("none", False)])
def test_the_lens_of_the_last_layer_is_the_model(norm, tied):
    model = Transformer(vocab=7, length=5, width=8, depth=1, heads=2, norm=norm, tied_unembed=tied)
    params = model.init(jax.random.key(1))
    logits, acts = run(model, params, TOKENS, record=("blocks/0/resid_post",))
    told = lenses.read_out(model, params, acts["blocks/0/resid_post"])
    np.testing.assert_allclose(told, logits, rtol=1e-5, atol=1e-5)


def test_translators_learn_a_known_map():
    model = Transformer(vocab=7, length=5, width=4, depth=1, heads=1)
    params = model.init(jax.random.key(2))
    h = jnp.asarray(RNG.normal(size=(1, 200, 4)), jnp.float32)
    final = lenses.read_out(model, params, h[0] @ jnp.asarray(np.diag([1, -1, 2, 1]), jnp.float32))
    weight = jnp.ones(200, jnp.float32)
    clean = lenses.kl_to_final(final, lenses.read_out(model, params, h), weight)
    p, q = (
        np.asarray(jax.nn.softmax(x, -1)) for x in (final, lenses.read_out(model, params, h)[0])
    )
    np.testing.assert_allclose(clean, (p * np.log(p / q)).sum(-1).mean(), rtol=1e-4)
    rows = (h[None], final[None], weight[None])
    lens = lenses.fit_translators(model, params, *rows, optax.adam(0.05), epochs=150)
    tuned = lenses.kl_to_final(
        final, lenses.read_out(model, params, lenses.translate(lens, h)), weight
    )
    assert tuned[0] < 0.01 * clean[0]


def test_mean_jacobian_of_an_affine_map_is_the_map_and_its_inverse_moves_subjects():
    w = RNG.normal(size=(5, 3)).astype(np.float32)
    s, b = RNG.normal(size=(6, 3)).astype(np.float32), RNG.normal(size=(6, 5)).astype(np.float32)
    found = relations.mean_jacobian(lambda x, c: jnp.asarray(w) @ x + c, jnp.asarray(s), b)
    np.testing.assert_allclose(found.w, w, rtol=1e-5)
    np.testing.assert_allclose(found.b, b.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found(s), s @ w.T + b.mean(0), rtol=1e-4, atol=1e-5)
    change = jnp.asarray(RNG.normal(size=(2, 5)), jnp.float32)
    for rank in (1, 3):
        u, d, vt = np.linalg.svd(w, full_matrices=False)
        low = (u[:, :rank] * d[:rank]) @ vt[:rank]
        move = relations.subject_move(found, change, rank)
        np.testing.assert_allclose(
            move, change @ np.linalg.pinv(low, rcond=1e-4).T, rtol=1e-3, atol=1e-4
        )


def test_mean_jacobian_averages_a_curved_map():
    s = jnp.array([[1.0], [3.0]])
    found = relations.mean_jacobian(lambda x: x**2, s)
    np.testing.assert_allclose([found.w[0, 0], found.b[0]], [4, -5], rtol=1e-5)


def test_integrated_gradients_add_up_and_match_a_closed_form():
    x = jnp.asarray(RNG.normal(size=4), jnp.float32)
    told = knowledge.integrated_gradients(lambda v: jnp.sum(v**2) + v[0] * v[1], x)
    product = x[0] * x[1] / 2
    np.testing.assert_allclose(
        told, x**2 + jnp.stack([product, product, 0 * x[0], 0 * x[0]]), rtol=1e-4
    )
    curved = lambda v: jnp.tanh(v).sum()
    total = knowledge.integrated_gradients(curved, x, 200).sum()
    assert float(total) == pytest.approx(float(curved(x)), rel=1e-3)


def test_neurons_are_chosen_by_rank_or_by_share():
    score = np.array([[0.1, -3.0, 0.5], [2.0, 1.0, 0.1]])
    np.testing.assert_array_equal(
        knowledge.top_neurons(score, 1), [[False, False, True], [True, False, False]]
    )
    np.testing.assert_array_equal(
        knowledge.above_share(score, 0.3), [[False, False, True], [True, True, False]]
    )
    with pytest.raises(ToylabError, match="k"):
        knowledge.top_neurons(score, 4)
