"""The censored line against least squares and its own likelihood."""

import numpy as np
import pytest
from scipy import stats

from toylab.stats.censored import censored_line


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_line_without_censoring_is_least_squares(rng):
    x = rng.normal(size=(40, 2))
    log_t = 3 + x @ [1.5, -0.7] + 0.1 * rng.normal(size=40)
    expected = np.linalg.lstsq(np.column_stack([np.ones(40), x]), log_t, rcond=None)[0]
    found = censored_line(x, np.exp(log_t), np.ones(40, bool))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_times_on_one_line_are_that_line(rng, slope):
    """Their noise is 0, and the likelihood without a bound."""
    x = rng.normal(size=(12, 1))
    found = censored_line(x, np.exp(5 + slope * x[:, 0]), np.ones(12, bool))
    np.testing.assert_allclose(found, [5, slope], atol=1e-6)


def test_censored_times_are_used_and_not_dropped(rng):
    x = rng.normal(size=(400, 1))
    log_t = 3 - x[:, 0] + 0.5 * rng.normal(size=400)
    end = 3.3
    event, time = log_t < end, np.exp(np.minimum(log_t, end))
    found = censored_line(x, time, event)
    np.testing.assert_allclose(found, [3, -1], atol=0.1)
    dropped = np.polyfit(x[event, 0], log_t[event], 1)
    assert abs(dropped[0] + 1) > 0.15  # what leaving them out does to the slope

    def likelihood(line, scale):
        z = (np.log(time) - line[0] - line[1] * x[:, 0]) / scale
        return np.where(event, stats.norm.logpdf(z) - np.log(scale), stats.norm.logsf(z)).sum()

    at = max((likelihood(found, s), s) for s in np.linspace(0.3, 0.7, 81))[1]
    for shift in ([0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]):
        assert likelihood(found, at) > likelihood(found + shift, at)


def test_line_of_too_few_events_is_unknown():
    x, time = np.arange(4.0)[:, None], np.full(4, 9.0)
    assert np.isnan(censored_line(x, time, [True, True, False, False])).all()
