"""The greatest rise of a curve within a window."""

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.stats.rise import greatest_rise

STEPS = [0, 10, 20, 30, 40]


def test_it_looks_no_further_than_its_window():
    curve = [0.0, 0.1, 0.5, 0.6, 0.6]
    one, two = (greatest_rise(STEPS, curve, window) for window in (10, 20))
    assert one == pytest.approx((0.4, 10, 20, 0.1))
    assert two == pytest.approx((0.5, 0, 20, 0.0))
    assert two.middle == 10


def test_the_shortest_of_equal_rises_counts():
    found = greatest_rise(STEPS, [1.0, 0.5, 0.0, 0.0, 0.2], 20)
    assert (found.start, found.end, found.before) == (30, 40, 0.0)


def test_a_curve_with_nan_or_without_a_window_has_none():
    assert np.isnan(greatest_rise(STEPS, [0.0, np.nan, 1, 1, 1], 10)).all()
    assert np.isnan(greatest_rise(STEPS, [0.0, 0.1, 1, 1, 1], 5)).all()


def test_as_a_loop_finds_it():
    rng = np.random.default_rng(0)
    steps, values = np.cumsum(rng.integers(1, 9, 30)), rng.normal(size=30)
    every = [
        values[j] - values[i] for i in range(30) for j in range(30) if 0 < steps[j] - steps[i] <= 12
    ]
    assert greatest_rise(steps, values, 12).size == pytest.approx(max(every))


def test_steps_must_ascend():
    with pytest.raises(ToylabError, match="ascending steps"):
        greatest_rise([0, 0], [1.0, 2.0], 1)
