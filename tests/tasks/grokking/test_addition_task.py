"""Liu et al.'s toy against loops over all pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.grokking.addition import (
    Addition,
    nearest_sum,
    parallelograms,
    predicted_accuracy,
    scores,
)


def slow_parallelograms(embed_VE: np.ndarray, tolerance: float = 0.01) -> set[frozenset]:
    """Every parallelogram of an embedding, pair by pair."""
    unit = (embed_VE - embed_VE.mean(0)) / embed_VE.std(0, ddof=1)
    p, found = len(unit), set()
    pairs = [(a, b) for a in range(p) for b in range(a, p)]
    for one in pairs:
        for two in pairs:
            gap = unit[one[0]] + unit[one[1]] - unit[two[0]] - unit[two[1]]
            if one != two and sum(one) == sum(two) and np.mean(gap**2) < tolerance:
                found.add(frozenset((one, two)))
    return found


@pytest.mark.parametrize("width", [1, 2])
def test_parallelograms_are_those_of_the_loop(width):
    rng = np.random.default_rng(width)
    embed = np.arange(8.0)[:, None] * rng.normal(size=width) + 0.15 * rng.normal(size=(8, width))
    task = Addition(p=8, fraction=0.5)
    pairs = task.table()[0]
    found = np.asarray(parallelograms(jnp.asarray(embed, jnp.float32), pairs))
    expected = slow_parallelograms(embed)
    assert 0 < len(expected) < 84  # of 84 possible ones
    named = {frozenset((tuple(pairs[i]), tuple(pairs[j]))) for i, j in np.argwhere(found)}
    assert named == {frozenset(tuple(map(int, one)) for one in both) for both in expected}


def test_prediction_counts_what_a_parallelogram_joins():
    task = Addition(p=4, fraction=0.5, split_seed=1)
    pairs, train = task.table()[0], np.asarray(task.in_training())
    line = jnp.arange(4, dtype=jnp.float32)[:, None]
    totals = {int(a + b) for a, b in pairs[train]}
    expected = np.mean([t or int(a + b) in totals for (a, b), t in zip(pairs, train, strict=True)])
    found = parallelograms(line, pairs)
    assert float(predicted_accuracy(found, jnp.asarray(train))) == pytest.approx(expected)
    none = jnp.zeros_like(found)
    assert float(predicted_accuracy(none, jnp.asarray(train))) == pytest.approx(train.mean())


class Perfect:
    """A model that knows every sum; its embedding is a line."""

    def __init__(self, task):
        self.task = task

    def apply(self, params, inputs):
        return self.task.vectors()[inputs.sum(-1)]


def test_scores_of_a_perfect_model():
    task = Addition(p=10, fraction=45 / 55)
    found = scores(Perfect(task), {"embed": jnp.arange(10, dtype=jnp.float32)[:, None]}, task)
    assert task.n_train == 45
    for name in ("train_accuracy", "test_accuracy", "accuracy", "rqi"):
        assert float(found[name]) == pytest.approx(1), name
    random = jax.random.normal(jax.random.key(0), (10, 1))
    found = scores(Perfect(task), {"embed": random}, task)
    assert float(found["rqi"]) < 0.2 and float(found["predicted_accuracy"]) < 0.95


def test_nearest_sum_is_the_nearest():
    rng = np.random.default_rng(0)
    out, vectors = rng.normal(size=(50, 3)), rng.normal(size=(7, 3))
    expected = ((out[:, None] - vectors[None]) ** 2).sum(-1).argmin(-1)
    found = nearest_sum(jnp.asarray(out, jnp.float32), jnp.asarray(vectors, jnp.float32))
    np.testing.assert_array_equal(found, expected)


def test_vectors_follow_the_split_seed():
    one, other = (np.asarray(Addition(split_seed=s, fraction=0.5).vectors()) for s in (0, 1))
    assert one.shape == (19, 30) and np.abs(one - other).max() > 1
    assert abs(one.std() - 1) < 0.1


@pytest.mark.parametrize("fault", [{"p": 1}, {"width": 0}, {"fraction": 1.0}])
def test_bad_settings_are_refused(fault):
    with pytest.raises(ToylabError, match="Addition"):
        Addition(**({"fraction": 0.5} | fault))
