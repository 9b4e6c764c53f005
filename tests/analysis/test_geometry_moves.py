"""Moves to class means, and class means by window, on inputs with known answers."""

import numpy as np

from toylab.analysis.geometry.moves import toward_class_mean
from toylab.analysis.geometry.windows import Windows, visited_places, windows

RNG = np.random.default_rng(0)


def test_all_components_end_at_the_target():
    means = RNG.normal(size=(2, 5, 8))  # two maps of five nodes
    here, target = means[:, :1].repeat(3, 1), np.array([[1, 2, 3], [4, 1, 2]])
    moved = here + toward_class_mean(here, means, target, 4)
    np.testing.assert_allclose(moved[0, 1], means[0, 2], atol=1e-12)
    np.testing.assert_allclose(moved[1, 2], means[1, 2], atol=1e-12)
    assert np.linalg.matrix_rank(toward_class_mean(here, means, target, 2)[0]) == 2


def test_a_diverged_network_does_not_stop_the_others():
    means = RNG.normal(size=(2, 5, 8))
    means[1] = np.nan
    here, target = means[:, :4], np.array([[1, 2, 3, 4]])
    moved = toward_class_mean(here, means, target, 2)
    assert np.isfinite(moved[0]).all() and np.isnan(moved[1]).all()


def test_windows_reach_the_end():
    where = windows(128, 8, 10, visits=20)
    assert where.cuts[0] == (2, 10) and where.cuts[-1] == (120, 128)
    assert where.centre_W[-1] == 123.5


def test_places_are_those_of_the_visits_used():
    where = Windows(((2, 10), (20, 28)), visits=1)
    nodes = np.broadcast_to(np.arange(40) % 2, (3, 5, 40))  # two nodes by turns
    np.testing.assert_allclose(visited_places(nodes, 2, where), [8.5, 26.5])
