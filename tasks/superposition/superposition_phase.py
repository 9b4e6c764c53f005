"""The phase diagram of superposition: N features in N - 1 dimensions, one of them special.

The candidate losses are those of the paper; :func:`pair_loss` is exact for any weights, and
:func:`pair_optimum` shows what the candidates leave out. Losses are sums over features.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition as a Phase Change".
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from toylab.errors import ToylabError

from .superposition_theory import Values, cross_error, own_error, zero_crossing

PHASES = ("not represented", "superposition", "dedicated dimension")
"""What becomes of the extra feature; :func:`phase_argmin` gives indices into this."""

TRIPLE_POINT = (1.0, 4 / 7)
"""Relative importance and density at which the three phases of N = 2 meet."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def phase_losses(density: Values, ratio: Values, n_features: int = 2) -> dict[str, np.ndarray]:
    """Losses of the candidate solutions with N features in N - 1 dimensions.

    With density s, importance 1 of the others and r of the last feature:

        ignore first     s/3 - s^2/4        the ignored feature has bias s/2
        ignore last      r (s/3 - s^2/4)
        superpose first  s^2/3              the two first features antipodal; N = 3 only
        superpose last   (1 + r) s^2/6      the last feature antipodal to another

    The embedded features have norm 1 and bias 0, which is not the minimum: for N = 2 the
    exact one, :func:`pair_optimum`, is up to 15% lower (17% near r = 1) at the boundary.

    Args:
        density: probability that a feature is active, in (0, 1].
        ratio: importance of the last feature over that of the others.
        n_features: 2 or 3.

    Returns:
        Losses by name, in the broadcast shape of density and ratio.
    """
    if n_features not in (2, 3):
        raise ToylabError(f"phase_losses: n_features = {n_features!r}; only 2 and 3 are solved.")
    s, r = np.broadcast_arrays(np.asarray(density, float), np.asarray(ratio, float))
    losses = {"ignore first": s / 3 - s**2 / 4, "ignore last": r * (s / 3 - s**2 / 4)}
    if n_features == 3:
        losses["superpose first"] = s**2 / 3
    return losses | {"superpose last": (1 + r) * s**2 / 6}


def phase_argmin(density: Values, ratio: Values, n_features: int = 2) -> np.ndarray:
    """Phase of the extra feature, as indices into :data:`PHASES`, by the least candidate."""
    phase = {"ignore first": 2, "ignore last": 0, "superpose first": 2, "superpose last": 1}
    losses = phase_losses(density, ratio, n_features)
    best = np.argmin(np.stack(list(losses.values())), axis=0)
    return np.asarray([phase[name] for name in losses])[best]


def superposition_boundary(ratio: Values, n_features: int = 2) -> np.ndarray:
    """Density below which superposing some pair is the least candidate.

    For r <= 1 the last feature joins the pair, below s = 4 r / (2 + 5 r). For r > 1 and
    N = 2 so it does below s = 4 / (5 + 2 r), beside a feature 1 that is ignored above it; for
    N = 3 the first two pair up below s = 4/7 and the last keeps a dimension on both sides.
    Above the boundary the line r = 1 parts "not represented" from "dedicated dimension".

    Args:
        ratio: relative importance r of the last feature.
        n_features: 2 or 3.

    Returns:
        Densities, in the shape of ``ratio``.
    """
    r = np.asarray(ratio, float)
    above = 4 / (5 + 2 * r) if n_features == 2 else np.full_like(r, 4 / 7)
    return np.where(r <= 1, 4 * r / (2 + 5 * r), above)


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


def classify(W_MN: Values, norm: float = 0.5, overlap: float = 0.25) -> Values:
    """Phase of the last feature of a trained model, as an index into :data:`PHASES`.

    Args:
        W_MN: feature directions, in columns; a NumPy or a JAX array.
        norm: least norm of a feature that counts as represented.
        overlap: least sum_{j != i} (Wh_i . W_j)^2 that counts as superposition.

    Returns:
        0, 1 or 2.
    """
    xp = W_MN.__array_namespace__()
    last_M = W_MN[:, -1]
    size = (last_M**2).sum() ** 0.5
    overlap_N = (last_M @ W_MN[:, :-1]) ** 2
    crowded = overlap_N.sum() >= overlap * size**2
    return xp.where(size < norm, 0, xp.where(crowded, 1, 2))


def pair_boundary(ratio: float, resolution: float = 1e-3) -> float:
    """Density at which superposition of two features ends in the exact optimum.

    There the superposed minimum stops being lower than ignoring the lesser feature, or its
    lesser weight falls through 1/2. It lies above :func:`superposition_boundary`: by 13% at
    r = 0.1, 9% at r = 0.5 and 25% at r = 1, where it is 0.713 in place of 4/7 and the fall is
    no longer a jump.

    Args:
        ratio: relative importance r of the second feature.
        resolution: how closely to bisect, as a fraction of the density.
    """
    low, high = float(superposition_boundary(ratio)), 1.0
    while high - low > resolution * low:
        middle = (low + high) / 2
        found = pair_minimum(middle, ratio, "superpose")
        ignoring = min(1.0, ratio) * (middle / 3 - middle**2 / 4)
        superposed = np.abs(found.w).min() > 0.5 and found.loss < ignoring
        low, high = (middle, high) if superposed else (low, middle)
    return (low + high) / 2
