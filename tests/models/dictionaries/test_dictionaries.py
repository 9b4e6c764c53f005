"""Dictionaries as models: their codes against loops, k-means against scikit-learn, projections."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from sklearn.cluster import KMeans

from toylab.errors import ToylabError
from toylab.members import grid
from toylab.models.dictionaries.archetypal import ArchetypalDictionary
from toylab.models.dictionaries.codes import batch_sparse, jump, sparse
from toylab.models.dictionaries.sparse import KINDS, SparseDictionary, reconstruction
from toylab.models.dictionaries.starts import Centroids, k_means
from toylab.optim import AdamW
from toylab.optim.projected import ProjectedAdam
from toylab.population import Population
from toylab.random import normal
from toylab.task import Batch, Number, Task
from toylab.train.fit import fit

X = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Noise(Task):
    """Gaussian inputs, the same in every world."""

    world: Number = 0

    def example(self, key: Array) -> Batch:
        x = normal(key, (6,))
        return Batch(x, x, jnp.ones_like(x), {})


def test_a_code_keeps_k_even_of_equals():
    tied = jnp.ones((3, 8))
    assert (sparse(tied, jnp.asarray(2), 4, "topk") > 0).sum(-1).tolist() == [2, 2, 2]
    assert (sparse(-tied, jnp.asarray(2), 4, "topk") > 0).sum() == 0
    kept = np.asarray(batch_sparse(jnp.asarray(X), jnp.asarray(2)))
    least = np.sort(X.ravel())[-2 * len(X)]
    np.testing.assert_array_equal(kept, np.where(X >= least, X, 0))
    np.testing.assert_array_equal(batch_sparse(jnp.asarray(X), jnp.asarray(6)), np.maximum(X, 0))


def test_the_slope_of_a_threshold_is_that_of_a_wider_jump():
    z, theta = jnp.asarray([0.9, 1.2, 3.0]), jnp.ones(3)
    slope = jax.grad(lambda t: jump(z, t, jnp.asarray(0.5))[0].sum())(theta)
    np.testing.assert_allclose(slope, [-2, -2, 0])  # -theta / width within the window
    slope = jax.grad(lambda t: jump(z, t, jnp.asarray(0.5))[1].sum())(theta)
    np.testing.assert_allclose(slope, [-2, -2, 0])
    np.testing.assert_allclose(
        jax.grad(lambda z: jump(z, theta, jnp.asarray(0.5))[0].sum())(z), [0, 1, 1]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_codes_and_objective_are_those_of_a_loop(kind: str):
    model = SparseDictionary(6, 9, kind=kind, k=2, price=0.3, prefixes=(4,))  # type: ignore[arg-type]
    params = model.init(jax.random.key(0))
    shift = lambda leaf: leaf + 0.1 * normal(jax.random.key(leaf.size), leaf.shape)
    params = jax.tree.map(shift, params)
    p = {name: np.asarray(leaf, np.float64) for name, leaf in params.items()}
    codes = np.asarray(model.encode(params, jnp.asarray(X)), np.float64)
    z = (X - p["centre"]) @ p["encoder"] + p["bias"]
    atoms = p["decoder"] / np.linalg.norm(p["decoder"], axis=1, keepdims=True)
    if kind == "topk":
        slow = [[max(v, 0) if v >= np.sort(row)[-2] else 0 for v in row] for row in z]
    elif kind == "batchtopk":
        slow = np.where(z >= np.sort(z.ravel())[-2 * len(X)], z, 0)
    elif kind == "jumprelu":
        slow = np.where(z > np.exp(p["threshold"]), z, 0)
    else:
        size = (X - p["centre"]) @ p["encoder"] * np.exp(p["scale"]) + p["offset"]
        slow = np.where(z > 0, np.maximum(size, 0), 0)
    np.testing.assert_allclose(codes, slow, atol=1e-5)
    left = X - p["centre"]
    loss = (
        ((left - codes @ atoms) ** 2).sum(1) + ((left - codes[:, :4] @ atoms[:4]) ** 2).sum(1)
    ) / 2
    if kind == "jumprelu":
        loss += 0.3 * ((codes > 0).sum(1).mean() / 2 - 1) ** 2
    if kind == "gated":
        gate = np.maximum(z, 0)
        loss += 0.3 * gate.sum(1) + ((left - gate @ atoms) ** 2).sum(1)
    np.testing.assert_allclose(model.objective(params, jnp.asarray(X)), loss, rtol=1e-4)


def test_centroids_are_those_of_scikit_learn():
    found = k_means(jnp.asarray(X), jnp.asarray(X[:5]), 50)
    theirs: Any = KMeans(5, init=X[:5], n_init=1, max_iter=50, tol=0)  # type: ignore[arg-type]
    theirs = theirs.fit(X).cluster_centers_
    np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_members_of_a_world_begin_alike_only_where_they_share_it():
    keys = jax.vmap(jax.random.key)(jnp.arange(2))
    start = Centroids(Noise(), 4, points=32, rounds=3)
    for shared in (1, 0):
        one, other = jax.vmap(lambda key, shared=shared: start(key, 7, shared))(keys)
        assert bool((one == other).all()) == shared


def test_archetypes_stay_in_the_hull_through_training():
    start = Centroids(Noise(), 12, points=64, rounds=2)
    model = ArchetypalDictionary(6, 8, k=2, start=start)
    train = Population(
        model=model,
        task=Noise(),
        members=grid(init_seed=range(2), delta=(0.0, 0.5)),
        optimizer=ProjectedAdam(learning_rate=1e-2, project=model.project),
        loss=reconstruction,
        steps=50,
        batch_size=32,
    )
    done = fit(train)
    params = {name: np.asarray(leaf) for name, leaf in done.params.items()}
    np.testing.assert_allclose(params["mixture"].sum(-1), 1, atol=1e-5)
    assert params["mixture"].min() >= 0 and (params["mixture"] > 0).mean() > 2 / 12
    assert (np.linalg.norm(params["away"], axis=-1).max(1) <= [1e-6, 0.5001, 1e-6, 0.5001]).all()
    delta = train.members["delta"]
    np.testing.assert_allclose(params["delta"], delta)
    atoms = jax.vmap(model.decoder)(done.params)
    hull = np.exp(params["log_scale"])[:, None, None] * (params["mixture"] @ params["points"])
    np.testing.assert_allclose(atoms[0], hull[0], atol=1e-5)


def test_members_of_other_k_train_in_one_program():
    train = Population(
        model=SparseDictionary(6, 8, most=4),
        task=Noise(),
        members=grid(k=(1, 4)),
        optimizer=AdamW(1e-2, 0.0),
        loss=reconstruction,
        steps=60,
        batch_size=32,
    )
    loss_SP = fit(train).records["loss"]
    assert loss_SP[-1, 1] < loss_SP[0, 1] and loss_SP[-1, 1] < loss_SP[-1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 9}, "k = 9"),
        ({"kind": "relu"}, "kind 'relu'"),
        ({"prefixes": (8,)}, "prefixes"),
        ({"start": Centroids(Noise(), 4)}, "8 atoms cannot begin at 4"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, object], message: str):
    with pytest.raises(ToylabError, match=message):
        SparseDictionary(**({"width": 6, "features": 8} | change))  # type: ignore[arg-type]


def test_archetypes_without_data():
    with pytest.raises(ToylabError, match="no candidates"):
        ArchetypalDictionary(6, 8)
    with pytest.raises(ToylabError, match="4 points have no 5"):
        Centroids(Noise(), 5, points=4)
