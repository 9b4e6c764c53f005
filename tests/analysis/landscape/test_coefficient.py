"""Local learning coefficients: quadratics and singular minima with known values, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.coefficient import (
    doubts,
    local_learning_coefficient,
    sgld,
    split_r_hat,
    wbic,
)
from toylab.analysis.landscape.exact import quadratic_coefficient, reduced_rank_coefficient
from toylab.errors import ToylabError

KEY = jax.random.key(0)


def quadratic(h):
    return lambda w: jnp.sum(jnp.asarray(h, w.dtype) * w**2) / 2


def by_quadrature(loss, n_beta: float, gamma: float) -> float:
    """The coefficient of a loss of one number, or of two, on a fine grid in float64."""
    w = np.linspace(-4, 4, 200_001)
    log_p = -n_beta * loss(w) - gamma * w**2 / 2
    p = np.exp(log_p - log_p.max())
    return float(n_beta * (p * loss(w)).sum() / p.sum())


@pytest.mark.parametrize(
    ("h", "gamma", "eps", "exact"),
    [
        ([1, 1, 1, 0], 1.0, 1e-3, 1.524),
        ([1, 0.1, 0.01, 0], 1.0, 1e-2, 1.381),
        ([1, 0.1, 0.01, 0], 10.0, 1e-2, 0.937),
    ],
)
def test_quadratics_come_out_as_the_closed_form_says(h, gamma, eps, exact):
    expected = quadratic_coefficient(h, 100, gamma, eps)
    assert expected == pytest.approx(exact, abs=6e-4)
    numbers = (jnp.float32(x) for x in (100, gamma, eps))
    run = jax.jit(lambda *a: sgld(quadratic(h), jnp.zeros(4), KEY, *a, 32, 6000))(*numbers)
    estimate_C = 100 * np.asarray(run.excess_CS)[:, 2000:].mean(1)
    error = estimate_C.std(ddof=1) / 32**0.5
    assert error < 0.02 * exact
    assert abs(estimate_C.mean() - expected) < 4 * error
    assert quadratic_coefficient(h, 1e9, 1e-3) == pytest.approx(np.count_nonzero(h) / 2, abs=1e-3)


def test_a_valley_has_half_its_rank_and_singular_minima_have_less():
    powers = jnp.array([2.0, 4.0, 6.0])
    settings = dict(n_beta=1000.0, localization=1.0, step_size=1e-3, draws=5000, burn_in=2000)

    def one(power):
        loss = lambda w: jnp.sum(jnp.abs(w) ** power)
        return local_learning_coefficient(loss, jnp.full(1, 1e-6), KEY, chains=16, **settings)

    found = jax.jit(jax.vmap(one))(powers)  # a population: one program
    # w^2 has curvature 2: eps a = 2, and its estimate is NaN rather than one that is inflated.
    assert np.isnan(found.value[0]) and found.stability[0] == pytest.approx(2.001, abs=0.01)
    for i, power in ((1, 4), (2, 6)):
        exact = by_quadrature(lambda w, p=power: np.abs(w) ** p, 1000, 1)
        assert exact == pytest.approx(1 / power, rel=0.05)
        assert float(found.value[i]) == pytest.approx(exact, rel=0.1)
        assert float(found.r_hat[i]) < 1.1
    w2 = quadratic_coefficient([2.0], 1000, 1)
    assert w2 > found.value[1] > found.value[2]


def test_two_factors_reach_a_half_only_logarithmically():
    # w1 given w2 is Gaussian: integrate it out, and the rest is a grid in log w2.
    w = np.exp(np.linspace(-20, np.log(6), 100_001))
    found = {}
    for n_beta, gamma in ((10, 1), (100, 1), (1e3, 1), (1e4, 1), (1e4, 25)):
        a = 2 * n_beta * w**2 + gamma
        p = np.exp(-gamma * w**2 / 2) / np.sqrt(a) * w
        found[n_beta, gamma] = float((p * n_beta * w**2 / a).sum() / p.sum())
    assert list(found.values()) == pytest.approx([0.290, 0.354, 0.390, 0.412, 0.307], abs=1e-3)
    loss = lambda v: (v[0] * v[1]) ** 2
    run = jax.jit(lambda: sgld(loss, jnp.zeros(2), KEY, 10.0, 1.0, 0.004, 64, 8000))()
    estimate_C = 10 * np.asarray(run.excess_CS)[:, 1000:].mean(1)
    assert abs(estimate_C.mean() - found[10, 1]) < 4 * estimate_C.std(ddof=1) / 8 + 0.01


def test_reduced_rank_regression():
    for m, h, n in ((5, 2, 5), (3, 3, 3), (4, 2, 4), (4, 2, 5), (3, 1, 9)):
        assert reduced_rank_coefficient(m, h, n, h) == h * (m + n - h) / 2
    # With H = 1 and truth 0 the loss is |A|^2 |B|^2: half the fewer of the two.
    assert reduced_rank_coefficient(2, 1, 7, 0) == 1
    assert reduced_rank_coefficient(7, 1, 2, 0) == 1
    assert reduced_rank_coefficient(1, 1, 1, 0) == 0.5
    assert reduced_rank_coefficient(2, 9, 3, 0) == 3
    with pytest.raises(ToylabError, match="rank = 3"):
        reduced_rank_coefficient(4, 2, 4, 3)


def test_a_trained_network_of_planted_rank_in_a_tree():
    # B A of rank 1 through 1 hidden unit, inputs white: Hessian of rank 1 (M + N - 1) = 4.
    loss = lambda p: jnp.sum((p["b"] @ p["a"] - jnp.diag(jnp.array([1.0, 0, 0]))[:2]) ** 2) / 2
    params = {"a": jnp.array([[1.0, 0, 0]]), "b": jnp.array([[1.0], [0.0]])}
    settings = dict(n_beta=2000.0, localization=1.0, draws=3000, burn_in=500, chains=16)
    found = jax.jit(lambda p: local_learning_coefficient(loss, p, KEY, **settings))(params)
    assert float(found.value) == pytest.approx(reduced_rank_coefficient(3, 1, 2, 1), rel=0.05)
    assert float(found.step_size * (2000 * 2 + 1)) == pytest.approx(0.1, rel=1e-3)
    assert found.excess_CS.shape == found.distance_CS.shape == (16, 3500)
    assert doubts(found) == ("fewer steps of burn-in than draws.",)


def test_a_point_that_is_no_minimum_is_told():
    loss = quadratic([1.0, 1.0])
    settings = dict(n_beta=100.0, localization=1.0, chains=4, draws=50, burn_in=50)
    found = local_learning_coefficient(loss, jnp.ones(2), KEY, **settings)
    assert float(found.value) < 0
    assert any("4 of 4 chains are below 0" in text for text in doubts(found))
    pair = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), found)
    told = doubts(pair._replace(chain_C=pair.chain_C * [[1], [-1]]))
    assert [text for text in told if "below w*" in text] == [f"(0,): {doubts(found)[0]}"]
    assert float(found.gradient_norm) == pytest.approx(2**0.5, rel=1e-5)


def test_a_step_that_the_curvature_forbids_is_refused():
    settings = dict(n_beta=100.0, localization=1.0, draws=4, burn_in=0)
    with pytest.raises(ToylabError, match=r"step_size = 0\.01 is more than 1 / 101"):
        local_learning_coefficient(quadratic([1.0]), jnp.zeros(1), KEY, step_size=0.01, **settings)
    with pytest.raises(ToylabError, match="n_beta = 0"):
        local_learning_coefficient(
            quadratic([1.0]), jnp.zeros(1), KEY, **(settings | {"n_beta": 0})
        )
    with pytest.raises(ToylabError, match="examples = 1"):
        wbic(1)
    with pytest.raises(ToylabError, match="below 4"):
        quadratic_coefficient([1.0], 100, 1, 0.05)


def test_split_r_hat_by_hand():
    trace = np.random.default_rng(0).normal(size=(3, 101))
    halves = np.concatenate([trace[:, :50], trace[:, 51:]])
    w = halves.var(1, ddof=1).mean()
    b = 50 * halves.mean(1).var(ddof=1)
    exact = ((49 / 50 * w + b / 50) / w) ** 0.5
    assert float(split_r_hat(jnp.asarray(trace, jnp.float32))) == pytest.approx(exact, rel=1e-5)
