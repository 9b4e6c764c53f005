"""Spherical caps: of all sets of a measure on the unit sphere, those that are farthest away.

Of every set E of measure mu on the sphere, the mean distance from a random point of it to E is at
most that to a cap of measure mu (isoperimetric inequality). Distances are chords. Float64 NumPy.

Source: Gilmer et al. 2018 (arXiv:1801.02774), theorem 5.1 and its proof, there for large D; the
form for finite D is derived here.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import betaincinv, betaln
from scipy.stats import norm

from toylab.errors import ToylabError, check_number

NODE, WEIGHT = np.polynomial.legendre.leggauss(400)


def _checked(owner: str, measure: ArrayLike, dim: int) -> np.ndarray:
    check_number(owner, "dim", dim, low=2, whole=True)
    mu = np.asarray(measure, np.float64)
    wrong = mu[(mu < 0) | (mu > 0.5)]
    if wrong.size:
        raise ToylabError(f"{owner}: measure = {wrong.flat[0]:.3g}; give shares in (0, 0.5].")
    return np.where(mu > 0, mu, np.nan)


def cap_height(measure: ArrayLike, dim: int) -> np.ndarray:
    """Return the height c of the cap ``{x: x_1 > c}``, of measure ``I_{1-c^2}((D-1)/2, 1/2) / 2``.

    Args:
        measure: shares of the sphere in (0, 0.5], of any shape; NaN stays, 0 gives NaN.
        dim: D, 2 at least.

    Raises:
        ToylabError: a share that is negative or above a half, or a dimension below 2.
    """
    mu = _checked("cap_height", measure, dim)
    return np.sqrt(1 - betaincinv((dim - 1) / 2, 0.5, 2 * mu))


def cap_distance(measure: ArrayLike, dim: int) -> Float[np.ndarray, "..."]:
    """Return the mean chord from a random point of the unit sphere to a cap of a measure.

    ``int_{t0}^pi 2 sin((t - t0) / 2) sin^{D-2} t dt / int_0^pi sin^{D-2} t dt`` with ``cos t0`` the
    height of the cap.

    Args:
        measure: shares of the sphere in (0, 0.5], of any shape; NaN stays, 0 gives NaN.
        dim: D, 2 at least.

    Raises:
        ToylabError: see :func:`cap_height`.

    Example:
        >>> float(cap_distance(0.001, 500)).__round__(4)
        0.1381
    """
    start = np.arccos(cap_height(measure, dim))[..., None]
    # Beyond 12 standard deviations of t about pi / 2 nothing is left.
    end = np.minimum(np.pi, np.maximum(start, np.pi / 2) + 12 / np.sqrt(dim))
    begin = np.maximum(start, np.pi / 2 - 12 / np.sqrt(dim))
    angle = begin + (end - begin) * (NODE + 1) / 2
    density = np.exp((dim - 2) * np.log(np.sin(angle)) - betaln((dim - 1) / 2, 0.5))
    value = 2 * np.sin((angle - start) / 2) * density
    return ((end - begin)[..., 0] / 2) * (value @ WEIGHT)


def gaussian_distance(measure: ArrayLike, dim: int) -> Float[np.ndarray, "..."]:
    """Return the limit of :func:`cap_distance` for large D, ``(z Phi(z) + phi(z)) / sqrt(D)``.

    Here ``z = Phi^-1(1 - measure)``. At D = 10 it is off by up to a third.
    """
    z = -norm.ppf(_checked("gaussian_distance", measure, dim))
    return (z * norm.cdf(z) + norm.pdf(z)) / np.sqrt(dim)
