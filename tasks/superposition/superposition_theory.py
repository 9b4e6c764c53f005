"""Exact losses of the tied autoencoder x' = ReLU(W^T W x + b) on one feature at a time.

With exactly one active feature, of magnitude U[0, 1], every output is the ReLU of a line and
the loss is a sum of integrals of quadratics. Losses are sums over features, averaged over
examples. The phase diagram is in ``toylab.tasks.superposition.superposition_phase``.

Sources: Chen et al. 2023 (arXiv:2310.06301); Liu et al. 2025 (2505.10465).
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from toylab.errors import ToylabError, check_number

Values = Any
"""A NumPy or a JAX array; what comes back is of the same kind."""


def zero_crossing(slope: Values, offset: Values) -> Values:
    """Where ``slope x + offset`` changes sign, clipped to [0, 1]; 0 for a flat line."""
    xp = slope.__array_namespace__()
    flat = slope == 0
    zero = -offset / xp.where(flat, xp.ones_like(slope), slope)
    return xp.clip(xp.where(flat, xp.zeros_like(zero), zero), 0.0, 1.0)


def _live(a: Values, b: Values) -> tuple[Values, Values]:
    """Ends of the part of [0, 1] on which a x + b > 0; equal where there is none."""
    xp = a.__array_namespace__()
    zero, off = zero_crossing(a, b), (a == 0) & (b <= 0)
    low = xp.where(a > 0, zero, xp.where(off, xp.ones_like(zero), xp.zeros_like(zero)))
    return low, xp.where(a < 0, zero, xp.ones_like(zero))


def _quadratic(slope: Values, offset: Values, low: Values, high: Values) -> Values:
    """Integral of (slope x + offset)^2 from low to high."""
    middle, half = (low + high) / 2, (high - low) / 2
    return 2 * half * ((slope * middle + offset) ** 2 + (slope * half) ** 2 / 3)


def cross_error(a: Values, b: Values) -> Values:
    """Interference, the integral over x in [0, 1] of ReLU(a x + b)^2; arrays of one shape."""
    return _quadratic(a, b, *_live(a, b))


def own_error(a: Values, b: Values) -> Values:
    """Failure to copy, the integral over x in [0, 1] of (x - ReLU(a x + b))^2."""
    low, high = _live(a, b)
    return low**3 / 3 + (1 - high**3) / 3 + _quadratic(1 - a, -b, low, high)


def one_hot_loss(
    W_MN: Float[Values, "M N"], b_N: Float[Values, " N"], used_N: Float[Values, " N"]
) -> Values:
    """Exact population loss on one-hot features, of which some may not exist; differentiable.

    With c features that exist, and sums over them alone,
    L = 1/c sum_i int_0^1 [ (x - ReLU(G_ii x + b_i))^2 + sum_{j != i} ReLU(G_ji x + b_j)^2 ] dx,
    where G = W^T W.

    Args:
        W_MN: feature directions, in columns; a NumPy or a JAX array.
        b_N: output bias, of the same kind.
        used_N: 1 for a feature that exists, 0 for others
            (:class:`~toylab.tasks.superposition.by_member.FirstFeatures`).

    Returns:
        Loss, a scalar.

    Source: Chen et al. 2023; the L_1 term of Elhage et al. 2022.
    """
    xp = W_MN.__array_namespace__()
    gram_NN = W_MN.T @ W_MN  # [j, i]: what feature i puts on output j
    own_N = own_error(xp.diagonal(gram_NN), b_N)
    cross_NN = cross_error(gram_NN, xp.broadcast_to(b_N[:, None], gram_NN.shape))
    cross_NN = cross_NN * (1 - xp.eye(len(b_N), dtype=W_MN.dtype))
    total = xp.sum(used_N * own_N) + used_N @ cross_NN @ used_N
    return total / xp.sum(used_N)


class Polygon(NamedTuple):
    """The best regular k-gon: norm of its features, bias of its outputs, and h_k."""

    radius: float
    bias: float
    h: float


def polygon_h(k: int, radius: float, bias: float) -> float:
    """h_k(radius, bias) = 3 k L for k features on a regular k-gon in two dimensions."""
    corner = np.cos(2 * np.pi * np.arange(k) / k) * radius**2
    biases = np.full(k, bias)
    cross = cross_error(corner[1:], biases[1:]).sum()
    return float(3 * k * (own_error(corner[:1], biases[:1])[0] + cross))


@cache
def best_polygon(k: int) -> Polygon:
    """Minimise h_k over norm and bias.

    Such a minimum was found for every k tried (2 to 20 and some up to 100), and by symmetry it
    is a critical point of the full loss. With all c = k features alive it is a local minimum
    up to k = 9 and a saddle from 10 to 16 (eigenvalues of the Hessian), and from 9 on it lies
    above the 7-gon that drops the rest. Chen et al. report no critical c-gon for
    9 <= c <= 203 unless 4 divides c; for their narrower definition of one, presumably.

    Args:
        k: number of corners, at least 2.
    """
    check_number("best_polygon", "k", k, low=2, whole=True)
    starts = ((1.0, 0.0), (1.2, -0.3), (1.5, -1.0), (0.7, -0.2), (0.4, -0.1))
    runs = [
        minimize(
            lambda p: polygon_h(k, p[0], p[1]),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-15, "maxiter": 2000},
        )
        for start in starts
    ]
    best = min(runs, key=lambda run: run.fun)
    return Polygon(abs(float(best.x[0])), float(best.x[1]), float(best.fun))


def polygon_level(k: int, n_features: int, biased_dead: int = 0) -> float:
    """Loss of a k-gon with the other c - k features dead: L(k, c) = (h_k + c - k) / (3 c).

    A dead feature has no direction and a bias at or below 0. One with its best bias 1/(2c)
    instead takes 1/(4 c^2) off: the levels written k+, k++ and so on. The loss plateaus of a
    training run lie on these levels.

    Args:
        k: corners of the polygon.
        n_features: c.
        biased_dead: how many of the dead features have the bias 1/(2c).

    Source: Chen et al. 2023.
    """
    dead = n_features - k
    if not 0 <= biased_dead <= dead:
        raise ToylabError(
            f"polygon_level: {biased_dead} biased dead features of {dead} dead; "
            f"give at most {max(dead, 0)} and k <= n_features."
        )
    return (best_polygon(k).h + dead) / (3 * n_features) - biased_dead / (4 * n_features**2)


def polygon_levels(n_features: int, smallest: int = 4) -> dict[str, float]:
    """Every level of c features, by name: ``{"4": .., "4+": .., "5": .., ...}``."""
    return {
        f"{k}{'+' * plus}": polygon_level(k, n_features, plus)
        for k in range(smallest, n_features + 1)
        for plus in range(n_features - k + 1)
    }


def truncated_loss(density_N: Float[Values, " N"], n_kept: int) -> Values:
    """Loss of copying the ``n_kept`` most frequent features perfectly and dropping the rest.

    For magnitudes U[0, 2] and bias 0, 4/3 sum_{i > n_kept} p_i: the weak superposition regime.

    Args:
        density_N: probabilities, most frequent first (``ZipfSparse.densities()``).
        n_kept: features kept.

    Source: Liu et al. 2025.
    """
    return 4 / 3 * density_N[n_kept:].sum()
