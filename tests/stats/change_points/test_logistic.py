"""Logistic fits against SciPy's, and steps told from smooth curves."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from toylab.errors import ToylabError
from toylab.stats.change_points import abrupt_or_smooth, change_points, fit_logistic

RNG = np.random.default_rng(0)
T = np.arange(100.0)


def test_as_scipy_fits_it():
    for low, high, middle, width in ((0, 1, 30, 4), (5, -2, 60.5, 8)):
        y = low + (high - low) * expit((T - middle) / width) + 0.05 * RNG.normal(size=100)
        curve = lambda t, a, b, m, w: a + (b - a) * expit((t - m) / w)
        exact, _ = curve_fit(curve, T, y, (low, high, middle, width))
        found = fit_logistic(y)
        assert found[:4] == pytest.approx(exact, rel=1e-3, abs=1e-3)
        assert found.sse == pytest.approx(((curve(T, *exact) - y) ** 2).sum(), rel=1e-6)


def test_steps_are_abrupt_smooth_curves_are_not_and_noise_is_neither():
    noise = 0.1 * RNG.normal(size=(10, 100))
    curves = {"step": T >= 55, "logistic": expit((T - 55) / 6), "constant": np.zeros(100)}
    for name, curve in curves.items():
        found = abrupt_or_smooth(noise + curve)
        assert np.mean(found.best == name) >= 0.9
        if name == "step":
            assert (found.place == 55).all()
    # Segments alone would have told of several changes in the smooth one.
    assert (change_points(noise + curves["logistic"]).count > 1).all()
    alone = abrupt_or_smooth(noise[3] + curves["constant"])
    assert found.logistic.fitted.shape == (10, 100)
    assert found.logistic_bic[3] == alone.logistic_bic and found.best[3] == alone.best


def test_bic_by_hand():
    y = (T >= 20) + 0.3 * RNG.normal(size=100)
    found = abrupt_or_smooth(y)
    assert found.constant_bic == pytest.approx(100 * np.log(y.var()) + 2 * np.log(100))
    parts = y[: found.place], y[found.place :]
    sse = sum(part.var() * len(part) for part in parts)
    assert found.step_bic == pytest.approx(100 * np.log(sse / 100) + 4 * np.log(100))
    assert found.step_bic == pytest.approx(
        min(
            100 * np.log(sum(p.var() * len(p) for p in (y[:k], y[k:])) / 100) + 4 * np.log(100)
            for k in range(1, 100)
        )
    )
    sse = found.logistic.sse
    assert found.logistic_bic == pytest.approx(100 * np.log(sse / 100) + 5 * np.log(100))
    assert sse <= sum(part.var() * len(part) for part in parts) * 1.001


def test_without_noise_and_without_values():
    assert abrupt_or_smooth(T >= 40).best == "step"
    assert abrupt_or_smooth(expit((T - 40) / 5)).best == "logistic"
    assert abrupt_or_smooth(np.ones(20)).best == "constant"
    for curve, match in ((np.where(T == 3, np.nan, T), "at 3 is not finite"), (T[:9], "S >= 10")):
        with pytest.raises(ToylabError, match=match):
            abrupt_or_smooth(curve)
