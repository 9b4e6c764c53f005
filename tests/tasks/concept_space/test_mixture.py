"""Structured identity mapping: closed forms against integrators and sampled moments."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.concept_space.mixture import (
    IdentityMixture,
    examples,
    one_layer,
    tied_diagonal,
    tied_velocity,
)

TASK = IdentityMixture((1.0, 2.0, 0.5), 0.3)
RNG = np.random.default_rng(0)
TIME = np.linspace(0, 4, 9)


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task)), [r for r in check(task) if not r.ok]


def test_the_second_moment_is_that_of_samples():
    x = np.asarray(jax.jit(lambda key: TASK.batch(key, 40_000))(jax.random.key(0)).inputs)
    np.testing.assert_allclose(x.T @ x / len(x), np.diag(TASK.second_moment), atol=0.02)
    assert TASK.uniform_loss() == pytest.approx((x**2).sum(1).mean(), rel=0.02)


def test_one_layer_is_gradient_flow_and_the_papers_sum():
    w = 0.3 * RNG.normal(size=(3, 3))
    a, mu = TASK.second_moment, TASK.target.astype(np.float64)
    flow = solve_ivp(
        lambda _, v: ((np.eye(3) - v.reshape(3, 3)) @ np.diag(a)).ravel(),
        (0, 4), w.ravel(), t_eval=TIME, rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    found = one_layer(TASK, w, TIME)
    np.testing.assert_allclose(found, flow.y.T.reshape(-1, 3, 3) @ mu, rtol=1e-7)
    for k in range(3):
        own = (1 - np.exp(-a[k] * TIME)) * mu[k]
        for i in range(3):
            own += np.exp(-a[i] * TIME) * w[k, i] * mu[i]
        np.testing.assert_allclose(found[:, k], own, rtol=1e-10)


def test_a_weak_cluster_that_spreads_widely_is_learned_first():
    wide = IdentityMixture((1.0, 2.0), 0.05)
    order = lambda a: np.argsort(-a).tolist()
    assert order(wide.second_moment) == [1, 0]
    mu, sigma = np.array([1.0, 2.0]), np.array([1.5, 0.05])
    assert order(mu**2 / 2 + sigma**2) == [0, 1]


def test_gradient_flow_of_tied_layers_moves_at_twice_the_velocity():
    a, u = np.diag(TASK.second_moment), RNG.normal(size=(3, 5))
    loss = lambda u: 0.5 * np.trace((u @ u.T - np.eye(3)) @ a @ (u @ u.T - np.eye(3)))
    du = np.zeros_like(u)
    for at in np.ndindex(*u.shape):  # central differences
        step = np.zeros_like(u)
        step[at] = 1e-5
        du[at] = -(loss(u + step) - loss(u - step)) / 2e-5
    moved = du @ u.T + u @ du.T
    expected = 2 * tied_velocity(TASK.second_moment, u @ u.T)
    np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-7)


def test_a_diagonal_start_is_logistic():
    a = TASK.second_moment
    start = np.array([0.1, 0.2, 0.05])
    flow = solve_ivp(
        lambda _, v: tied_velocity(a, v.reshape(3, 3)).ravel(),
        (0, 4), np.diag(start).ravel(), t_eval=TIME, rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    for k in range(3):
        found = tied_diagonal(a[k], start[k], TIME)
        np.testing.assert_allclose(flow.y.reshape(3, 3, -1)[k, k], found, rtol=1e-6)


def test_a_tied_start_with_weight_off_the_diagonal_swings_by():
    """What the paper's appendix D derives: only a positive one first helps, then is suppressed."""
    task, rises = IdentityMixture((1.0, 2.0)), {}
    mu = task.target.astype(np.float64)
    for off in (-0.9, 0.0, 0.9):
        start = 0.05 * np.array([[1.0, off], [off, 1.0]])
        flow = solve_ivp(
            lambda _, v: tied_velocity(task.second_moment, v.reshape(2, 2)).ravel(),
            (0, 12), start.ravel(), rtol=1e-9, max_step=0.05,
        )  # fmt: skip
        loss = (((flow.y.T.reshape(-1, 2, 2) - np.eye(2)) @ mu) ** 2).sum(1)
        rises[off] = (loss - np.minimum.accumulate(loss)).max()
    assert rises[0.9] > 0.01
    assert max(rises[-0.9], rises[0.0]) < 1e-3


@pytest.mark.parametrize("wrong", [{"means": ()}, {"means": (1.0, 0.0)}, {"spread": -1.0}])
def test_mixtures_that_are_none_are_refused(wrong):
    with pytest.raises(ToylabError, match=next(iter(wrong))):
        IdentityMixture(**wrong)
