"""Events on curves whose answers are known: staircases, exponentials, rates with a bump."""

import numpy as np
import pytest

from tests.oracles.staircase import staircase
from toylab.analysis.events import (
    dip,
    fall_rate,
    jumps,
    moves,
    own_and_others,
    peak,
    peaks,
    settled,
)


def test_jumps_are_found_where_they_were_put():
    """Up and down jumps at their middles; slow drifts and the opening do not count."""
    D_SN = staircase([30, 70, 5])
    D_SN[:, 1] = 0.5 - D_SN[:, 1]
    drift = np.linspace(0, 0.5, 100)[:, None]
    found = jumps(np.hstack([D_SN, drift]), half=4, least=0.25, start=10)
    assert [feature for _, feature in found] == [0, 1]
    assert abs(found[0][0] - 30) <= 1 and abs(found[1][0] - 70) <= 1


def test_a_feature_may_jump_twice():
    """Up and, later, down again are two jumps."""
    D_SN = staircase([30]) - staircase([60])
    assert len(jumps(D_SN, half=4, least=0.25)) == 2


def test_fall_rate_of_an_exponential():
    """log loss falls by the same amount at every step."""
    steps_S = np.arange(0, 500, 10)
    loss_PS = np.exp(-0.01 * steps_S)[None]
    np.testing.assert_allclose(fall_rate(loss_PS, steps_S, 3), 0.01, rtol=1e-9)


def test_peaks_at_own_and_other_times():
    """A rate of 3 at one's own records and 1 elsewhere; no records is NaN; trends cancel."""
    rate_PS = np.ones((3, 50))
    places = [np.array([10]), np.array([20, 30]), np.array([], int)]
    for p, t in enumerate(places):
        rate_PS[p, t] = 3.0
    own_P, others_P = peaks(rate_PS, places, 4)
    np.testing.assert_allclose(own_P, [3, 3, np.nan])
    np.testing.assert_allclose(others_P, [1, 1, 1])
    assert peak(np.linspace(9, 1, 50), np.array([20, 30]), 4) == pytest.approx(1)


def test_own_value_beside_the_mean_of_the_others():
    """Against a loop; one unit alone has no others."""
    table_PP = np.random.default_rng(0).normal(size=(5, 5))
    own_P, others_P = own_and_others(table_PP)
    for p in range(5):
        assert own_P[p] == table_PP[p, p]
        assert others_P[p] == pytest.approx(np.mean([table_PP[p, q] for q in range(5) if q != p]))
    own_P, others_P = own_and_others(np.array([[2.0]]))
    assert own_P == [2] and np.isnan(others_P).all()


def test_moves_are_the_way_of_all_numbers_in_a_window():
    """Two numbers that move by 0.5 at once; windows are cut at the ends."""
    found_PS = moves(staircase([50, 50])[None], half=4)
    assert found_PS[0, 50] == pytest.approx(1) and (found_PS[0, [0, 20, 99]] == 0).all()


def test_settled_is_the_last_departure_from_the_end():
    """A staircase settles when it comes near its last value; a constant at once."""
    D_PSN = np.stack([staircase([30, 50]), np.zeros((100, 2))])
    settled_P = settled(D_PSN, 0.01)
    assert 50 <= settled_P[0] <= 54 and settled_P[1] == 0


def test_plateau_is_the_least_rate_between():
    """Depth relative to the lesser end; stages out of order have none."""
    rate_PS = np.array([[4.0, 1.0, 2.0, 5.0]] * 2)
    depth = dip(rate_PS, np.array([0, 2]), np.array([2, 0]))
    np.testing.assert_allclose(depth, [0.5, np.nan])
