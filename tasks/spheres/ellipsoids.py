"""What an ellipsoidal decision boundary gets wrong on two spheres: exact rates, nearest errors.

A quadratic network says "outer" of x where ``sum_i alpha_i x_i^2 > 1`` in its own axes. On the
inner sphere that is an error, on the outer one of radius R its absence is: the network is perfect
if and only if every alpha lies in [1/R^2, 1]. Float64 NumPy; P networks, D dimensions, M points.

Source: Gilmer et al. 2018 (arXiv:1801.02774), section 4. Equation 3 there gives the rate by the
central limit theorem, which is not safe in the tail, and lacks a sign and a square.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.stats import norm

from toylab.errors import ToylabError, check_number

STEP = np.arange(0, 40, 0.1)  # of the contour integral, in asinh of the height


def alphas(W: ArrayLike, w: ArrayLike, b: ArrayLike) -> Float[np.ndarray, "*P D"]:
    """Return ``w s_i^2 / (-b)``, ascending, of networks ``f = w |W x|^2 + b``.

    Args:
        W: hidden weights (..., H, D); with H < D the first D - H alphas are 0.
        w: outgoing weights (...), positive.
        b: biases (...), negative.

    Returns:
        (..., D); NaN for a network with NaN.

    Raises:
        ToylabError: w and b whose boundary is no ellipsoid.
    """
    W, w, b = (np.asarray(part, np.float64) for part in (W, w, b))
    wrong = (w <= 0) | (b >= 0)
    if wrong.any():
        told = f"w = {w[wrong].flat[0]:.3g}, b = {b[wrong].flat[0]:.3g}"
        raise ToylabError(f"alphas: {told} has no ellipsoid as boundary; w > 0 > b has.")
    finite = np.isfinite(W).all((-1, -2)) & np.isfinite(w) & np.isfinite(b)
    safe = np.where(finite[..., None, None], W, 0)
    squares = np.maximum(np.linalg.eigvalsh(safe.swapaxes(-1, -2) @ safe), 0)
    squares[..., : max(W.shape[-1] - W.shape[-2], 0)] = 0
    with np.errstate(invalid="ignore"):
        return np.where(finite[..., None], squares * (w / -b)[..., None], np.nan)


def positive_chance(weights: Float[ArrayLike, " D"]) -> float:
    """Return ``P(sum_i weights_i g_i^2 > 0)`` for independent normal g, to about ten digits.

    With ``K(s) = -sum_i log(1 - 2 weights_i s) / 2`` it is the integral of ``exp(K(s)) / s / (2 pi
    i)`` along ``c + i y``; with c at the saddle point of K the digits hold in the far tail too.

    Args:
        weights: (D,), of any sign.

    Returns:
        The chance; NaN where a weight is.
    """
    weight_D = np.asarray(weights, np.float64)
    if not np.isfinite(weight_D).all():
        return float("nan")
    if weight_D.max() <= 0 or weight_D.min() >= 0:
        return float(weight_D.max() > 0)
    if weight_D.sum() > 0:
        return 1 - positive_chance(-weight_D)
    weight_D = weight_D / weight_D.max()
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        rises = np.sum(weight_D / (1 - 2 * weight_D * middle)) > 0
        low, high = (low, middle) if rises else (middle, high)
    centre = max(low, 1e-3 / np.linalg.norm(weight_D))
    scale = min(centre, 0.5 - centre)  # how near the poles are
    s_T = centre + 1j * scale * np.sinh(STEP)
    log_T = -0.5 * np.log1p(-2 * weight_D * s_T[:, None]).sum(1)
    value_T = (np.exp(log_T) / s_T).real * scale * np.cosh(STEP)
    value_T[0] /= 2
    return float(value_T.sum() * (STEP[1] - STEP[0]) / np.pi)


def error_rates(alpha_D: Float[np.ndarray, " D"], radius: float) -> tuple[float, float]:
    """Return the exact shares of the inner and of the outer sphere that are classified wrongly."""
    return positive_chance(alpha_D - 1), positive_chance(radius**-2 - alpha_D)


def normal_rate(alpha_PD: Float[np.ndarray, "*P D"]) -> np.ndarray:
    """Return the inner sphere's rate by the central limit theorem, as the paper estimates it.

    ``Phi(m / s)`` with ``m = sum_i (alpha_i - 1)`` and ``s^2 = 2 sum_i (alpha_i - 1)^2``.
    """
    excess = alpha_PD - 1
    return norm.cdf(excess.sum(-1) / np.sqrt(2 * (excess**2).sum(-1)))


def rescaled(alpha_D: Float[np.ndarray, " D"], rate: float) -> Float[np.ndarray, " D"]:
    """Return alphas times the factor at which the inner sphere's rate is a given one.

    That is what another bias does to a network.

    Args:
        alpha_D: of the network, not all equal; NaN gives NaN.
        rate: wanted, in (0, 0.5].

    Raises:
        ToylabError: a rate out of range, or alphas that are all equal.
    """
    check_number("rescaled", "rate", rate, above=0, high=0.5)
    if not np.isfinite(alpha_D).all():
        return np.full_like(alpha_D, np.nan)
    low, high = 1 / alpha_D.max(), 4 / alpha_D.mean()
    if low * alpha_D.min() > 1 - 1e-9:
        raise ToylabError("rescaled: all alphas are equal, so that the rate is 0 or 1.")
    for _ in range(24):
        middle = (low + high) / 2
        over = positive_chance(middle * alpha_D - 1) > rate
        low, high = (low, middle) if over else (middle, high)
    return alpha_D * high


def error_distances(
    alpha_D: Float[np.ndarray, " D"], x_MD: Float[np.ndarray, "M D"]
) -> Float[np.ndarray, " M"]:
    """Return the exact chord from points of the unit sphere to the nearest error on that sphere.

    The nearest error y of a point x is proportional to ``x_i / (1 - t alpha_i)``, where ``sum_i
    alpha_i y_i^2`` rises with t from x's own to the largest alpha at ``t = 1 / max alpha``.

    Args:
        alpha_D: of the network.
        x_MD: points in the network's axes.

    Returns:
        (M,); 0 for a point that is an error itself, infinity where no error exists.
    """
    if not np.isfinite(alpha_D).all():
        return np.full(len(x_MD), np.nan)
    top = alpha_D.max()
    if top <= 1:
        return np.full(len(x_MD), np.inf)
    share_D = alpha_D / top
    low_M, high_M = np.full(len(x_MD), -80.0), np.zeros(len(x_MD))  # log(1 - t max alpha)
    excess_D = alpha_D - 1
    for _ in range(45):
        middle_M = (low_M + high_M) / 2
        wrong_M = _moved(share_D, x_MD, middle_M) ** 2 @ excess_D > 0
        low_M, high_M = np.where(wrong_M, middle_M, low_M), np.where(wrong_M, high_M, middle_M)
    y_MD = _moved(share_D, x_MD, low_M)
    y_MD /= np.linalg.norm(y_MD, axis=1, keepdims=True)
    chord_M = np.linalg.norm(y_MD - x_MD, axis=1)
    return np.where(x_MD**2 @ alpha_D > 1, 0.0, chord_M)


def _moved(share_D: np.ndarray, x_MD: np.ndarray, log_M: np.ndarray) -> np.ndarray:
    """Return ``x_i / (1 - t alpha_i)``."""
    return x_MD / ((1 - share_D) + np.exp(log_M)[:, None] * share_D)
