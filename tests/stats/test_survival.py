"""Crossing times, Kaplan-Meier, the median and the log-rank test against hand and SciPy."""

import numpy as np
import pytest
from scipy import stats

from toylab.errors import ToylabError
from toylab.stats.survival import crossing_times, log_rank, median_time, survival_curve

STEPS = [0, 10, 20, 30, 40]
NAN = np.nan


def sample(seed: int, n: int = 30, scale: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Whole-numbered exponential times (so with ties), about a third of them censored."""
    rng = np.random.default_rng(seed)
    time, limit = rng.exponential(scale, n), rng.exponential(2 * scale, n)
    return np.ceil(np.minimum(time, limit)), time <= limit


def censored(time: np.ndarray, event: np.ndarray) -> stats.CensoredData:
    """The sample as SciPy takes it."""
    return stats.CensoredData.right_censored(time, ~event)


def test_crossing_times_by_hand():
    values = [
        [0, 0, 1, 1, 1],  # crosses at 20
        [0, 1, 0, 1, 1],  # touches at 10, stays from 30
        [0, 0, 0, 0, 1],  # crosses at the very end
        [0, 0, 0, 0, 0],  # never: censored at 40
        [0, 0, NAN, NAN, NAN],  # dies after 10: censored there
        [1, 1, 1, NAN, NAN],  # crosses, then dies: the event was seen
        [NAN] * 5,  # dead at once
    ]
    time, event = crossing_times(STEPS, values, 1.0)
    assert time.tolist() == [20, 10, 40, 40, 10, 0, 0]
    assert event.tolist() == [True, True, True, False, False, True, False]
    time, event = crossing_times(STEPS, values, 1.0, hold=2)
    assert time.tolist() == [20, 30, 40, 40, 10, 0, 0]
    assert event.tolist() == [True, True, False, False, False, True, False]
    assert not crossing_times(STEPS, values, 1.0, hold=6)[1].any()


def test_crossing_below_mirrors_above():
    values = np.random.default_rng(0).normal(size=(20, 5))
    above, below = (
        crossing_times(STEPS, sign * values, sign * 0.5, 2, direction)
        for sign, direction in ((1, "above"), (-1, "below"))
    )
    np.testing.assert_array_equal(above[0], below[0])
    np.testing.assert_array_equal(above[1], below[1])


def test_kaplan_meier_by_hand():
    # At 1: 1 of 5 goes; at 2 one is censored; at 3: 2 of 3; at 4 the last is censored.
    curve = survival_curve([1, 2, 3, 3, 4], [True, False, True, True, False])
    assert curve.time.tolist() == [1, 2, 3, 4]
    assert curve.at_risk.tolist() == [5, 4, 3, 1]
    np.testing.assert_allclose(curve.survival, [0.8, 0.8, 0.8 / 3, 0.8 / 3], rtol=1e-12)


@pytest.mark.parametrize("transform", ["log-log", "linear"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_curve_and_interval_agree_with_scipy(seed: int, transform: str):
    time, event = sample(seed)
    event[np.argmax(time)] = False  # so S stays above 0, where SciPy's interval is defined
    event[time == time.max()] = False
    theirs = stats.ecdf(censored(time, event)).sf
    span = theirs.confidence_interval(0.95, method=transform)
    ours = survival_curve(time, event, transform=transform)
    np.testing.assert_array_equal(ours.time, theirs.quantiles)
    np.testing.assert_allclose(ours.survival, theirs.probabilities, rtol=1e-12)
    known = np.isfinite(span.low.probabilities) & (ours.survival < 1)
    assert known.sum() > 10
    np.testing.assert_allclose(ours.low[known], span.low.probabilities[known], atol=1e-12)
    np.testing.assert_allclose(ours.high[known], span.high.probabilities[known], atol=1e-12)


def test_interval_stays_ordered_when_everyone_has_gone():
    time, event = sample(3)
    curve = survival_curve(time, np.ones_like(event))
    assert curve.survival[-1] == 0
    assert np.all((curve.low <= curve.survival) & (curve.survival <= curve.high))
    assert np.all(np.diff(curve.high) <= 1e-12)
    alone = survival_curve([3.0], [True])
    assert (alone.low[0], alone.survival[0], alone.high[0]) == (0, 0, 1)


def test_median_time():
    assert median_time([1, 2, 3, 4], [True] * 4).estimate == 2
    never = median_time([5, 5, 5], [False] * 3)
    assert never.estimate == never.high == np.inf
    assert np.isnan(median_time([], []).estimate)
    # Half of a large exponential sample is gone at scale * log 2.
    found = median_time(*sample(4, n=2000))
    assert found.low <= np.ceil(10 * np.log(2)) <= found.high
    assert found.high - found.low <= 2


def test_median_interval_covers():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        time, limit = rng.exponential(size=20), rng.exponential(3, size=20)
        found = median_time(np.minimum(time, limit), time <= limit)
        hits += found.low <= np.log(2) <= found.high
    assert 0.91 <= hits / 200 <= 0.99


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_log_rank_agrees_with_scipy(seed: int):
    a, b = sample(seed, 25, 8.0), sample(seed + 100, 20, 16.0)
    theirs = stats.logrank(censored(*a), censored(*b))
    ours = log_rank(*a, *b)
    np.testing.assert_allclose(abs(ours.statistic), abs(theirs.statistic), rtol=1e-10)
    np.testing.assert_allclose(ours.p, theirs.pvalue, rtol=1e-8)
    assert ours.statistic > 0  # the first group's events come earlier
    assert log_rank(*b, *a).statistic == pytest.approx(-ours.statistic, rel=1e-10)


def test_log_rank_without_events_says_nothing():
    assert log_rank([5, 5], [False, False], [5], [False]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: crossing_times([0, 1], np.zeros((2, 3)), 1.0), "steps"),
        (lambda: crossing_times([1, 0], np.zeros((2, 2)), 1.0), "ascend"),
        (lambda: crossing_times([0, 1], np.zeros((2, 2)), 1.0, 0), "hold"),
        (lambda: crossing_times([0, 1], np.zeros((2, 2)), 1.0, 1, "abov"), "'above'"),
        (lambda: survival_curve([1.0, NAN], [True, True]), "per member"),
        (lambda: survival_curve([1.0, 2.0], [True]), "per member"),
    ],
)
def test_errors_name_what_is_wrong(call, word: str):
    with pytest.raises(ToylabError, match=word):
        call()
