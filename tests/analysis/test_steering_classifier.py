"""The classifier half of ``steering``: its worlds, and its library against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn.linear_model import LogisticRegression

from toylab.analysis.steering import alignment, arithmetic, choice, concepts, saliency, skills
from toylab.errors import ToylabError
from toylab.models.mlp import MLP
from toylab.tasks.steering.equality import HierarchicalEquality
from toylab.tasks.steering.scenes import BOX, COLOURS, CUE, FACTORS, RULES, SHAPES, SIDE, Scenes

RNG = np.random.default_rng(0)
MODEL = MLP(sizes=(5, 6, 3))
PARAMS = MODEL.init(jax.random.key(1))
f32 = lambda x: jnp.asarray(x, jnp.float32)


def by_hand(row):
    """Clean picture of one scene, and the object's box, pixel by pixel."""
    v = dict(zip(FACTORS, (int(x) for x in row), strict=True))
    picture = np.zeros((SIDE, SIDE, 3))
    if v["stripes"]:
        picture[:, v["phase"] :: 2] = 0.3
    place = (v["place"] + 1 + v["other_place"]) % 4
    spots = (
        (v["other_shape"], place, v["other_row"], v["other_column"], np.full(3, 0.5)),
        (v["shape"], v["place"], v["row"], v["column"], COLOURS[v["colour"]]),
    )
    box = np.zeros((SIDE, SIDE), bool)
    for shape, quarter, row_, column, colour in spots:
        top, left = 4 * (quarter // 2) + row_, 4 * (quarter % 2) + column
        box[:] = False
        box[top : top + BOX, left : left + BOX] = True
        for y, x in np.argwhere(SHAPES[shape]):
            picture[top + y, left + x] = colour
    return picture, box, v


def test_scenes_are_what_their_factors_say():
    batch = jax.jit(lambda key: Scenes(noise=0.0).batch(key, 300))(jax.random.key(0))
    told = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
    for i in range(300):
        picture, box, v = by_hand(told["factors"][i])
        np.testing.assert_allclose(batch.inputs[i, :192], picture.ravel(), atol=1e-6)
        np.testing.assert_array_equal(told["mask"][i], box.ravel())
        labels = [v["shape"], v["colour"], v["place"], 2 * v["stripes"] + (v["colour"] in (0, 1))]
        np.testing.assert_array_equal(told["labels"][i], labels)
        assert batch.targets[i] == labels[told["rule"][i]]
        cue = np.zeros(4)
        if v["cue"] < 4:
            assert told["rule"][i] == v["cue"]
            cue[v["cue"]] = CUE
        np.testing.assert_array_equal(batch.inputs[i, 192:], cue)
        assert not (told["mask"][i] & told["other"][i]).any()
    assert set(told["rule"]) == {0, 1, 2, 3}


def test_rules_of_one_key_ask_about_the_same_pictures():
    key = jax.random.key(3)
    ask = jax.jit(lambda rule: Scenes(rule).batch(key, 20))
    shape, kind = (ask(np.float32(rule)) for rule in (0, 3))
    np.testing.assert_array_equal(shape.inputs[:, :192], kind.inputs[:, :192])
    np.testing.assert_array_equal(kind.targets, shape.latents["labels"][:, RULES.index("kind")])
    with pytest.raises(ToylabError, match="rule = 4"):
        Scenes(4)


def test_equality_is_fair_and_right():
    task = HierarchicalEquality(3)
    batch = jax.jit(lambda key: task.batch(key, 4000))(jax.random.key(0))
    w, x, y, z = np.split(np.asarray(batch.inputs), 4, 1)
    same = (w == x).all(1), (y == z).all(1)
    np.testing.assert_array_equal(batch.targets, same[0] == same[1])
    for side in same:
        assert abs(side.mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)
    assert np.abs(w.mean(0)).max() < 5 * 3**-0.5 / np.sqrt(4000)
    swapped = batch.latents | {"left": 1 - batch.latents["left"]}
    assert not np.asarray(task.consistent(batch._replace(latents=swapped))).any()
    with pytest.raises(ToylabError, match="width = 0"):
        HierarchicalEquality(0)


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
        arithmetic.task_vector(base, PARAMS)


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
