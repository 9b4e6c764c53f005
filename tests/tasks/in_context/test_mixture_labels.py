"""Labelled items of a mixture: subsets, novel classes and copies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.mixture_labels import MixtureLabels, subset


def test_subset_is_uniform_and_distinct():
    u = jnp.asarray(np.random.default_rng(0).random((6000, 3)), jnp.float32)
    sets = np.sort(np.asarray(jax.vmap(lambda row: subset(row, jnp.int32(5)))(u)), 1)
    found, counts = np.unique(sets, axis=0, return_counts=True)
    assert len(found) == 10 and (np.diff(found, axis=1) > 0).all()
    assert abs(counts - 600).max() < 6 * np.sqrt(600)


def test_novel_classes_differ_and_copies_agree():
    task = MixtureLabels(copies=4, noise=0.0, novel=1.0, n_classes=32)
    batch = jax.jit(lambda key: task.batch(key, 3))(jax.random.key(0))
    items, classes = np.asarray(batch.inputs)[:, ::2, : task.dim], batch.latents["classes"]
    known = np.asarray(task.means(jnp.arange(32)))
    assert known.std() == pytest.approx(1 / np.sqrt(task.dim), rel=0.1)
    for item, kinds, asked in zip(items, np.asarray(classes), batch.latents["target"], strict=True):
        kinds = np.append(kinds, asked)
        same = np.abs(item[:, None] - item[None]).max(-1) < 1e-6
        np.testing.assert_array_equal(same, kinds[:, None] == kinds[None])
        assert np.abs(item[:, None] - known[None]).max(-1).min() > 0.1


def test_copies_that_do_not_divide_the_pairs_are_refused():
    with pytest.raises(ToylabError, match="does not divide"):
        MixtureLabels(copies=3)
