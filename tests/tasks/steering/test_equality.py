"""Hierarchical equality: fair and right."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.steering.equality import HierarchicalEquality, interchange_pairs


def test_equality_is_fair_and_right():
    task = HierarchicalEquality(3)
    batch = jax.jit(lambda key: task.batch(key, 4000))(jax.random.key(0))
    w, x, y, z = np.split(np.asarray(batch.inputs), 4, 1)
    same = (w == x).all(1), (y == z).all(1)
    np.testing.assert_array_equal(batch.targets, same[0] == same[1])
    for side in same:
        assert abs(side.mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)
    assert np.abs(w.mean(0)).max() < 5 * 3**-0.5 / np.sqrt(4000)
    swapped = batch.latents | {"left": 1 - batch.latents["left"]}
    assert not np.asarray(task.consistent(batch._replace(latents=swapped))).any()
    with pytest.raises(ToylabError, match="width = 0"):
        HierarchicalEquality(0)


def test_pairs_answer_as_both_causal_models():
    some = jax.tree.map(np.asarray, interchange_pairs(500, jax.random.key(0)))
    w, x, _, _ = np.split(some.source, 4, 1)
    _, _, y, z = np.split(some.base, 4, 1)
    right = (y == z).all(1)
    np.testing.assert_array_equal(some.answers[0], (w == x).all(1) == right)
    np.testing.assert_array_equal(some.answers[1], (w[:, 0] > 0) == right)
