"""Discs and their readers, against loops over pixels and finite differences."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.discs import distances, image
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.concept_space.discs import Discs, examples, rgb
from toylab.tasks.concept_space.readers import Read, concepts, read

TASK = Discs(0.3, 0.4)
MIDDLE = np.array([0.5, 0.55])
render = jax.jit(TASK.render)
many = jax.jit(jax.vmap(TASK.render))
reads = jax.jit(read, static_argnums=(0, 3))


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task)), [r for r in check(task) if not r.ok]


@settings(max_examples=10, deadline=None)
@given(*[st.floats(0, 1, width=32)] * 2, *[st.floats(-1, 1, width=32)] * 2)
def test_images_are_those_of_a_loop_over_pixels(colour, size, x, y):
    found = render(jnp.array([colour, size]), jnp.array([x, y]))
    expected = image(colour, size, x, y, TASK.pixels, TASK.softness)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_examples_are_of_trained_classes_and_hide_their_share_of_colours():
    task = Discs(0.3, 0.4, masked=0.25)
    batch = jax.jit(lambda key: task.batch(key, 4_000))(jax.random.key(0))
    which, z = (np.asarray(batch.latents[n]) for n in ("class", "concepts"))
    assert sorted(np.unique(which)) == [0, 1, 2]
    middle = MIDDLE + np.array([0.3, 0.4]) * (np.stack([which // 2, which % 2], 1) - 0.5)
    assert np.abs((z - middle) / np.array([0.3, 0.4])).max() <= 0.1251
    hidden = np.asarray(batch.inputs)[:, 0] == 0.5
    assert hidden.mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(np.asarray(batch.inputs)[~hidden, 0], z[~hidden, 0])
    np.testing.assert_array_equal(np.asarray(batch.inputs)[:, 1], z[:, 1])
    assert (np.bincount(which) / 4_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.03)


@pytest.mark.parametrize("concept", [0, 1])
def test_concept_signal_is_a_finite_difference(concept):
    place = TASK.places(4)
    step = np.zeros(2)
    step[concept] = 1e-4
    gap = (0.3, 0.4)[concept]
    squares = []
    for x, y in np.asarray(place, np.float64):
        high, low = (np.array(image(*(MIDDLE + s * step), x, y, 8, 0.12)) for s in (1, -1))
        squares.append((((high - low) / 2e-4) ** 2).sum())
    expected = gap * np.sqrt(np.mean(squares))
    assert float(TASK.signal(concept, place)) == pytest.approx(expected, rel=1e-4)


def test_the_reader_is_right_on_true_images_and_strict_means_near():
    place = TASK.places(6)
    for which in range(4):
        true = many(jnp.broadcast_to(TASK.values(which), (6, 2)), place)
        found = reads(TASK, true, place, which)
        assert np.all(found.lenient) and np.all(found.strict) and np.all(found.bits)
        np.testing.assert_allclose(
            found.concepts, np.tile([which // 2, which % 2], (6, 1)), atol=0.03
        )
        assert not np.any(reads(TASK, true, place, 3 - which).lenient)


def test_readings_are_those_of_a_loop_over_classes():
    place = TASK.places(40)
    bits = np.array(list(itertools.product((0, 1), (0, 1))))
    rng = np.random.default_rng(0)
    z = MIDDLE + np.array([0.3, 0.4]) * (rng.random((40, 2)) * 2.0 - 0.5)
    shown = np.asarray(many(jnp.asarray(z, jnp.float32), place))
    found = Read(*map(np.asarray, reads(TASK, jnp.asarray(shown), place, 3)))
    for n, (x, y) in enumerate(np.asarray(place, np.float64)):
        middles = MIDDLE + np.array([0.3, 0.4]) * (bits - 0.5)
        classes = [image(c, s, x, y, 8, 0.12) for c, s in middles]
        off, apart = distances(shown[n], classes), distances(classes[3], classes)
        nearest = int(np.argmin(off))
        assert found.lenient[n] == (nearest == 3)
        assert found.strict[n] == (off[3] < min(apart[:3]) / 4)
        assert found.bits[n].tolist() == [nearest // 2 == 1, nearest % 2 == 1]
    assert np.all(found.lenient >= found.strict)
    assert 0 < found.strict.mean() < found.lenient.mean() < 1
    inside = (z[:, 1] > 0.3) & (z[:, 1] < 0.9)
    told = (z - (MIDDLE - np.array([0.15, 0.2]))) / np.array([0.3, 0.4])
    measured = np.asarray(concepts(TASK, jnp.asarray(shown), place))
    np.testing.assert_allclose(measured[inside], told[inside], atol=0.03)


@pytest.mark.parametrize("gap", [0.25, 0.4, 0.55])
def test_a_gap_of_size_leaves_the_small_disc_as_it_is(gap):
    small, large = (np.asarray(Discs(0.3, gap).values(which)) for which in (2, 3))
    np.testing.assert_allclose(small, [0.65, 0.35], rtol=1e-6)
    np.testing.assert_allclose(large, [0.65, 0.35 + gap], rtol=1e-6)


def test_pictures_are_white_where_there_is_no_disc():
    red = rgb(np.array([1.0, 0, 0, 0, 0, 0, 0.5, 2]))
    expected = [[[1, 0, 0], [1, 1, 1]], [[0.5, 0.5, 1], [0, 0, 1]]]
    np.testing.assert_allclose(red, expected)


def test_an_image_with_nan_is_read_as_nan():
    image_NX = jnp.full((2, 128), jnp.nan)
    found = reads(TASK, image_NX, TASK.places(2), 3)
    assert all(np.isnan(np.asarray(column)).all() for column in found)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"colour_gap": 0.0}, "colour_gap = 0.0"),
        ({"colour_gap": 0.9}, "colour_gap = 0.9"),
        ({"size_gap": -0.1}, "size_gap = -0.1"),
        ({"jitter": 0.5}, "overlap"),
        ({"held_out": 1}, "class 1 is held out"),
        ({"trained": ()}, "give numbers from 0 to 3"),
        ({"trained": (0, 4)}, "give numbers from 0 to 3"),
        ({"masked": 1.5}, "masked = 1.5"),
        ({"pixels": 1}, "pixels = 1"),
    ],
)
def test_settings_that_make_no_world_are_refused(wrong, told):
    with pytest.raises(ToylabError, match=told):
        dataclasses.replace(TASK, **wrong)
