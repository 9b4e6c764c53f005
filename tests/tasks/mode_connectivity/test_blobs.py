"""Blobs against counts and Bayes' rule by hand; the ridge against its law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.path import along, barrier
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.mode_connectivity.blobs import TEST, Blobs
from toylab.tasks.mode_connectivity.ridge import chance_apart, descend, height

TASK = Blobs(n_inputs=3, n_classes=3, n_blobs=2, noise=0.3, examples=600)


def test_the_task_keeps_the_rules():
    assert [(r.name, r.detail) for r in check(TASK) if not r.ok] == []


def test_examples_stand_around_their_centres_and_some_labels_are_drawn_anew():
    whole = TASK.draw(20_000, TEST, noise=0.3)
    away = whole.inputs - TASK.centres()[whole.latents["blob"]]
    assert away.std() == pytest.approx(0.5, abs=0.01)
    assert np.abs(away.mean(0)).max() < 0.02
    np.testing.assert_allclose(np.bincount(whole.latents["blob"]) / 20_000, 1 / 6, atol=0.01)
    wrong = (whole.targets != whole.latents["clean"]).mean()
    assert wrong == pytest.approx(0.3 * 2 / 3, abs=0.01)
    assert (TASK.draw(50, TEST).targets == TASK.draw(50, TEST).latents["clean"]).all()


def test_sampled_examples_are_of_the_set_and_cover_it():
    batch = jax.jit(lambda key: TASK.batch(key, 6_000))(jax.random.key(0))
    counts = np.bincount(np.asarray(batch.latents["index"]), minlength=600)
    assert len(counts) == 600 and (counts > 0).all()
    assert TASK.consistent(batch).all()
    assert not TASK.consistent(batch._replace(targets=(batch.targets + 1) % 3)).any()


def test_the_posterior_is_that_of_densities_and_is_calibrated():
    points = TASK.draw(20_000, TEST)
    found = TASK.posterior(points.inputs)
    x, by_class = points.inputs[7], np.zeros(3)
    for k, centre in enumerate(TASK.centres()):
        by_class[k % 3] += np.exp(-((x - centre) ** 2).sum() / (2 * 0.5**2))
    np.testing.assert_allclose(found[7], by_class / by_class.sum(), rtol=1e-5)
    right = found[np.arange(20_000), points.targets]
    assert right.mean() == pytest.approx((found**2).sum(1).mean(), abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"n_classes": 1}, "n_classes = 1"),
        ({"spread": 0.0}, "spread = 0"),
        ({"noise": 1.5}, "noise = 1.5"),
        ({"examples": 0}, "examples = 0"),
    ],
)
def test_bad_settings_are_refused(wrong: dict, text: str):
    with pytest.raises(ToylabError, match=text):
        Blobs(**wrong)


@pytest.mark.parametrize("shared", [0, 10, 40])
def test_runs_part_as_the_law_says(shared: int):
    path = np.asarray(descend(jax.random.key(1), jnp.int32(shared), 4_000, 400))
    assert path.shape == (4_000, 2, 401, 2)
    np.testing.assert_array_equal(path[:, 0, : shared + 1], path[:, 1, : shared + 1])
    end = path[:, :, -1]
    assert np.asarray(height(end)).max() < 1e-6
    side = np.sign(end.sum(-1))
    apart = side[:, 0] != side[:, 1]
    assert apart.mean() == pytest.approx(float(chance_apart(shared)), abs=0.025)
    line = lambda pair: along(height, pair[0], pair[1])
    found = barrier(jax.vmap(line)(jnp.asarray(end)))
    np.testing.assert_allclose(found[apart], 0.5, atol=0.01)
    assert found[~apart].max() < 0.01


def test_the_law_by_a_slow_sum():
    rng, h, n = np.random.default_rng(0), 0.05, 12
    xi = rng.normal(size=(20_000, 2, 200))
    xi[:, 1, :n] = xi[:, 0, :n]
    signs = np.sign((xi * (1 + h) ** -np.arange(1.0, 201)).sum(-1))
    assert (signs[:, 0] != signs[:, 1]).mean() == pytest.approx(chance_apart(n), abs=0.01)
    with pytest.raises(ToylabError, match="step = 0"):
        chance_apart(3, step=0)
