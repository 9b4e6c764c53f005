"""Points of a latent space, against the laws that they are drawn by."""

import numpy as np

from toylab.analysis.volumes.latent import latent_points

RNG = np.random.default_rng(0)


def test_codes_are_drawn_where_they_lie():
    n = 20_000
    mix = np.tanh(RNG.normal(size=(n, 4)) @ RNG.normal(size=(4, 4)) / 3)
    found = latent_points(mix, n, RNG, bounded=True)
    np.testing.assert_allclose(np.cov(found["natural"].T), np.cov(mix.T), atol=0.02)
    np.testing.assert_allclose(found["natural"].mean(0), mix.mean(0), atol=0.02)
    np.testing.assert_allclose(found["even"].var(0), 1 / 3, atol=0.01)
    free = latent_points(5 * mix * (np.arange(4) < 2), n, RNG, bounded=False, used=2)
    assert not free["natural"][:, 2:].any()
    np.testing.assert_allclose(free["natural"][:, :2].std(0), 1, atol=0.02)
    assert (np.abs(free["even"]).max(0) <= 5).all()
    assert not free["even"][:, 2:].any()
