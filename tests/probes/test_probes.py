"""Probes against scikit-learn."""

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score

from toylab.errors import ToylabError
from toylab.probes.controls import accuracy, r2
from toylab.probes.linear import logistic, mlp_probe, ridge

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


def sklearn_ridge(index, l2, weights=None):
    return Ridge(alpha=l2).fit(X[index].astype(float), Y[index].astype(float), weights)


@pytest.mark.parametrize("l2", [0.0, 5.0])
def test_ridge_equals_scikit_learn(l2):
    probe = ridge(X, Y, l2, WEIGHTS)
    predicted, probe = host((probe.predict(X), probe))
    assert probe.weight.shape == (*LEAD, D, T) and probe.grad_norm.shape == LEAD
    for index in np.ndindex(LEAD):
        ours = sklearn_ridge(index, l2, WEIGHTS)
        np.testing.assert_allclose(probe.weight[index], ours.coef_.T, atol=2e-4)
        np.testing.assert_allclose(predicted[index], ours.predict(X[index]), atol=2e-4)
    assert probe.grad_norm.max() < 1e-5


def test_ridge_takes_one_penalty_per_leading_index():
    l2 = np.array([[0.5], [50.0]], np.float32)
    probe = host(ridge(X, Y, l2))
    for index in [(0, 1), (1, 2)]:
        ours = sklearn_ridge(index, l2[index[0], 0])
        np.testing.assert_allclose(probe.weight[index], ours.coef_.T, atol=2e-4)


def test_unpenalised_ridge_has_least_norm_on_dead_and_repeated_units():
    x = np.concatenate([X[0, 0], X[0, 0, :, :1], np.zeros((N, 1), np.float32)], 1)
    probe = ridge(x, Y[0, 0], 0.0)
    centred = x.astype(float) - x.mean(0, dtype=float)
    expected = np.linalg.pinv(centred) @ Y[0, 0].astype(float)
    np.testing.assert_allclose(probe.weight, expected, atol=2e-4)
    assert not np.asarray(probe.weight)[-1].any()


def test_logistic_equals_scikit_learn():
    l2 = 0.5
    probe = logistic(X, LABELS, T, l2, WEIGHTS, tolerance=1e-6)
    assert probe.grad_norm.max() <= 1e-6
    predicted, chances = host((probe.predict(X), jax.nn.softmax(probe.scores(X), -1)))
    probe = host(probe)
    for index in [(0, 0), (1, 2)]:
        model = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000)
        model.fit(X[index].astype(float), LABELS[index], WEIGHTS)
        np.testing.assert_allclose(probe.weight[index], model.coef_.T, atol=2e-4)
        np.testing.assert_array_equal(predicted[index], model.predict(X[index]))
        np.testing.assert_allclose(chances[index], model.predict_proba(X[index]), atol=2e-4)


def test_logistic_reports_that_separable_data_did_not_converge():
    labels = np.int32(X[..., 0] > 3)
    probe = logistic(X, labels, T, 0.0, iterations=5)
    assert probe.grad_norm.min() > 1e-3
    assert accuracy(probe, X, labels).min() > 0.9


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_batched_fit_equals_a_loop_of_single_fits(kind):
    y = Y[0, 0] if kind == "ridge" else LABELS[0, 0]  # shared by all leading indices
    fit = ridge if kind == "ridge" else lambda x, y: logistic(x, y, T, tolerance=1e-6)
    probe = host(fit(X, y))
    for index in [(0, 0), (1, 2)]:
        single = fit(X[index], y)
        np.testing.assert_allclose(probe.weight[index], single.weight, atol=1e-4)
        np.testing.assert_allclose(probe.bias[index], single.bias, atol=1e-3)


def test_targets_shared_over_some_leading_axes():
    y = Y[0, :][None]  # (1, 3, N, T): one target per second axis
    probe = host(ridge(X, y))
    for index in np.ndindex(LEAD):
        single = Ridge(alpha=1.0).fit(X[index].astype(float), y[0, index[1]].astype(float))
        np.testing.assert_allclose(probe.weight[index], single.coef_.T, atol=2e-4)


def test_zero_weight_masks_a_row_and_a_broken_member_breaks_alone():
    keep = np.arange(N) < 40
    broken = X[0].copy()
    broken[1] = np.nan
    masked = host(ridge(broken, Y[0], 1.0, keep.astype(np.float32)))
    assert np.isnan(masked.weight[1]).all() and np.isfinite(masked.weight[[0, 2]]).all()
    expected = Ridge(alpha=1.0).fit(X[0, 0, :40].astype(float), Y[0, 0, :40].astype(float))
    np.testing.assert_allclose(masked.weight[0], expected.coef_.T, atol=2e-4)
    classes = logistic(broken, LABELS[0], T)
    assert np.isnan(accuracy(classes, broken, LABELS[0])).tolist() == [False, True, False]


def test_mlp_reads_a_product_that_no_linear_probe_reads():
    x = (5 * RNG.normal(size=(2, 300, 2)) + 20).astype(np.float32)
    centred = x - 20
    labels = (centred[..., 0] * centred[..., 1] > 0).astype(np.int32)
    train, test = slice(0, 200), slice(200, 300)
    probe = mlp_probe(x[:, train], labels[:, train], jax.random.key(0), 2, steps=200)
    linear = logistic(x[:, train], labels[:, train], 2)
    assert probe.hidden[0].shape == (2, 2, 64)
    assert accuracy(probe, x[:, test], labels[:, test]).min() > 0.9
    assert accuracy(linear, x[:, test], labels[:, test]).max() < 0.7


def test_mlp_regression_undoes_its_scaling_and_honours_masks():
    x, y = X[0, 0].copy(), 100 + 7 * np.square(X[0, 0, :, :1])
    keep = np.arange(N) < 50
    y[~keep] = 1e4
    probe = mlp_probe(x, y, jax.random.key(0), steps=400, weights=keep.astype(np.float32))
    assert r2(probe, x[:50], y[:50]) > 0.98


REFUSED = {
    "negative penalty": (lambda: ridge(X, Y, -1.0), "l2"),
    "negative weight": (lambda: ridge(X, Y, 1.0, -np.ones(N, np.float32)), "weights"),
    "one sample": (lambda: ridge(X[..., :1, :], Y[..., :1, :]), "N >= 2"),
    "too few targets": (lambda: ridge(X, Y[..., :5, :]), "y has shape"),
    "targets without T": (lambda: ridge(X, Y[0, 0, :, 0]), "y has shape"),
    "labels to regress": (lambda: ridge(X, LABELS), "float targets"),
    "targets to classify": (lambda: logistic(X, Y, T), "integer labels"),
    "another leading axis": (lambda: ridge(X, Y[:, :2]), "leading axes"),
    "one class": (lambda: logistic(X, np.zeros(N, np.int32), T), "one class"),
    "one class unmasked": (
        lambda: logistic(
            X, (np.arange(N) == 0).astype(np.int32), 2, 1.0, np.float32(np.arange(N) > 0)
        ),
        "one class",
    ),
    "label out of range": (lambda: logistic(X, LABELS, T - 1), "labels run"),
    "no hidden unit": (lambda: mlp_probe(X, Y, jax.random.key(0), width=0), "width"),
    "narrow input": (lambda: ridge(X, Y).predict(X[..., :2]), "Probe: x"),
    "integer array of floats": (lambda: ridge(LABELS, Y), "floats"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused_with_the_mend(case):
    call, message = REFUSED[case]
    with pytest.raises(ToylabError, match=message):
        call()


def test_a_constant_column_says_nothing_to_an_mlp():
    rng = np.random.default_rng(5)
    moving = rng.normal(size=(2, 200, 3)).astype(np.float32)
    y = np.maximum(moving @ rng.normal(size=(3, 1)).astype(np.float32), 0)
    fit = lambda x: mlp_probe(x, y[0], jax.random.key(0), steps=300)
    own = lambda x, value: np.concatenate([x, np.full((200, 1), value, np.float32)], 1)
    for value in (0.1, 3.3):  # the mean of either is another number in float32
        probe = fit(own(moving[0], value))
        told = probe.predict(own(moving[1], value + 0.001))
        np.testing.assert_allclose(told, probe.predict(own(moving[1], value)), atol=1e-5)
        assert r2_score(y[1], told) > 0.95
    constant = mlp_probe(moving[0], np.full((200, 1), 0.7, np.float32), jax.random.key(0), steps=9)
    np.testing.assert_allclose(constant.predict(moving[1]), 0.7, rtol=1e-6)
