"""Places where curves reach a level."""

import numpy as np
import pytest

from toylab.stats.crossings import binned, crossing


def test_a_crossing_is_interpolated_in_logarithms():
    places, values = np.array([1.0, 4.0, 16.0]), np.array([0.0, 0.2, 0.8])
    assert crossing(places, values, 0.5) == pytest.approx(8)
    assert crossing(places, values, -1.0) == 1
    assert np.isnan(crossing(places, values, 0.9))
    assert np.isnan(crossing(places, values * np.nan, 0.1))


def test_bins_cover_every_place_but_the_start():
    places, means = binned(np.arange(128.0), 24)
    np.testing.assert_array_equal(places, means)
    assert places[0] == 1 and places[-1] > 114
