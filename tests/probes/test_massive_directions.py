"""Linear probes beside one direction of large variance, against scikit-learn in float64."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import LogisticRegression, Ridge

from toylab.probes.linear import logistic, ridge

N = 1200


def activations(width: int, spread: float, rotated: bool) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals with one massive direction, and two of the others as a linear target."""
    rng = np.random.default_rng(width)
    plain = rng.normal(size=(N, width))
    target = plain[:, 1:2] + plain[:, 2:3]
    plain[:, 0] *= spread
    turn = ortho_group.rvs(width, random_state=1) if rotated else np.eye(width)
    return (plain @ turn).astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("spread", [30.0, 1000.0])
@pytest.mark.parametrize("width", [64, 128, 512])
def test_ridge_is_exact(width: int, spread: float, rotated: bool):
    x, y = activations(width, spread, rotated)
    half = N // 2
    probe = ridge(x[:half], y[:half], 1.0)
    referee = Ridge(alpha=1.0, solver="svd").fit(x[:half].astype(float), y[:half].astype(float))
    wanted = referee.predict(x[half:].astype(float))
    np.testing.assert_allclose(probe.predict(x[half:])[:, 0], wanted.ravel(), atol=2e-3)
    np.testing.assert_allclose(probe.weight[:, 0], referee.coef_.ravel(), atol=1e-4)
    assert int(probe.dropped) == 0


@pytest.mark.parametrize("rotated", [False, True])
def test_logistic_is_exact(rotated: bool):
    x, y = activations(64, 300.0, rotated)
    labels = (y[:, 0] > 0).astype(np.int32)
    probe = logistic(x, labels, 2, 1.0, tolerance=1e-6, iterations=20_000)
    referee = LogisticRegression(C=2.0, tol=1e-10, max_iter=100_000, solver="newton-cholesky")
    referee.fit(x.astype(float), labels)
    assert float(probe.grad_norm) <= 1e-6
    margin = probe.weight[:, 1] - probe.weight[:, 0]
    np.testing.assert_allclose(margin, referee.coef_[0], atol=5e-3)
    agree = np.mean(np.asarray(probe.predict(x)) == referee.predict(x.astype(float)))
    assert agree >= 0.999


def test_what_is_dropped_is_reported_and_never_live():
    x, y = activations(16, 1000.0, False)
    x = np.concatenate([x, np.full((N, 1), 3.0, np.float32), x[:, :1]], 1)
    probe = ridge(x, y, 0.0)
    assert int(probe.dropped) == 2  # the constant column, and the repeated one's difference
    assert float(np.abs(probe.weight[16]).max()) < 1e-12
    np.testing.assert_allclose(probe.predict(x), y, atol=2e-3)
