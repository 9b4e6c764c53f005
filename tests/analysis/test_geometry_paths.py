"""Where paths turn, against a closed form and a loop."""

import numpy as np
import pytest

from toylab.analysis.geometry.paths import elbow
from toylab.errors import ToylabError


def test_a_right_angle_is_its_elbow_however_dense_the_points():
    for n, m in ((3, 40), (40, 3)):
        up = np.column_stack([np.zeros(n), np.linspace(0, 1, n)])
        right = np.column_stack([np.linspace(0, 2, m), np.ones(m)])
        assert elbow(np.concatenate([up, right[1:]])) == n - 1


def test_elbow_is_that_of_a_loop_and_moves_with_the_path():
    path = np.random.default_rng(0).normal(size=(30, 2)).cumsum(0)
    a, b = path[0], path[-1]
    away = [abs((b - a)[0] * (p - a)[1] - (b - a)[1] * (p - a)[0]) for p in path]
    assert elbow(path) == int(np.argmax(away))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert elbow(3 * path @ turn + 7) == elbow(path)


def test_paths_without_a_turn_have_none():
    assert elbow(np.outer(np.arange(5.0), [1, 2])) is None
    assert elbow(np.array([[0.0, 1], [np.nan, 2], [3, 3]])) is None
    with pytest.raises(ToylabError, match="2 or more"):
        elbow(np.zeros((1, 2)))
