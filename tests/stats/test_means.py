"""Means that may be of nothing."""

import math

import numpy as np

from toylab.stats.means import finite_mean, mean_or_nan


def test_mean_or_nan():
    assert math.isnan(mean_or_nan(np.zeros(0))) and mean_or_nan([True, False]) == 0.5
    assert math.isnan(mean_or_nan([1.0, np.nan]))


def test_finite_mean():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]])
    np.testing.assert_array_equal(finite_mean(values), [2, 4, np.nan])
