"""Steering methods on networks and functions whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA

from toylab.analysis.steering import (
    activation,
    alignment,
    arithmetic,
    choice,
    heads,
    reading,
    relations,
    task_vectors,
)
from toylab.errors import ToylabError
from toylab.models.mlp import MLP
from toylab.models.transformer import Transformer
from toylab.taps import run

RNG = np.random.default_rng(0)
MODEL = Transformer(vocab=7, length=5, width=8, depth=2, heads=2, hidden=8, norm="rms")
PARAMS = MODEL.init(jax.random.key(0))
TOKENS = jnp.asarray(RNG.integers(7, size=(4, 5)), jnp.int32)
f32 = lambda x: jnp.asarray(x, jnp.float32)


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


def test_task_vectors_of_a_linear_model():
    model = MLP(sizes=(5, 3), biases=False)
    base, *tuned = (model.init(jax.random.key(i)) for i in range(3))
    x = f32(RNG.normal(size=(4, 5)))
    taus = [arithmetic.task_vector(t, base) for t in tuned]
    out = lambda p: np.asarray(model.apply(p, x), np.float64)
    known = out(base) + 0.5 * sum(out(t) - out(base) for t in tuned)
    found = out(arithmetic.add_vectors(base, taus, 0.5))
    np.testing.assert_allclose(found, known, rtol=1e-4, atol=1e-5)
    noise = arithmetic.random_like(taus[0], jax.random.key(9))
    for a, b in zip(jax.tree.leaves(noise), jax.tree.leaves(taus[0]), strict=True):
        assert np.linalg.norm(a) == pytest.approx(np.linalg.norm(b), rel=1e-5)
        assert abs(np.sum(a * b)) < 0.8 * np.sum(b * b)
    with pytest.raises(ToylabError, match="no vectors"):
        arithmetic.add_vectors(base, [])
    with pytest.raises(ToylabError, match="different shapes"):
        arithmetic.task_vector(base, MLP(sizes=(5, 4)).init(jax.random.key(0)))


def test_values_are_ridge_fits_of_each_answer():
    x, answers = RNG.normal(size=(90, 3)), RNG.integers(2, size=90)
    rewards = x[:, 0] * answers + RNG.normal(size=90)
    probe = choice.fit_values(f32(x), jnp.asarray(answers, jnp.int32), f32(rewards), 2, 3.0)
    found = np.asarray(choice.values(probe, f32(x[:5])))
    for a in range(2):
        z, y = x[answers == a], rewards[answers == a]
        centred = z - z.mean(0)
        w = np.linalg.solve(centred.T @ centred + 3 * np.eye(3), centred.T @ (y - y.mean()))
        np.testing.assert_allclose(found[:, a], (x[:5] - z.mean(0)) @ w + y.mean(), atol=1e-3)


def test_choice_tends_to_the_tilted_policy():
    prior, q, beta = np.array([0.6, 0.3, 0.1]), np.array([0.0, 0.5, 1.0]), 0.5
    law = prior * np.exp(q / beta)
    law /= law.sum()
    np.testing.assert_allclose(choice.tilted(f32(prior), f32(q), beta), law, rtol=1e-5)
    apart = []
    for k in (1, 4, 64):
        drawn = RNG.choice(3, p=prior, size=(40_000, k))
        picked = np.asarray(choice.choose(jax.random.key(k), f32(q[drawn]), beta))
        answer = drawn[np.arange(len(drawn)), picked]
        apart.append(np.abs(np.bincount(answer, minlength=3) / len(drawn) - law).sum() / 2)
    assert apart[0] == pytest.approx(np.abs(prior - law).sum() / 2, abs=0.02)
    assert apart[2] < 0.02 < apart[1] < apart[0]
    best = choice.choose(jax.random.key(0), f32([[0.1, 0.3, 0.2]] * 9), 0.0)
    assert (np.asarray(best) == 1).all()
    with pytest.raises(ToylabError, match="beta"):
        choice.choose(jax.random.key(0), f32([[0.0]]), -1.0)


def test_interchange_in_rotated_coordinates():
    start = alignment.random_rotation(jax.random.key(0), 4)
    free = f32(RNG.normal(size=(4, 4)))
    turned = np.asarray(alignment.rotation(free, start), np.float64)
    np.testing.assert_allclose(turned @ turned.T, np.eye(4), atol=1e-5)
    np.testing.assert_allclose(alignment.rotation(0 * free, start), start, atol=1e-6)
    base, source = RNG.normal(size=(2, 3, 4))
    m = np.diag([1.0, 1, 0, 0])
    known = ((np.eye(4) - m) @ turned @ base.T + m @ turned @ source.T).T @ turned
    found = alignment.interchange(f32(base), f32(source), f32(turned), 2)
    np.testing.assert_allclose(found, known, atol=1e-5)
    np.testing.assert_allclose(
        alignment.interchange(f32(base), f32(source), f32(turned), 4), source, atol=1e-5
    )
    with pytest.raises(ToylabError, match="count = 5"):
        alignment.interchange(f32(base), f32(source), f32(turned), 5)


def test_search_finds_a_planted_direction():
    # The answer is the sign of h along one direction; only its rotation interchanges it.
    direction = np.array([3.0, 4.0, 0.0]) / 5
    base, source = f32(RNG.normal(size=(2, 400, 3)))
    labels = jnp.asarray(np.asarray(source) @ direction > 0, jnp.int32)

    def logits(r_DD, pairs):
        along = alignment.interchange(*pairs, r_DD, 1) @ f32(direction)
        return jnp.stack([jnp.zeros_like(along), 10 * along], -1)

    start = alignment.random_rotation(jax.random.key(2), 3)
    fit = jax.jit(
        lambda: alignment.align(
            logits, (base, source), labels, start, jax.random.key(0),
            steps=300, batch_size=64, learning_rate=2e-2,
        )
    )  # fmt: skip
    found = fit()
    assert abs(np.asarray(found.rotation)[0] @ direction) > 0.99
    assert found.losses[-1] < 0.3 * found.losses[0]


def test_samples_follow_the_softmax():
    logits = np.log(np.array([[0.5, 0.25, 0.125, 0.125]], np.float32))
    u = np.linspace(0.001, 0.999, 999, dtype=np.float32)[None]
    drawn = np.asarray(choice.sample(jnp.asarray(u), jnp.asarray(logits)))[0]
    np.testing.assert_allclose(np.bincount(drawn) / 999, [0.5, 0.25, 0.125, 0.125], atol=2e-3)


def test_a_reading_vector_of_a_diverged_network_is_nan():
    plus = np.full((4, 2), np.nan)
    assert np.isnan(reading.reading_vector(plus, plus).direction).all()


def test_targets_have_another_object():
    truth, known = np.array([0, 0, 1, 1]), np.array([True, True, True, False])
    np.testing.assert_array_equal(relations.other_subjects(truth, known), [2, 2, 0, 0])
    np.testing.assert_array_equal(relations.other_subjects(truth[:2], known[:2]), [-1, -1])


def test_the_best_of_k_looks_at_the_first_k():
    q, earned = f32([[0.1, 0.9, 0.5]]), f32([[1.0, 0.0, 2.0]])
    best = lambda k: choice.best_of(jax.random.key(0), q, earned, jnp.int32(k), 0.0)
    assert [float(best(k)) for k in (1, 2, 3)] == [1, 0, 0]


def test_an_interchange_of_everything_at_one_site_gives_the_source():
    model = MLP(sizes=(3, 4, 4, 2))
    params = model.init(jax.random.key(0))
    base, source = f32(RNG.normal(size=(2, 5, 3)))
    sites, eye = ("layers/0/post", "layers/1/post"), jnp.eye(4)
    swap = lambda gates, count: alignment.interchanged(
        model, params, sites, f32(gates), eye, count, base, source
    )
    np.testing.assert_allclose(swap([0, 1], 4), model.apply(params, source), atol=1e-5)
    np.testing.assert_allclose(swap([0, 0], 4), model.apply(params, base), atol=1e-5)
    np.testing.assert_allclose(swap([1, 0], 0), model.apply(params, base), atol=1e-5)
