"""Planted features and chains: counts, rates, correlations and the bound of a forecast."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.dictionaries.chains import Chains
from toylab.tasks.dictionaries.planted import Planted

N = 20_000


def active(task: Planted) -> np.ndarray:
    return (
        np.asarray(jax.jit(task.batch, static_argnums=1)(jax.random.key(1), N).latents["amplitude"])
        > 0
    )


def test_as_many_features_are_active_as_asked_for():
    on = active(Planted(active=3))
    assert (on.sum(1) == 3).all()
    np.testing.assert_allclose(on.mean(0), 3 / 64, atol=4 * (3 / 64 / N) ** 0.5)
    share = (active(Planted(active=3, single=0.3)).sum(1) == 1).mean()
    assert abs(share - 0.3) < 3 * (0.21 / N) ** 0.5
    on = active(Planted(active=3, independent=1.0))
    assert abs(on.sum(1).mean() - 3) < 0.04 and abs(on.sum(1).var() - 3 * (1 - 3 / 64)) < 0.1


@pytest.mark.parametrize("independent", [0.0, 1.0])
def test_children_bring_their_parents(independent: float):
    task = Planted(active=2, together=1.0, independent=independent)
    on = active(task)
    assert (on[:, :32] >= on[:, 32:]).all()
    assert abs(on.sum(1).mean() - task.l0()) < 0.04
    assert (task.parents[32:] == np.arange(32)).all() and (task.parents[:32] == -1).all()


def test_worlds_have_directions_of_their_own():
    one, other = (np.asarray(Planted(world=w).directions()) for w in (0, 1))
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)
    assert np.abs((one * other).sum(1)).max() < 0.9


def test_chains_keep_their_rates_and_forget_by_rho():
    task = Chains(rho=0.7, slow_rate=0.3, length=24)
    draw = jax.jit(task.batch, static_argnums=1)
    s = np.asarray(draw(jax.random.key(0), 4_000).latents["state"])
    slow = s[..., :8]
    assert abs(slow.mean() - 0.3) < 0.01
    # Of 4,000 sequences of 8 chains; about a sixth of the steps are independent.
    error = 3 / (4_000 * 8 * 4) ** 0.5
    np.testing.assert_allclose(slow[:, 1:][slow[:, :-1] == 0].mean(), 0.3 * 0.3, atol=error)
    np.testing.assert_allclose(slow[:, 1:][slow[:, :-1] == 1].mean(), 1 - 0.7 * 0.3, atol=error)
    for lag in (1, 2, 4):
        one, other = slow[:, :-lag].ravel(), slow[:, lag:].ravel()
        assert abs(np.corrcoef(one, other)[0, 1] - 0.7**lag) < error
    fast = s[..., 8:]
    assert abs(np.corrcoef(fast[:, 1:].ravel(), fast[:, :-1].ravel())[0, 1]) < error


def test_no_forecast_is_better_than_the_bound():
    task = Chains(length=16)
    batch = jax.jit(task.batch, static_argnums=1)(jax.random.key(2), 4_000)
    x, f = np.asarray(batch.inputs, np.float64), np.asarray(task.directions(), np.float64)
    np.testing.assert_allclose(f @ f.T, np.eye(len(f)), atol=1e-6)
    # Least squares on the two inputs before, which it has all to itself.
    past = np.concatenate([x[:, 1:-1], x[:, :-2]], -1).reshape(-1, 64)
    past = np.concatenate([past, np.ones((len(past), 1))], 1)
    now = x[:, 2:].reshape(-1, 32)
    error = now - past @ np.linalg.lstsq(past, now, rcond=None)[0]
    found = 1 - (error**2).sum() / ((now - now.mean(0)) ** 2).sum()
    assert abs(found - task.bound()) < 0.01
    best = np.asarray(task.forecast(batch.latents["state"])[:, 2:] @ task.directions())
    own = 1 - ((now - best.reshape(now.shape)) ** 2).sum() / ((now - now.mean(0)) ** 2).sum()
    assert abs(own - found) < 0.005
    assert task.bound() == pytest.approx(8 * 0.1875 * 0.81 / (8 * 0.1875 + 24 * 0.0475))


def test_shuffled_times_are_the_same_inputs():
    one, other = (Chains(shuffled=s).batch(jax.random.key(0), 50).latents["state"] for s in (0, 1))
    one, other = (np.sort(np.asarray(s), 1) for s in (one, other))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Planted(7), "7 features"),
        (lambda: Planted(active=0), "active = 0"),
        (lambda: Planted(8, active=9), "active = 9"),
        (lambda: Chains(length=1), "length = 1"),
        (lambda: Chains(20, 20), "not orthogonal"),
        (lambda: Chains(slow_rate=1.0), "slow_rate = 1.0"),
    ],
)
def test_worlds_that_cannot_be(make, message: str):
    with pytest.raises(ToylabError, match=message):
        make()
