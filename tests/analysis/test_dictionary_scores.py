"""Coverage and reconstruction against a slow reckoning with scikit-learn; rule trees likewise."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score
from sklearn.tree import DecisionTreeRegressor

from toylab.analysis.dictionary.rule_trees import grow
from toylab.analysis.dictionary.scores import (
    coverage,
    labels,
    pooled_f1,
    predicted,
    reconstruction,
    single_told,
)
from toylab.errors import ToylabError


def data(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Properties, and features that follow some of them more or less; one dead, one negative."""
    rng = np.random.default_rng(seed)
    properties = rng.random((rows, 4)) < [0.5, 0.3, 0.1, 0.0]
    mix = np.random.default_rng(0).normal(size=(4, 7))
    features = np.maximum(properties @ mix + 0.4 * rng.normal(size=(rows, 7)), 0)
    features[:, 5], features[:, 6] = 0.0, -1.0
    features[:, 0] = properties[:, 0] * (1 + rng.random(rows))
    return features.astype(np.float32), properties


def test_coverage_is_the_best_f1_of_one_feature() -> None:
    features, properties = data(300, 1)
    found = coverage(features, properties)
    for k in range(3):
        scores = [
            f1_score(properties[:, k], features[:, f] > np.float32(t / 10) * features[:, f].max())
            for f in range(5)
            for t in range(10)
        ]
        assert float(found.f1_K[k]) == pytest.approx(max(scores), abs=1e-6)
        chosen = features[:, int(found.feature_K[k])] > float(found.level_K[k])
        assert f1_score(properties[:, k], chosen) == pytest.approx(max(scores), abs=1e-6)
    assert np.isnan(found.f1_K[3])
    assert found.score == pytest.approx(float(np.mean(found.f1_K[:3])))
    assert float(found.f1_K[0]) == 1
    features, properties = data(200, 2)
    told = np.asarray(single_told(found, features))
    for k in range(4):
        chosen = features[:, int(found.feature_K[k])] > float(found.level_K[k])
        assert (told[:, k] == chosen).all()


def test_reconstruction_predicts_what_precise_features_vouch_for() -> None:
    (train, train_k), (test, test_k) = data(400, 1), data(150, 2)
    found = labels(train, train_k, precision=0.9, least=12)
    scores = reconstruction(found, test, test_k)
    vouched = 0
    for t in range(10):
        told = np.zeros_like(test_k)
        for f in range(5):
            level = np.float32(t / 10) * train[:, f].max()
            fires = train[:, f] > level
            for k in range(4):
                precise = fires.sum() >= 12 and precision_score(train_k[:, k], fires) >= 0.9
                assert bool(found.high_TFK[t, f, k]) == precise
                vouched += precise
                if precise:
                    told[:, k] |= test[:, f] > level
        assert (np.asarray(predicted(found, test)[t]) == told).all()
        assert float(scores[t]) == pytest.approx(f1_score(test_k.ravel(), told.ravel()), abs=1e-6)
    assert 10 < vouched and not found.high_TFK[:, 5:].any()
    assert float(pooled_f1(jnp.zeros((3, 2), bool), jnp.ones((3, 2), bool))) == 0


def test_scores_refuse_what_does_not_fit() -> None:
    features, properties = data(20, 0)
    for args in ((features[:5], properties), (features, properties.astype(np.float32))):
        with pytest.raises(ToylabError, match="coverage"):
            coverage(*args)
    with pytest.raises(ToylabError, match="precision"):
        labels(features, properties, precision=1.5)
    with pytest.raises(ToylabError, match="reconstruction"):
        reconstruction(labels(features, properties), features[:, :3], properties)


def test_trees_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((400, 11)) < 0.4
    y = rng.normal(size=(400, 18)) + 3.0 * (x[:, :1] & x[:, 1:2]) + 50
    y[:, 17] = 2.0
    trees = grow(x, y, depth=4, least=7)
    told = np.asarray(trees.predict(x))
    for t in range(17):
        slow = DecisionTreeRegressor(max_depth=4, min_samples_leaf=7).fit(x, y[:, t])
        assert told[:, t] == pytest.approx(slow.predict(x), abs=1e-3)
        r2 = slow.score(x, y[:, t])
        assert float(trees.r2(x, y)[t]) == pytest.approx(r2, abs=1e-4)
    assert told[:, 17] == pytest.approx(np.full(400, 2.0)) and np.isnan(trees.r2(x, y)[17])


def test_a_tree_asks_the_questions_of_its_rule_and_noise_has_none() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((2000, 9)) < 0.5
    rule = 2.0 * (x[:, 3] & ~x[:, 7] & x[:, 1])
    y = np.stack([rule, rng.permutation(rule)], 1)
    trees = grow(x[:1500], y[:1500], depth=3)
    assert set(np.asarray(trees.question[0]).tolist()) <= {1, 3, 7, -1}
    held_out = np.asarray(trees.r2(x[1500:], y[1500:]))
    assert held_out[0] == pytest.approx(1, abs=1e-6) and held_out[1] < 0.05


def test_trees_refuse_what_does_not_fit() -> None:
    x, y = np.zeros((5, 2), bool), np.zeros((5, 1), np.float32)
    for args in ((x.astype(int), y), (x, y[:3]), (x, y, 0)):
        with pytest.raises(ToylabError, match="grow"):
            grow(*args)
