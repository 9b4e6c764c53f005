"""The world of opposing signals, against a loop over its examples."""

import jax
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals, examples


def whole(**settings):
    """A sample as NumPy arrays: signal inputs, feature, target, group."""
    task = OpposingSignals(**settings)
    batch = jax.jit(task.enumerate)()
    x = np.asarray(batch.inputs, np.float64)
    y, group = np.asarray(batch.targets)[:, 0], np.asarray(batch.latents["group"])
    return task, x[:, : task.signals], x[:, task.signals :], y, group


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task)), [r for r in check(task) if not r.ok]


@pytest.mark.parametrize("aligned", [0, 1])
def test_targets_are_signal_and_length(aligned):
    task, signal, feature, y, group = whole(size=60, aligned=aligned, world_seed=3)
    beta = np.asarray(task.beta(), np.float64)
    assert np.linalg.norm(beta) == pytest.approx(3, rel=1e-5)
    for n in range(60):
        length = sum(value**2 for value in feature[n]) ** 0.5
        sign = group[n] if aligned else 1
        expected = sum(beta[i] * signal[n, i] for i in range(10)) + sign * length
        assert y[n] == pytest.approx(expected, abs=1e-4)


def test_two_groups_of_one_size_cancel_and_have_the_stated_variance():
    task, _, feature, _, group = whole(size=200, fraction=0.05, magnitude=4.0)
    assert [(group == g).sum() for g in (1, -1, 0)] == [5, 5, 190]
    np.testing.assert_allclose(feature.sum(0), 0, atol=1e-5)
    along = feature @ np.asarray(task.shared())[task.signals :]
    np.testing.assert_allclose(along, 4.0 * group, atol=1e-5)
    assert (along**2).mean() == pytest.approx(task.variance, rel=1e-5) == 0.8
    assert np.linalg.norm(np.asarray(task.shared())) == pytest.approx(1, rel=1e-6)


def test_one_group_alone_leaves_the_others_inputs_as_they_were():
    _, signal, feature, _, group = whole(size=80)
    _, same, left, _, alone = whole(size=80, minus=0)
    np.testing.assert_array_equal(signal, same)
    np.testing.assert_array_equal(alone, np.where(group == 1, 1, 0))
    np.testing.assert_array_equal(left[group == 1], feature[group == 1])
    assert not left[group != 1].any()
    assert OpposingSignals(size=80, minus=0).variance == pytest.approx(1.8)


def test_scattered_outliers_are_as_long_and_share_no_direction():
    task, _, feature, _, group = whole(size=400, features=20, scattered=1)
    length = np.linalg.norm(feature, axis=1)
    np.testing.assert_allclose(length, np.where(group != 0, 6.0, 0.0), atol=1e-4)
    assert np.linalg.eigvalsh(feature.T @ feature / 400)[-1] < task.variance / 4


def test_a_normal_feature_has_the_same_variance_in_pairs_of_opposite_signs():
    task, _, feature, y, group = whole(size=300, gaussian=1)
    along = feature @ np.asarray(task.shared())[task.signals :]
    np.testing.assert_allclose(along[:150], -along[150:], atol=1e-6)
    assert (along**2).mean() == pytest.approx(task.variance, rel=1e-4)
    assert (along**4).mean() / task.variance**2 == pytest.approx(3, abs=0.8)
    np.testing.assert_array_equal(group, np.sign(along))
    _, _, _, plain, _ = whole(size=300)
    assert not np.allclose(y, plain)


def test_a_drawn_batch_holds_examples_of_the_sample_with_their_groups():
    task = OpposingSignals(size=40, fraction=0.5)
    drawn = jax.jit(lambda key: task.batch(key, 200))(jax.random.key(1))
    batch = jax.jit(task.enumerate)()
    known = {np.asarray(x).tobytes(): n for n, x in enumerate(batch.inputs)}
    places = [known[np.asarray(x).tobytes()] for x in drawn.inputs]
    group = np.asarray(batch.latents["group"])
    np.testing.assert_array_equal(drawn.latents["group"], group[places])
    assert len(set(places)) > 30
    same = jax.jit(lambda key: task.batch(key, 40))(jax.random.key(1))
    np.testing.assert_array_equal(same.inputs, batch.inputs)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (dict(size=50), "two groups of 2.5"),
        (dict(size=8), "two groups of 0.4"),
        (dict(size=15, fraction=0.4, gaussian=1), "give an even one"),
        (dict(fraction=0.0), "fraction"),
        (dict(plus=0.5), "plus"),
        (dict(magnitude=-1.0), "magnitude"),
        (dict(features=0), "features"),
    ],
)
def test_settings_that_make_no_sample_are_refused(settings, match):
    with pytest.raises(ToylabError, match=match):
        OpposingSignals(**settings)
