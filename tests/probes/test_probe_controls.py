"""Scores against scikit-learn, controls on planted signal and on noise, splits by group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from toylab.errors import ToylabError
from toylab.probes.controls import (
    CONTROLS,
    accuracy,
    permute_within,
    r2,
    r2_per_target,
    split_by_group,
    with_controls,
)
from toylab.probes.linear import Probe, logistic, ridge

RNG = np.random.default_rng(0)
LEAD, N, D, T = (2, 3), 60, 4, 3
# Correlated columns far from mean 0: a fit that forgets the intercept or its scale fails here.
X = (RNG.normal(size=(*LEAD, N, D)) @ RNG.normal(size=(D, D)) + 3).astype(np.float32)
Y = (X @ RNG.normal(size=(D, T)) + RNG.normal(size=(*LEAD, N, T))).astype(np.float32)
LABELS = np.argmax(Y - Y.mean(-2, keepdims=True), -1).astype(np.int32)
WEIGHTS = RNG.uniform(0, 2, size=N).astype(np.float32) * (RNG.uniform(size=N) < 0.8)


def host(tree):
    """On the host, slicing compiles nothing."""
    return jax.tree.map(np.asarray, tree)


def test_r2_equals_scikit_learn():
    probe = ridge(X, Y, 30.0)
    predicted = host(probe.predict(X))
    for weights in (None, WEIGHTS):
        found, overall = host((r2_per_target(probe, X, Y, weights), r2(probe, X, Y, weights)))
        for index in [(0, 0), (1, 2)]:
            args = dict(y_true=Y[index], y_pred=predicted[index], sample_weight=weights)
            each = r2_score(**args, multioutput="raw_values")
            pooled = r2_score(**args, multioutput="variance_weighted")
            np.testing.assert_allclose(found[index], each, atol=1e-5)
            np.testing.assert_allclose(overall[index], pooled, atol=1e-5)
    for value in (0.0, 0.1, 0.7):  # the mean of the last two is none of them in float32
        constant = np.full((N, T), value, np.float32)
        assert np.isnan(r2_per_target(probe, X, constant)).all()
        padded, weights = constant.copy(), np.ones(N)
        padded[0], weights[0] = 5.0, 0.0
        assert np.isnan(r2_per_target(probe, X, padded, weights)).all()


def test_accuracy_weighs_samples():
    probe = Probe(jnp.eye(2, dtype=jnp.float32), jnp.zeros(2), jnp.zeros(()), None, kind="classes")
    x = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    score = accuracy(probe, x, np.array([0, 0, 1]), np.array([3, 1, 0], np.float32))
    assert float(score) == 0.75


def controls_of(signal: float, key, **extra):
    """Accuracy of a probe on 4 problems of 2 uneven classes whose means are ``signal`` apart."""
    rng = np.random.default_rng(3)
    labels = (rng.uniform(size=800) < 0.3).astype(np.int32)
    x = rng.normal(size=(4, 800, 5)).astype(np.float32)
    untrained = x[:, :400].copy(), x[:, 400:].copy()
    x[..., 2] += np.float32(signal) * labels
    wrong = rng.integers(0, 2, 800).astype(np.int32)
    fit = lambda x, y, **k: logistic(x, y, 2, **k)
    data = x[:, :400], labels[:400], x[:, 400:], labels[400:]
    wrong = wrong[:400], wrong[400:]
    found = with_controls(
        fit, accuracy, *data, key, untrained=untrained, wrong=wrong, groups=None, **extra
    )
    return found, data


def test_planted_signal_is_found_and_every_control_stays_at_chance(key):
    found, (_, _, _, y_test) = controls_of(6.0, key)
    assert tuple(found) == CONTROLS
    assert found["real"].min() > 0.98
    majority = np.mean(y_test == 0)
    np.testing.assert_allclose(found["chance"], majority, atol=1e-6)
    # 400 held-out samples: the standard error of an accuracy is at most 0.025.
    for name in ("shuffled", "untrained"):
        np.testing.assert_allclose(found[name], majority, atol=0.08)
    np.testing.assert_allclose(found["wrong_world"], 0.5, atol=0.08)


def test_noise_is_not_found(key):
    weights = np.ones(400, np.float32)
    found, (_, _, _, y_test) = controls_of(0.0, key, weights=(weights, weights))
    np.testing.assert_allclose(found["real"], np.mean(y_test == 0), atol=0.08)


def test_controls_not_given_are_none_and_regression_works(key):
    x = X[0, 0]
    found = with_controls(ridge, r2, x[:40], Y[0, 0, :40], x[40:], Y[0, 0, 40:], key)
    assert found["untrained"] is None and found["wrong_world"] is None
    mean = np.broadcast_to(Y[0, 0, :40].mean(0), (20, T))
    constant = r2_score(Y[0, 0, 40:], mean, multioutput="variance_weighted")
    np.testing.assert_allclose(found["chance"], constant, atol=1e-5)
    assert found["real"] > 0.5 > found["shuffled"]


def test_shuffling_within_groups_keeps_what_the_group_tells(key):
    groups = np.repeat(np.arange(4), 50)
    x = np.eye(4, dtype=np.float32)[groups]
    labels = (groups % 2).astype(np.int32)
    fit = lambda x, y: logistic(x, y, 2)
    free = with_controls(fit, accuracy, x, labels, x, labels, key)
    within = with_controls(fit, accuracy, x, labels, x, labels, key, groups=groups)
    assert float(within["shuffled"]) == 1.0 and float(free["shuffled"]) < 0.9


def test_permutation_within_groups_is_one_and_moves_samples(key):
    groups = RNG.integers(0, 3, 200)
    order = np.asarray(permute_within(key, groups, 200))
    np.testing.assert_array_equal(np.sort(order), np.arange(200))
    np.testing.assert_array_equal(groups[order], groups)
    assert np.mean(order == np.arange(200)) < 0.1


def test_labels_of_masked_rows_are_never_shuffled_in(key):
    weights = (np.arange(40) < 30).astype(np.float32)
    y = np.where(weights > 0, 0.0, np.nan).astype(np.float32)[:, None]
    seen = []

    def fit(x, y, weights):
        seen.append(np.asarray(y)[weights > 0])
        return ridge(x, np.nan_to_num(y), 1.0, weights)

    x = X[0, 0, :40]
    with_controls(fit, r2, x, y, x, y, key, weights=(weights, weights))
    assert len(seen) == 3 and all(np.isfinite(s).all() for s in seen)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    n_groups=st.integers(2, 30),
    size=st.integers(2, 200),
    fraction=st.floats(0.01, 0.99),
)
def test_split_keeps_groups_whole(seed, n_groups, size, fraction):
    groups = np.random.default_rng(seed).integers(0, n_groups, size)
    names = np.unique(groups)
    if len(names) < 2:
        groups[0] = names[0] + 1
    train, test = split_by_group(groups, fraction, jax.random.key(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(size))
    assert len(train) and len(test)
    assert not set(groups[train]) & set(groups[test])
    count, total = len(set(groups[test])), len(set(groups))
    assert abs(count - fraction * total) <= 1


def test_split_depends_on_the_key_only():
    groups = np.arange(100) // 2
    first, again, other = (split_by_group(groups, 0.3, jax.random.key(k))[1] for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


REFUSED = {
    "accuracy of regression": (lambda: accuracy(ridge(X, Y), X, LABELS), "probe of classes"),
    "r2 on other targets": (lambda: r2(ridge(X, Y), X, Y[..., :1]), "r2"),
    "one group": (lambda: split_by_group(np.zeros(5), 0.5, jax.random.key(0)), "two"),
    "whole fraction": (lambda: split_by_group(np.arange(5), 1.0, jax.random.key(0)), "fraction"),
    "short labels": (
        lambda: with_controls(ridge, r2, X, Y[..., :9, :], X, Y, jax.random.key(0)),
        "60 samples",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused_with_the_mend(case):
    call, message = REFUSED[case]
    with pytest.raises(ToylabError, match=message):
        call()
