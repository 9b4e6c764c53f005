"""The CUSUM test: its level with and without autocorrelation, its power, its definition."""

import numpy as np
import pytest
import scipy.stats

from toylab.errors import ToylabError
from toylab.stats.change_points import cusum

from .test_segments import ar1

ROWS, SIZE = 300, 400


def alarms(rows: np.ndarray, phi: float | None = None) -> float:
    return float(np.mean(cusum(rows, phi).p_value < 0.05))


def test_as_its_definition_says():
    y = np.random.default_rng(1).normal(size=50)
    found = cusum(y, 0.3)
    sums = [abs(y[:k].sum() - k / 50 * y.sum()) for k in range(1, 50)]
    k = int(np.argmax(sums)) + 1
    rest = np.concatenate([y[:k] - y[:k].mean(), y[k:] - y[k:].mean()])
    exact = max(sums) / (rest.std() * 50**0.5 * (1.3 / 0.7) ** 0.5)
    assert found.statistic == pytest.approx(exact)
    assert (found.place, found.autocorrelation) == (k, 0.3)
    assert found.p_value == pytest.approx(scipy.special.kolmogorov(exact))
    assert scipy.special.kolmogorov(1.358) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("phi", "blind"), [(0.0, 0.05), (0.5, 0.47), (0.9, 0.99)])
def test_false_alarms(phi: float, blind: float):
    rows = ar1(phi, ROWS, SIZE)
    assert alarms(rows, 0.0) == pytest.approx(blind, abs=0.08)
    assert alarms(rows) <= 0.05 + 3 * (0.05 * 0.95 / ROWS) ** 0.5
    assert np.mean(cusum(rows).autocorrelation) == pytest.approx(phi, abs=0.03)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_a_change_is_not_taken_for_autocorrelation(phi: float):
    # Half the curve is higher by a sixth of the uncertainty of one value's worth of noise.
    height = 0.5 * np.sqrt((1 + phi) / (1 - phi))
    rows = ar1(phi, 100, SIZE) + height * (np.arange(SIZE) >= 200)
    assert alarms(rows) > 0.9
    assert np.median(np.abs(cusum(rows).place - 200)) < 15 * (1 + phi) / (1 - phi)


def test_curves_without_noise():
    assert cusum(np.ones(20)).p_value == 1
    found = cusum(np.repeat([0.1, 0.7], 10))
    assert (found.p_value, found.place) == (0, 10)


def test_a_population_is_tested_as_its_curves_one_at_a_time():
    curves = np.random.default_rng(2).normal(size=(2, 3, 30)).cumsum(-1)
    curves[0, 1], curves[1, 2] = 3, np.repeat([0.1, 0.7], 15)
    for phi in (None, np.linspace(-0.5, 0.5, 6).reshape(2, 3)):
        found = cusum(curves, phi)
        for place in np.ndindex(2, 3):
            alone = cusum(curves[place], None if phi is None else phi[place])
            assert tuple(field[place] for field in found) == pytest.approx(tuple(alone))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: cusum([0.0] * 9 + [np.nan]), "at 9 is not finite"),
        (lambda: cusum([0.0] * 9), "S >= 10"),
        (lambda: cusum(np.arange(10.0), 1.0), "autocorrelation = 1 .*between -1 and 1"),
    ],
)
def test_what_cannot_be_tested_is_refused(call, match):
    with pytest.raises(ToylabError, match=match):
        call()
