"""Shares of frequencies against regression on waves; the null of random names."""

import numpy as np
import pytest

from toylab.analysis.geometry.frequencies import frequency_shares, strongest_frequency
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("v", [2, 3, 7, 10])
def test_shares_are_those_of_a_regression_on_waves(v: int):
    rows, n = RNG.normal(size=(v, 4)), np.arange(v)
    centred = rows - rows.mean(0)
    for k, share in enumerate(frequency_shares(rows), start=1):
        waves = np.stack([f(2 * np.pi * k * n / v) for f in (np.cos, np.sin)], 1)
        fitted = waves @ np.linalg.lstsq(waves, centred, rcond=None)[0]
        assert share == pytest.approx((fitted**2).sum() / (centred**2).sum())
    assert frequency_shares(rows).sum() == pytest.approx(1)


def test_a_prism_has_the_frequencies_of_its_faces():
    n = np.arange(10)
    pentagon = [f(2 * np.pi * 2 * n / 10) for f in (np.cos, np.sin)]
    prism = np.stack([*pentagon, 0.5 * (-1.0) ** n], 1)
    np.testing.assert_allclose(frequency_shares(prism), [0, 0.8, 0, 0, 0.2], atol=1e-12)


def test_a_wave_stands_out_of_the_null_and_noise_does_not():
    wave = np.exp(2j * np.pi * 3 * np.arange(10) / 10)
    rows = np.stack([wave.real, wave.imag], 1) @ RNG.normal(size=(2, 20))
    share, null = strongest_frequency(rows, 0)
    assert share == pytest.approx(1)
    assert null < 0.6
    noise = [np.subtract(*strongest_frequency(RNG.normal(size=(10, 20)), s)) for s in range(40)]
    assert abs(np.mean(noise)) < 0.03
    assert strongest_frequency(RNG.normal(size=(3, 5)), 0) == pytest.approx((1, 1))
    assert np.isnan(strongest_frequency(np.full((4, 2), np.nan), 0)).all()
    with pytest.raises(ToylabError, match="give \\(V, D\\)"):
        frequency_shares(np.ones((1, 3)))
