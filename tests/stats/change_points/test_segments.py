"""Change points by least squares against all splits, and how often they are found."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.stats.change_points import change_points, noise_level

RNG = np.random.default_rng(0)


def ar1(phi: float, rows: int, size: int) -> np.ndarray:
    """Rows of stationary AR(1) noise of variance 1."""
    x = np.zeros((rows, size + 100))
    for t in range(1, size + 100):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * RNG.normal(size=rows)
    return x[:, 100:]


@pytest.mark.parametrize("model", ["mean", "line"])
@pytest.mark.parametrize("shortest", [2, 3])
def test_no_split_is_cheaper(model: str, shortest: int):
    degree = {"mean": 0, "line": 1}[model]

    def cost(y, places):
        error = 0.0
        for a, b in itertools.pairwise((0, *places, len(y))):
            fit = np.polyfit(np.arange(a, b), y[a:b], degree)
            error += ((np.polyval(fit, np.arange(a, b)) - y[a:b]) ** 2).sum()
        return error

    for trial in range(3):
        y = RNG.normal(size=11) + 4 * (np.arange(11) > 3 + trial)
        found = change_points(y, model, penalty=3.0, sigma=0.8, shortest=shortest)
        splits = {}
        for count in range(4):
            for places in itertools.combinations(range(1, 11), count):
                if np.diff((0, *places, 11)).min() >= shortest:
                    splits[places] = cost(y, places) / 0.64 + 3.0 * count
        assert tuple(found.places) == min(splits, key=lambda places: splits[places])
        assert found.sse == pytest.approx(cost(y, tuple(found.places)))


def test_a_step_of_five_sigma_is_found_and_constants_have_none():
    noise = RNG.normal(size=(100, 120))
    level = 5.0 * (np.arange(120) >= 70)
    found = [change_points(row + level).places for row in noise]
    assert np.mean([len(p) > 0 and np.abs(p - 70).min() <= 1 for p in found]) == 1
    assert np.mean([len(change_points(row).places) == 0 for row in noise]) >= 0.95
    assert len(change_points(np.full(30, 2.0)).places) == 0


def test_lines_that_break_are_found_and_a_slope_alone_is_no_change():
    t = np.arange(100)
    noise = RNG.normal(size=(40, 100))
    bent = 0.5 * np.maximum(t - 60, 0)
    found = [change_points(row + bent, "line").places for row in noise]
    assert np.mean([len(p) == 1 and abs(p[0] - 60) <= 8 for p in found]) >= 0.9
    assert np.mean([len(change_points(row + 0.3 * t, "line").places) == 0 for row in noise]) >= 0.95
    fit = change_points(np.where(t < 50, t, 100 - t) + 0.01 * noise[0], "line")
    assert np.abs(fit.fitted_S - np.where(t < 50, t, 100 - t)).max() < 0.03


def test_autocorrelated_noise_is_cut_to_pieces_unless_it_is_told():
    noise = ar1(0.7, 40, 200)
    blind = [len(change_points(row).places) > 0 for row in noise]
    aware = [len(change_points(row, autocorrelation=0.7).places) > 0 for row in noise]
    assert np.mean(blind) > 0.9
    assert np.mean(aware) <= 0.1


def test_noise_is_told_from_steps():
    for phi in (0.0, 0.6):
        rows = ar1(phi, 50, 400) + 3 * (np.arange(400) > 200)
        level = np.mean([noise_level(row, phi) for row in rows])
        assert level == pytest.approx(np.sqrt((1 + phi) / (1 - phi)), rel=0.05)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: change_points([0.0, 1.0, np.nan, 1.0]), "at 2 is not finite"),
        (lambda: noise_level([0.0, np.inf, 1.0]), "at 1 is not finite"),
        (lambda: change_points([0.0] * 9 + [1.0]), "give sigma"),
        (lambda: change_points([1.0, 2.0]), "S >= 3"),
        (lambda: change_points([1.0, 2.0, 3.0], "means"), "did you mean 'mean'"),
        (lambda: change_points([1.0, 2.0, 4.0], penalty=-1), "penalty = -1"),
        (lambda: change_points([1.0, 2.0, 4.0], autocorrelation=1.0), "autocorrelation"),
        (lambda: change_points([1.0, 2.0, 4.0], shortest=0), "shortest = 0"),
    ],
)
def test_what_has_no_change_points_is_refused(call, match):
    with pytest.raises(ToylabError, match=match):
        call()
