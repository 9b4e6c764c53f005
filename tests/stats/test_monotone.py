"""The crossing of a rising fit."""

import numpy as np
import pytest

from toylab.stats.monotone import monotone_crossing


def test_crossing_lies_between_positions_on_a_log_scale():
    assert monotone_crossing([10, 1000], [0.0, 1.0]) == pytest.approx(100)
    assert monotone_crossing([10, 20, 40], [0.1, 0.5, 0.9]) == pytest.approx(20)
    # A dip is fitted away: 0.6 and 0.2 become 0.4 both.
    assert monotone_crossing([10, 20, 40, 80], [0.0, 0.6, 0.2, 0.6]) == pytest.approx(40 * 2**0.5)
    assert np.isnan(monotone_crossing([10, 20], [0.0, 0.4]))
    assert np.isnan(monotone_crossing([10, 20], [0.6, 0.9]))
    assert np.isnan(monotone_crossing([10, 20], [0.0, np.nan]))
