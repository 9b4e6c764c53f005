"""Lenses, gradients, neurons and concepts against closed forms and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats as scipy_stats
from sklearn.linear_model import LogisticRegression

from toylab.analysis.attribution import concepts, knowledge, lenses, saliency, skills
from toylab.errors import ToylabError
from toylab.models.mlp import MLP
from toylab.models.transformer import Transformer
from toylab.taps import run

RNG = np.random.default_rng(0)
MODEL = MLP(sizes=(5, 6, 3))
PARAMS = MODEL.init(jax.random.key(1))
TOKENS = jnp.asarray(RNG.integers(7, size=(4, 5)), jnp.int32)
f32 = lambda x: jnp.asarray(x, jnp.float32)


@pytest.mark.parametrize(("norm", "tied"), [("rms", False), ("layer", True), ("none", False)])
def test_the_lens_of_the_last_layer_is_the_model(norm, tied):
    model = Transformer(vocab=7, length=5, width=8, depth=1, heads=2, norm=norm, tied_unembed=tied)
    params = model.init(jax.random.key(1))
    logits, acts = run(model, params, TOKENS, record=("blocks/0/resid_post",))
    told = lenses.logit_lens(model, params, acts["blocks/0/resid_post"])
    np.testing.assert_allclose(told, logits, rtol=1e-5, atol=1e-5)


def test_translators_learn_a_known_map():
    model = Transformer(vocab=7, length=5, width=4, depth=1, heads=1)
    params = model.init(jax.random.key(2))
    h = jnp.asarray(RNG.normal(size=(1, 200, 4)), jnp.float32)
    final = lenses.logit_lens(
        model, params, h[0] @ jnp.asarray(np.diag([1, -1, 2, 1]), jnp.float32)
    )
    weight = jnp.ones(200, jnp.float32)
    clean = lenses.kl_to_final(final, lenses.logit_lens(model, params, h), weight)
    p, q = (
        np.asarray(jax.nn.softmax(x, -1)) for x in (final, lenses.logit_lens(model, params, h)[0])
    )
    np.testing.assert_allclose(clean, (p * np.log(p / q)).sum(-1).mean(), rtol=1e-4)
    rows = (h[None], final[None], weight[None])
    lens = lenses.fit_translators(model, params, *rows, optax.adam(0.05), epochs=150)
    tuned = lenses.kl_to_final(
        final, lenses.logit_lens(model, params, lenses.translate(lens, h)), weight
    )
    assert tuned[0] < 0.01 * clean[0]


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


def test_neurons_are_chosen_by_rank():
    score = np.array([[0.1, -3.0, 0.5], [2.0, 1.0, 0.1]])
    np.testing.assert_array_equal(
        knowledge.top_neurons(score, 1), [[False, False, True], [True, False, False]]
    )
    with pytest.raises(ToylabError, match="k"):
        knowledge.top_neurons(score, 4)


def test_concept_vectors_are_those_of_scikit_learn():
    a, b = RNG.normal(size=(2, 40, 6)) + np.array([[[0.5]], [[0.0]]])
    found = np.asarray(concepts.concept_vectors(f32(a)[None], f32(b)[None], 2.0))[0]
    oracle = LogisticRegression(C=1.0, tol=1e-8).fit(np.r_[a, b], np.repeat([1, 0], 40)).coef_[0]
    np.testing.assert_allclose(found, oracle / np.linalg.norm(oracle), atol=2e-3)
    with pytest.raises(ToylabError, match="as many of each"):
        concepts.concept_vectors(f32(a), f32(b)[:10])


def test_class_gradients_and_scores_by_hand():
    x = f32(RNG.normal(size=(7, 5)))
    found = np.asarray(concepts.class_gradients(MODEL, PARAMS, x, "layers/0/post", 2))
    column = np.asarray(PARAMS["layers"]["1"]["kernel"])[:, 2]
    np.testing.assert_allclose(found, np.tile(column, (7, 1)), rtol=1e-6)
    active = np.asarray(x @ PARAMS["layers"]["0"]["kernel"]) > 0
    before = np.asarray(concepts.class_gradients(MODEL, PARAMS, x, "layers/0/pre", 2))
    np.testing.assert_allclose(before, active * column, rtol=1e-6)
    vectors = RNG.normal(size=(4, 6))
    scores = concepts.tcav_scores(f32(before), f32(vectors))
    np.testing.assert_allclose(scores, (before @ vectors.T > 0).mean(0), atol=1e-6)


def test_concept_test_is_the_t_test():
    a, b = RNG.uniform(size=8), RNG.uniform(size=9)
    assert concepts.concept_test(a, b).p == pytest.approx(scipy_stats.ttest_ind(a, b).pvalue)
    assert concepts.concept_test([1, 1], [1, 1]).p == 1
    assert concepts.concept_test([1, 1], [0, 0]).p == 0
    with pytest.raises(ToylabError, match="two or more"):
        concepts.concept_test([1], [0, 0])


def test_smoothed_gradients_of_a_quadratic_and_of_a_step():
    x = f32(RNG.normal(size=(3, 4)))
    matrix = RNG.normal(size=(4, 4))
    score = lambda v: jnp.einsum("bi,ij,bj->b", v, f32(matrix), v)
    plain = saliency.gradients(score, x)
    np.testing.assert_allclose(plain, np.asarray(x) @ (matrix + matrix.T), rtol=1e-4, atol=1e-5)
    none = saliency.smooth_gradients(score, x, jax.random.key(0), share=0.0, samples=2)
    np.testing.assert_allclose(none, plain, rtol=1e-5)
    # relu(x_0) at 0 with noise sigma: the mean of the gradient is P(noise > 0) = 1/2, and at
    # sigma it is Phi(1).
    ends = f32([[0.0, 1.0, 0.5], [0.2, -0.5, 0.5]])
    relu = lambda v: jax.nn.relu(v[:, 0])
    fixed = jnp.array([[False, False, True]])
    mean = saliency.smooth_gradients(relu, ends, jax.random.key(1), 0.2, 2000, fixed)
    wide = scipy_stats.norm.cdf(0.2 / (0.2 * 0.7))
    # Example 2 ranges from -0.5 to 0.2 without its fixed entry.
    np.testing.assert_allclose(np.asarray(mean)[:, 0], [0.5, wide], atol=0.04)
    assert (np.asarray(mean)[:, 1:] == 0).all()


def test_overlap_by_hand():
    mask = [[True, True, False, False]] * 2
    np.testing.assert_allclose(saliency.overlap([[4, 3, 2, 1], [1, 3, 2, 4]], mask), [1, 1 / 3])
    with pytest.raises(ToylabError, match="not empty"):
        saliency.overlap([[1.0]], [[False]])


def test_predictivity_against_a_loop():
    acts, labels = RNG.normal(size=(2, 50, 4)), RNG.random((2, 50)) < 0.4
    acts[:, :, 1] -= 2 * labels  # this neuron says no
    acts[:, :, 2] += 2 * labels
    found = skills.predictivity(f32(acts[0]), labels[0], f32(acts[1]), labels[1])
    for i in range(4):
        threshold = acts[0, :, i].mean()
        up = ((acts[0, :, i] > threshold) == labels[0]).mean() >= 0.5
        accuracy = ((acts[1, :, i] > threshold) == labels[1]).mean()
        assert found[i] == pytest.approx(accuracy if up else 1 - accuracy, abs=1e-6)
    assert skills.strongest(found, 0.5).tolist() == [False, True, True, False]
    assert skills.strongest(found, 0.0).sum() == 1
    with pytest.raises(ToylabError, match="with labels"):
        skills.predictivity(f32(acts[0]), labels[0][:4], f32(acts[1]), labels[1])


def test_noise_reaches_only_its_neurons():
    model = MLP(sizes=(2, 3, 2, 4))
    params = model.init(jax.random.key(0))
    sites = ("layers/0/post", "layers/1/post")
    x = jnp.asarray(RNG.normal(size=(6, 2)), jnp.float32)
    noise = jnp.asarray(RNG.normal(size=(6, 5)), jnp.float32) * jnp.array([[0.0, 0, 0, 2, 0]])
    moved = run(model, params, x, edits=skills.add_noise(sites, (3, 2), noise))[0] - model.apply(
        params, x
    )
    known = np.asarray(noise)[:, 3:4] * np.asarray(params["layers"]["2"]["kernel"])[:1]
    np.testing.assert_allclose(moved, known, atol=1e-5)


def test_spreads_are_means_over_a_layer():
    spread = f32([[1, 2, 5, 7], [3, 2, 5, 7]])
    np.testing.assert_allclose(skills.layer_spreads((2, 2), spread), [2, 2, 6, 6])
