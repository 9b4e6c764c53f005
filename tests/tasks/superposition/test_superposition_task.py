"""The sparse worlds against their closed forms, with many draws."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from toylab.errors import ToylabError
from toylab.task import Batch
from toylab.tasks.superposition.superposition import FixedSet, OneHot, Sparse, ZipfSparse

SIZE = 40_000
WORLDS = [
    Sparse(5, 0.1, 0.9),
    Sparse(3, (0.5, 0.2, 0.9), last_density_ratio=0.4, last_importance=3.0),
    Sparse(4, 0.3, signed=True, target="abs"),
    Sparse(4, 0.3, signed=True),
    Sparse(6, 0.4, groups=2, correlation="correlated"),
    Sparse(6, 0.4, groups=2, correlation="anticorrelated", last_density_ratio=0.5),
    OneHot(6),
    ZipfSparse(8, alpha=1.3),
]


def close(sample: np.ndarray, expected: np.ndarray, spread: float) -> None:
    """Mean of each column within five standard errors of what is expected."""
    error = np.abs(sample.mean(0) - np.asarray(expected))
    assert np.all(error < 5 * spread / np.sqrt(len(sample)))


@cache
def drawn(task) -> Batch:
    """One large batch of each world, shared by the tests that only look at it."""
    return jax.device_get(jax.jit(task.batch, static_argnums=1)(jax.random.key(0), SIZE))


def rates(task) -> np.ndarray:
    """Probability that each feature is active, written out independently."""
    if isinstance(task, OneHot):
        return np.full(6, 1 / 6)
    if isinstance(task, ZipfSparse):
        share = np.arange(1, 9) ** -1.3
        return share / share.sum()
    sets = np.broadcast_to(np.asarray(task.density, float), (task.n_groups,)).copy()
    sets[-1] *= task.last_density_ratio
    each = sets / (task.group_size if task.correlation == "anticorrelated" else 1)
    return np.repeat(each, task.group_size)


@pytest.mark.parametrize("task", WORLDS, ids=repr)
def test_moments_and_losses(task):
    batch = drawn(task)
    x, y = np.asarray(batch.inputs, float), np.asarray(batch.targets, float)
    p, top = rates(task), 2.0 if isinstance(task, ZipfSparse) else 1.0
    close(np.asarray(batch.latents["active"], float), p, 0.5)
    close(np.abs(x), p * top / 2, top / 2)
    close(x**2, p * top**2 / 3, top**2 / 2)
    assert task.consistent(batch).all()
    weight = np.asarray(batch.weights)
    constant = (weight * (y - y.mean(0)) ** 2).sum(1)
    assert abs(constant.mean() - task.uniform_loss()) < 6 * constant.std() / np.sqrt(SIZE)


@pytest.mark.parametrize("task", WORLDS, ids=repr)
def test_magnitudes_are_uniform(task):
    batch = drawn(task)
    x, active = np.asarray(batch.inputs), np.asarray(batch.latents["active"])
    width = 2.0 if isinstance(task, ZipfSparse) else 1.0
    low, span = (-1.0, 2.0) if getattr(task, "signed", False) else (0.0, width)
    for i in range(x.shape[1]):
        assert stats.kstest(x[active[:, i], i], stats.uniform(low, span).cdf).pvalue > 1e-4


@pytest.mark.parametrize("task", WORLDS, ids=repr)
def test_independent_across_sets(task):
    active = np.asarray(drawn(task).latents["active"], float)
    seen = np.corrcoef(active.T)
    p, n = rates(task), active.shape[1]
    expected = np.eye(n)
    if getattr(task, "correlation", "") == "correlated":
        expected = np.kron(np.eye(2), np.ones((3, 3)))
    elif getattr(task, "correlation", "") == "anticorrelated":
        both = -np.outer(p, p) / np.sqrt(np.outer(p * (1 - p), p * (1 - p)))
        expected += np.kron(np.eye(2), 1 - np.eye(3)) * both
    elif isinstance(task, OneHot):
        expected = np.where(np.eye(n) > 0, 1, -1 / (n - 1))
    assert np.abs(seen - expected).max() < 5 / np.sqrt(SIZE)


def test_magnitudes_in_a_correlated_set_are_independent(key):
    x = np.asarray(Sparse(4, 0.5, groups=2, correlation="correlated").batch(key, SIZE).inputs)
    pair = x[x[:, 0] > 0, :2]
    assert abs(np.corrcoef(pair.T)[0, 1]) < 5 / np.sqrt(len(pair))


@pytest.mark.parametrize("density", [1e-3, 0.05, 0.1, 0.25, 0.7, 1.0])
def test_rate_and_precision_at_every_density(density, key):
    x = np.asarray(Sparse(200, density).batch(key, 2000).inputs).ravel()
    active = x[x > 0]
    spread = np.sqrt(density * (1 - density) * len(x))
    assert abs(len(active) - density * len(x)) <= 5 * spread
    assert stats.kstest(active, "uniform").pvalue > 1e-4
    # A 24-bit draw at density 1/1000 would have only 16,777 levels.
    assert len(np.unique(active)) > 0.95 * len(active)


def test_members_share_their_draws(key):
    density = jnp.array([0.1, 0.4, 0.8], jnp.float32)
    x = jax.vmap(lambda s: Sparse(6, s).batch(key, 500).inputs)(density)
    u = np.where(x > 0, x * np.asarray(density)[:, None, None], np.nan)
    on = np.asarray(x) > 0
    assert (on[0] <= on[1]).all() and (on[1] <= on[2]).all()
    assert np.allclose(u[0][on[0]], u[2][on[0]], rtol=1e-6)
    assert np.array_equal(x[1], Sparse(6, 0.4).batch(key, 500).inputs)


@pytest.mark.parametrize("task", [*WORLDS, FixedSet(20, 0.1, 9)], ids=repr)
def test_examples_and_keys(task, key):
    batch = jax.jit(task.batch, static_argnums=1)(key, 64)
    examples = jax.jit(jax.vmap(task.example))(jax.random.split(key, 64))
    assert examples.inputs.shape == (64, task.n_features) == examples.weights.shape
    assert task.consistent(examples).all()
    if not isinstance(task, FixedSet):
        other = jax.jit(task.batch, static_argnums=1)(jax.random.key(1), 64)
        assert not np.array_equal(batch.inputs, other.inputs)


@pytest.mark.parametrize("task", [WORLDS[0], WORLDS[5]], ids=repr)
def test_jit_changes_nothing(task, key):
    batch, again = jax.jit(task.batch, static_argnums=1)(key, 64), task.batch(key, 64)
    for one, two in zip(jax.tree.leaves(batch), jax.tree.leaves(again), strict=True):
        assert np.allclose(one, two, rtol=1e-6)


def test_importances(key):
    weight = Sparse(3, 0.1, 0.5, last_importance=8.0).batch(key, 4).weights
    assert np.allclose(weight, [[1, 0.5, 2.0]])
    traced = jax.vmap(lambda r: Sparse(2, 0.1, last_importance=r).batch(key, 4).weights)(
        jnp.array([0.5, 3.0], jnp.float32)
    )
    assert np.allclose(traced, [[[1, 0.5]], [[1, 3.0]]])


def test_inconsistent_batches_are_found(key):
    task = Sparse(6, 0.4, groups=2, correlation="correlated")
    batch = task.batch(key, 50)
    assert not task.consistent(batch._replace(targets=batch.targets + 1)).any()
    assert not task.consistent(batch._replace(inputs=batch.inputs + 1)).any()
    half = batch.latents["active"].at[:, 0].set(~batch.latents["active"][:, 0])
    assert not task.consistent(batch._replace(latents=batch.latents | {"active": half})).any()


def test_fixed_set_is_nested_and_normalised():
    small, large = FixedSet(50, 0.02, 40), FixedSet(50, 0.02, 300, n_examples=40)
    a, b = small.batch(), large.batch(jax.random.key(3), 300)
    assert np.array_equal(a.latents["active"], b.latents["active"][:40])
    assert np.allclose(a.inputs, b.inputs[:40], rtol=1e-6)
    assert np.allclose(np.linalg.norm(b.inputs, axis=1), 1, atol=1e-6)
    assert large.consistent(b).all() and b.weights.shape == (300, 1)
    loss_a = (a.weights * a.inputs).sum(1).mean()
    loss_b = (b.weights * b.inputs).sum(1).mean()
    assert np.allclose(loss_a, loss_b, rtol=1e-5)
    assert not np.array_equal(a.inputs, FixedSet(50, 0.02, 40, set_seed=1).batch().inputs)
    count = np.asarray(FixedSet(50, 0.1, 4000).batch().latents["active"]).sum(1)
    assert abs(count.mean() - (5 + 0.9**50)) < 5 * np.sqrt(4.5 / 4000)
    assert count.min() == 1


def test_fixed_set_examples_and_sizes_per_member(key):
    task = FixedSet(30, 0.05, 20, n_examples=3)
    drawn = jax.vmap(task.example)(jax.random.split(key, 300)).inputs
    assert np.array_equal(np.unique(drawn, axis=0), np.unique(task.batch().inputs[:3], axis=0))
    weights = jax.vmap(lambda t: FixedSet(30, 0.05, 20, n_examples=t).batch().weights)(
        jnp.array([5.0, 20.0], jnp.float32)
    )
    assert np.allclose(weights.sum((1, 2)), 20) and (weights[0, 5:] == 0).all()


def test_small_batches_of_a_fixed_set_are_rows_of_it(key):
    task = FixedSet(30, 0.05, 20, n_examples=12)
    batch = task.batch(key, 19)
    whole = np.asarray(task.batch().inputs)
    which = np.array([np.flatnonzero((whole == row).all(1))[0] for row in np.asarray(batch.inputs)])
    assert which.max() < 12 and len(set(which)) > 5
    assert batch.weights.shape == (19, 1) and (batch.weights == 1).all()
    assert task.consistent(batch).all()


def test_unit_norm_world(key):
    task = FixedSet(50, 0.02, 10).world
    batch = task.batch(key, 2000)
    assert np.allclose(np.linalg.norm(batch.inputs, axis=1), 1, atol=1e-6)
    assert task.consistent(batch).all() and task.uniform_loss() is None
    alone = (np.asarray(batch.latents["active"]).sum(1) == 1).mean()
    expected = 0.98**50 + 50 * 0.02 * 0.98**49
    assert abs(alone - expected) < 5 * np.sqrt(0.25 / 2000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sparse(0, 0.1), "n_features"),
        (lambda: Sparse(3, 0.0), "density"),
        (lambda: Sparse(3, 1.5), "density"),
        (lambda: Sparse(3, (0.1, 0.2)), "list of 3"),
        (lambda: Sparse(3, 0.6, last_density_ratio=2.0), "last_density_ratio"),
        (lambda: Sparse(3, 0.1, importance=-1.0), "importance"),
        (lambda: Sparse(5, 0.1, groups=2, correlation="correlated"), "divides"),
        (lambda: Sparse(4, 0.1, groups=2), "name a correlation"),
        (lambda: Sparse(4, 0.1, correlation="corelated"), "did you mean 'correlated'"),
        (lambda: Sparse(4, 0.1, target="ab"), "abs"),
        (lambda: Sparse(4, 0.1, signed=True, unit_norm=True), "unit_norm"),
        (lambda: FixedSet(4, 0.1, 5, n_examples=6), "n_examples"),
        (lambda: ZipfSparse(4, 1.0, expected_active=3.0), "expected_active"),
        (lambda: OneHot(0), "n_features"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(ToylabError, match=words):
        make()
