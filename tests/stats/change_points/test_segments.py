"""Change points by least squares against all splits, and how often they are found."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.stats.change_points import change_points, cusum, noise_level, null_changes

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
    assert change_points(noise + level).changes[:, 69:72].any(1).all()
    assert np.mean(change_points(noise).count == 0) >= 0.95
    assert len(change_points(np.full(30, 2.0)).places) == 0


def test_lines_that_break_are_found_and_a_slope_alone_is_no_change():
    t = np.arange(100)
    noise = RNG.normal(size=(40, 100))
    bent = 0.5 * np.maximum(t - 60, 0)
    found = change_points(noise + bent, "line")
    assert np.mean((found.count == 1) & found.changes[:, 52:69].any(1)) >= 0.9
    assert np.mean(change_points(noise + 0.3 * t, "line").count == 0) >= 0.95
    fit = change_points(np.where(t < 50, t, 100 - t) + 0.01 * noise[0], "line")
    assert np.abs(fit.fitted - np.where(t < 50, t, 100 - t)).max() < 0.03


def test_autocorrelated_noise_is_cut_to_pieces_unless_it_is_told():
    noise = ar1(0.7, 40, 200)
    assert np.mean(change_points(noise).count > 0) > 0.9
    assert np.mean(change_points(noise, autocorrelation=0.7).count > 0) <= 0.1


@pytest.mark.parametrize("model", ["mean", "line"])
def test_a_population_is_cut_as_its_curves_one_at_a_time(model: str):
    curves = RNG.normal(size=(2, 4, 40)) + 6 * (np.arange(40) >= RNG.integers(5, 35, (2, 4, 1)))
    curves[1, 2] = 7
    phi = RNG.uniform(0, 0.5, (2, 4))
    found = change_points(curves, model, autocorrelation=phi)
    assert found.count.max() > 0 and found.count[1, 2] == 0
    for place in np.ndindex(2, 4):
        alone = change_points(curves[place], model, autocorrelation=phi[place])
        np.testing.assert_array_equal(found.changes[place], alone.changes)
        np.testing.assert_allclose(found.fitted[place], alone.fitted, rtol=1e-12)
        assert (found.sigma[place], found.penalty) == pytest.approx((alone.sigma, alone.penalty))
        assert found.sse[place] == pytest.approx(alone.sse, abs=1e-12)
    with pytest.raises(ToylabError, match=r"curves \(2, 4\) have no places in common"):
        _ = found.places


def test_a_null_is_of_noise_as_autocorrelated_as_the_curve():
    phi = np.array([0.0, 0.7])
    null = null_changes(200, phi, draws=60)
    assert null.shape == (60, 2) and (np.mean(null > 0, 0) <= 0.2).all()
    curves = np.stack([ar1(p, 1, 200)[0] for p in phi])
    curves = curves + 8 * (np.arange(200) >= 90)
    found = change_points(curves, autocorrelation=cusum(curves).autocorrelation)
    assert ((1 + (null >= found.count).sum(0)) / 61 < 0.1).all()
    # What it is cut with decides: blind to phi, the same noise is cut to pieces.
    assert np.mean(null_changes(200, 0.7, draws=60, penalty=0.5) > 0) > 0.9


def test_noise_is_told_from_steps():
    for phi in (0.0, 0.6):
        rows = ar1(phi, 50, 400) + 3 * (np.arange(400) > 200)
        level = np.mean(noise_level(rows, phi))
        assert level == pytest.approx(np.sqrt((1 + phi) / (1 - phi)), rel=0.05)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: change_points([0.0, 1.0, np.nan, 1.0]), "at 2 is not finite"),
        (lambda: noise_level([0.0, np.inf, 1.0]), "at 1 is not finite"),
        (lambda: change_points([0.0] * 9 + [1.0]), "give sigma"),
        (lambda: change_points(np.stack([np.arange(10), np.eye(10)[9]])), "values at 1 repeat"),
        (lambda: change_points([[0, 1.0, 2], [0, 1, np.inf]]), r"at \(1, 2\) is not finite"),
        (lambda: change_points(np.eye(3), autocorrelation=[0.1, 0.2]), r"shape \(2,\) for curves"),
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


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_the_noise_about_a_line_is_not_its_slope(phi):
    rng = np.random.default_rng(2)
    own = rng.normal(size=(20, 4_000))
    noise = np.zeros_like(own)
    for t in range(own.shape[1]):  # AR(1) of standard deviation 1
        noise[:, t] = phi * noise[:, t - 1] + (1 - phi**2) ** 0.5 * own[:, t]
    told = noise_level(noise + 3.0 * np.arange(4_000), phi, "line")
    np.testing.assert_allclose(told.mean(), ((1 + phi) / (1 - phi)) ** 0.5, rtol=0.03)


def test_a_slope_that_changes_a_little_is_found():
    rng, rise = np.random.default_rng(3), np.arange(100.0)
    line = np.where(rise < 50, rise, 50 + 1.05 * (rise - 50))
    found = change_points(line + 0.05 * rng.normal(size=(30, 100)), model="line")
    assert (found.changes.sum(-1) == 1).mean() > 0.9
    assert np.abs(found.changes.argmax(-1) - 50).max() < 8
