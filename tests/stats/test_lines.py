"""A straight line through a curve."""

import numpy as np
import pytest

from toylab.stats.lines import line


def test_slope_and_r2_as_scipy_finds_them():
    from scipy.stats import linregress

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20))
    known = linregress(x, y)
    assert line(x, y) == pytest.approx((known.slope, known.rvalue**2))


def test_a_flat_or_short_or_broken_curve_has_none():
    for y in (np.ones(5), np.arange(2.0), [1.0, np.nan, 2.0]):
        assert np.isnan(line(np.arange(float(len(y))), y)).all()
