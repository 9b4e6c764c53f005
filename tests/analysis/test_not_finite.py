"""Networks that diverged, and what never moves, are told apart from what is sound."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.analysis.attribution.concepts import tcav_scores
from toylab.analysis.attribution.skills import predictivity
from toylab.analysis.circuits.alignments import alignment_search
from toylab.analysis.circuits.lens import logit_lens_by_layer
from toylab.analysis.dictionary.choice import best_setting
from toylab.analysis.dictionary.groups import group_r2
from toylab.analysis.dictionary.rule_trees import grow
from toylab.analysis.events import own_and_others, settled
from toylab.analysis.geometry.measures import correlation_of_distances
from toylab.models import MLP, Transformer
from toylab.probes.places import r2_held_out
from toylab.stats.ranks import auc

NAN = np.nan


def two_of(model):
    """Parameters of a sound network and of one that diverged."""
    params = model.init(jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.stack([leaf, leaf * NAN]), params)


def test_a_diverged_network_agrees_nowhere():
    model = Transformer(vocab=5, length=3, width=8, depth=1, heads=2)
    found = logit_lens_by_layer(model, two_of(model), jnp.zeros((2, 3), "int32"))
    assert found.agrees[0, -1].all() and (found.rank[0, -1] == 0).all()
    assert not found.agrees[1].any() and (found.rank[1] == 5).all()
    assert np.isnan(found.kl[1]).all()


def test_a_diverged_network_carries_no_variable():
    model, x = MLP(sizes=(4, 6, 3)), jax.random.normal(jax.random.key(1), (20, 4))
    search = (x, x[::-1], jnp.zeros(20, "int32"), 2, jax.random.key(2))
    found = alignment_search(model, two_of(model), "layers/0/post", *search, steps=2)
    shares = np.array([found.fitted, found.random, found.everything, found.untouched])
    assert np.isfinite(shares[:, 0]).all() and np.isnan(shares[:, 1]).all()


def test_scores_of_diverged_activations_are_nan():
    acts = jnp.asarray([[1.0, NAN], [-1.0, 0.0], [2.0, 1.0], [-2.0, 3.0]])
    labels = jnp.asarray([True, False, True, False])
    np.testing.assert_array_equal(predictivity(acts, labels, acts, labels), [1, NAN])
    vectors = jnp.asarray([[1.0, 0.0], [NAN, 0.0]])
    np.testing.assert_array_equal(tcav_scores(acts.at[0, 1].set(0), vectors), [0.5, NAN])


def test_what_is_not_finite_is_never_settled_and_spoils_no_other():
    sound, lost = np.ones(10), np.where(np.arange(10) < 5, 1.0, NAN)
    assert settled(np.stack([sound, lost]), 0.1).tolist() == [0, 10]
    table = np.array([[5.0, 1, NAN], [0, 5, NAN], [1, 3, NAN]])
    np.testing.assert_array_equal(own_and_others(table)[1], [1, 0, 2])
    assert np.isnan(own_and_others(np.full((2, 2), NAN))[1]).all()


def test_a_score_that_is_nan_is_never_the_best():
    rows = {"init_seed": [0] * 4, "setting": [8, 8, 16, 16], "group": [-1, 0, -1, 0]}
    scores = pl.DataFrame(rows | {"f1": [NAN, 0.3, 0.6, 0.5]})
    assert best_setting(scores, "f1")["setting"].to_list() == [16]


@pytest.mark.parametrize("constant", [0.1, 0.7, 3.3])
def test_what_never_moves_has_no_share_explained(constant: float):
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (50, 4)).astype(bool)
    y = np.stack([np.full(50, constant), features[:, 0] * constant], 1).astype(np.float32)
    trees = grow(features, y, 2)
    assert np.isnan(trees.r2(features, y)).tolist() == [True, False]
    group = np.arange(50) % 2
    assert np.isnan(group_r2(trees, features, y, group)).all(0).tolist() == [True, False]
    assert np.isnan(r2_held_out(y, y)).tolist() == [True, False]


def test_points_at_equal_distances_correlate_with_nothing():
    ring = np.abs(np.subtract.outer(np.arange(7), np.arange(7)))
    for vectors in (np.eye(7), np.eye(7, dtype=np.float32) * 0.3):
        assert np.isnan(correlation_of_distances(vectors, ring))


def test_areas_of_small_whole_numbers_and_of_nan():
    assert auc(np.array([0, 1], np.uint8), np.array([True, False])) == 0
    assert np.isnan(auc(np.array([NAN, 0]), np.array([True, False])))
