"""How many change points are found in noise that has none."""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from toylab.errors import check_number
from toylab.stats.change_points.curves import check_phi
from toylab.stats.change_points.cusum import cusum
from toylab.stats.change_points.segments import Segments, change_points


def autocorrelated_noise(
    rng: np.random.Generator, phi: Float[np.ndarray, "*lead"], size: int
) -> Float[np.ndarray, "*lead S"]:
    """Return stationary AR(1) noise of variance 1, ``x_t = phi x_{t-1} + sqrt(1 - phi^2) e_t``.

    Args:
        rng: of the draws.
        phi: autocorrelation of each curve, in (-1, 1).
        size: S.
    """
    x = rng.normal(size=(*np.shape(phi), size))
    for t in range(1, size):
        x[..., t] = phi * x[..., t - 1] + np.sqrt(1 - np.square(phi)) * x[..., t]
    return x


def null_changes(
    size: int,
    autocorrelation: ArrayLike = 0.0,
    draws: int = 200,
    seed: int = 0,
    **settings: object,
) -> Int[np.ndarray, "draws *lead"]:
    """Count the changes that are found in AR(1) noise without any.

    Each draw is cut as a curve is: with the phi that :func:`cusum` estimates of it. The p-value of
    a curve with n changes is ``(1 + sum(null >= n)) / (1 + draws)``.

    Args:
        size: S, records of the curve.
        autocorrelation: phi of the noise, one number or one per curve (...).
        draws: for every phi.
        seed: of the draws.
        settings: of :func:`change_points`: model, penalty, shortest.

    Raises:
        ToylabError: numbers out of range, and what ``change_points`` refuses.

    Example:
        >>> null = null_changes(60, [0.0, 0.8], draws=50)
        >>> null.shape, (null.mean(0) < 0.5).tolist()
        ((50, 2), [True, True])
    """
    check_number("null_changes", "size", size, 10, whole=True)
    check_number("null_changes", "draws", draws, 1, whole=True)
    phi = check_phi("null_changes", autocorrelation, np.shape(autocorrelation))
    phis = np.broadcast_to(phi, (draws, *phi.shape))
    noise = autocorrelated_noise(np.random.default_rng(seed), phis, size)
    told: Segments = change_points(noise, autocorrelation=cusum(noise).autocorrelation, **settings)  # pyright: ignore[reportArgumentType]
    return told.count
