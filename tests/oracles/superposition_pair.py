"""Exact population loss of two features in one dimension, and its minima, one at a time.

Integrals are done piece by piece in float64, where the library uses a grid of nodes in float32.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from toylab.tasks.superposition.superposition_theory import cross_error, own_error, zero_crossing

Values = Any

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def square_error(own: Values, other: Values, bias: Values) -> Values:
    """Integral over the unit square of (x - ReLU(own x + other y + bias))^2; exact.

    Between the x at which the kink enters or leaves the square, the inner integral is a cubic
    in x, and between its ends the integrand is a quadratic in y: Gauss-Legendre quadrature on
    these pieces makes no error.

    Args:
        own: slopes along x, NumPy or JAX arrays of one shape (...).
        other: slopes along y.
        bias: offsets.

    Returns:
        Integrals (...).
    """
    xp = own.__array_namespace__()
    node_Q, weight_Q = (xp.asarray(v, dtype=own.dtype) for v in (_NODES, _WEIGHTS))
    ends = (xp.zeros_like(own), xp.ones_like(own))
    inner = (zero_crossing(own, bias), zero_crossing(own, bias + other))
    cut = xp.sort(xp.stack((*ends, *inner), axis=-1), axis=-1)[..., None]
    half_x = (cut[..., 1:, :] - cut[..., :-1, :]) / 2
    x = (cut[..., 1:, :] + cut[..., :-1, :]) / 2 + _outer(half_x, node_Q)[..., 0, :]
    line = own[..., None, None] * x + bias[..., None, None]
    slope = xp.broadcast_to(other[..., None, None], x.shape)
    kink = zero_crossing(slope, line)
    total = xp.zeros_like(x)
    for low, high in ((xp.zeros_like(kink), kink), (kink, xp.ones_like(kink))):
        half_y = (high - low) / 2
        y = (low + high)[..., None] / 2 + _outer(half_y, node_Q)
        output = xp.maximum(line[..., None] + slope[..., None] * y, xp.zeros_like(y))
        total = total + (_outer(half_y, weight_Q) * (x[..., None] - output) ** 2).sum(-1)
    return (_outer(half_x, weight_Q)[..., 0, :] * total).sum((-1, -2))


def _outer(values: Values, row: Values) -> Values:
    """values[..., None] * row, without rank promotion."""
    return values[..., None] * row.reshape((1,) * values.ndim + row.shape)


def pair_loss(w: Values, b: Values, density: Values, ratio: Values) -> Values:
    """Exact population loss of N = 2 features in M = 1 dimension, for any weights and bias.

    All arguments are of one kind, NumPy or JAX, and it is differentiable.

    Args:
        w: the two weights, (..., 2).
        b: the two output biases, (..., 2).
        density: probability that a feature is active, (...).
        ratio: importance of the second feature, (...); the first has 1.

    Returns:
        Losses (...).
    """
    xp = w.__array_namespace__()
    s, total = density, 0.0
    for me, importance in ((0, 1.0), (1, ratio)):
        own, other, bias = w[..., me] ** 2, w[..., 0] * w[..., 1], b[..., me]
        loss = (1 - s) ** 2 * xp.maximum(bias, xp.zeros_like(bias)) ** 2
        loss = loss + s * (1 - s) * (own_error(own, bias) + cross_error(other, bias))
        total = total + importance * (loss + s**2 * square_error(own, other, bias))
    return total


class Optimum(NamedTuple):
    """A minimum of :func:`pair_loss`."""

    loss: float
    w: np.ndarray
    b: np.ndarray


_STARTS = {
    "ignore first": (0.01, 1.0, 0.2, 0.0),
    "ignore last": (1.0, 0.01, 0.0, 0.2),
    "superpose": (1.0, -0.9, 0.05, 0.05),
    "confuse": (0.7, 0.7, 0.0, 0.0),
}


def pair_minimum(density: float, ratio: float, start: str) -> Optimum:
    """Local minimum of :func:`pair_loss` reached from one kind of start.

    Args:
        density: probability that a feature is active.
        ratio: importance of the second feature.
        start: "ignore first", "ignore last", "superpose" or "confuse" (equal signs).
    """

    def loss(p: np.ndarray) -> np.ndarray:
        full = np.ones(p.shape[:-1])
        # Divided by the density, so that one tolerance suits them all.
        return pair_loss(p[..., :2], p[..., 2:], density * full, ratio * full) / density

    def slope(p: np.ndarray) -> np.ndarray:
        step = 1e-5 * np.eye(4)
        ahead, behind = loss(np.stack([p + step, p - step]))
        return (ahead - behind) / 2e-5

    options = {"gtol": 1e-7, "maxiter": 200}
    run = minimize(loss, _STARTS[start], jac=slope, method="BFGS", options=options)
    return Optimum(float(run.fun) * density, run.x[:2], run.x[2:])


def pair_optimum(density: float, ratio: float) -> Optimum:
    """Least of the local minima of :func:`pair_loss` over weights and biases.

    Args:
        density: probability that a feature is active.
        ratio: importance of the second feature.
    """
    return min((pair_minimum(density, ratio, s) for s in _STARTS), key=lambda o: o.loss)
