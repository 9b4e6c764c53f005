"""A two-layer linear network on a fixed sample, exactly: losses, Hessian and sharpness.

With ``f(x) = b . x`` and ``b = W^T u`` the loss is a function of three moments of the sample,

    L = (b^T C b - 2 c^T b + v) / 2,    C = E[x x^T],  c = E[y x],  v = E[y^2],

and its Hessian has a part that every fit has, and one that fades with the gradient ``g = C b - c``:

    d^2 L = (db)^T C db + 2 g^T dW^T du,    db = W^T du + dW^T u.

Where g is 0 its largest eigenvalue, the sharpness, is that of ``C^(1/2) (W^T W + |u|^2) C^(1/2)``.
From a small start ``W = u b^T / |u|^2`` and ``|u|^2 = |b|`` (balanced). In the limit of a large
sample C is 1 but for ``alpha = E[x_o^2]`` along the outliers' feature, to which b does not respond:
the eigenvalues are ``alpha |b|`` along the feature and ``2 |b|`` along the signal.

Sources: the forms follow from the definitions; that sharpness rises linearly with ``|b|`` up to a
multiple set by the outliers is the theorem of Rosenfeld and Risteski 2023 (arXiv:2311.04163), on
gradient flow.

Shape suffixes: D inputs, H hidden units, N examples, T steps.
"""

from typing import NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.task import Batch, Number


class Moments(NamedTuple):
    """Second moments of a sample: ``E[x x^T]`` (D, D), ``E[y x]`` (D,) and ``E[y^2]`` ()."""

    xx_DD: Array
    xy_D: Array
    yy: Array


def moments(batch: Batch) -> Moments:
    """Return the second moments of a sample of inputs (N, D) and targets (N, 1)."""
    x_ND, y_N = batch.inputs, batch.targets[:, 0]
    size = np.float32(len(x_ND))
    return Moments(x_ND.T @ x_ND / size, y_N @ x_ND / size, y_N @ y_N / size)


def loss(m: Moments, b_D: Float[Array, " D"]) -> Array:
    """Return the mean of ``(b . x - y)^2 / 2`` over the sample.

    Example:
        >>> one = Moments(jnp.eye(2), jnp.ones(2), jnp.float32(2.0))
        >>> float(loss(one, jnp.zeros(2))), float(loss(one, jnp.ones(2)))
        (1.0, 0.0)
    """
    return (b_D @ m.xx_DD @ b_D - 2 * m.xy_D @ b_D + m.yy) / 2


def losses(sample: Batch, b_TD: Float[np.ndarray, "T D"]) -> Float[np.ndarray, "T N"]:
    """Return every example's loss ``(b . x - y)^2 / 2`` at every step of a path, in float64."""
    x_ND, y_N = (np.asarray(leaf, np.float64) for leaf in (sample.inputs, sample.targets[:, 0]))
    return (b_TD @ x_ND.T - y_N) ** 2 / 2


def hessian(
    m: Moments, W_HD: Float[np.ndarray, "H D"], u_H: Float[np.ndarray, " H"]
) -> Float[np.ndarray, "X X"]:
    """Return the dense Hessian with respect to (u, W), ``X = H + H D`` entries, in float64."""
    W, u = np.asarray(W_HD, np.float64), np.asarray(u_H, np.float64)
    xx, xy = np.asarray(m.xx_DD, np.float64), np.asarray(m.xy_D, np.float64)
    h, d = W.shape
    moves = np.concatenate([W.T, np.kron(u[None], np.eye(d))], 1)  # of b, by those of u and W
    bent = np.zeros((h + h * d, h + h * d))
    bent[:h, h:] = np.kron(np.eye(h), (xx @ (W.T @ u) - xy)[None])
    return moves.T @ xx @ moves + bent + bent.T


def fitted_sharpness(m: Moments, b_D: Float[np.ndarray, " D"], scale: float | None = None) -> float:
    """Return the sharpness of a network with end-to-end vector b, where the gradient is 0.

    Args:
        m: moments of the sample.
        b_D: end-to-end vector; the gradient is taken to be 0 there.
        scale: ``|u|^2``; that of a balanced network, ``|b|``, by default.

    Example:
        >>> plain = Moments(jnp.eye(2), jnp.ones(2), jnp.float32(2.0))
        >>> round(fitted_sharpness(plain, np.array([3.0, 0.0])), 3)
        6.0
    """
    b_D, xx_DD = np.asarray(b_D, np.float64), np.asarray(m.xx_DD, np.float64)
    scale = float(np.linalg.norm(b_D)) if scale is None else scale
    inner_DD = np.outer(b_D, b_D) / scale + scale * np.eye(len(b_D))
    return float(np.linalg.eigvals(xx_DD @ inner_DD).real.max())


def least_squares(m: Moments) -> Float[np.ndarray, "*P D"]:
    """Return the shortest b of least loss, of one sample or of several with leading axes."""
    xx_DD, xy_D = np.asarray(m.xx_DD, np.float64), np.asarray(m.xy_D, np.float64)
    return (np.linalg.pinv(xx_DD, rcond=1e-6, hermitian=True) @ xy_D[..., None])[..., 0]


def end_sharpness(alpha: Number, strength: Number) -> np.ndarray:
    """Return the sharpness of a balanced network that has learned a large sample's signal.

    ``max(alpha, 2) |beta|``.

    Example:
        >>> end_sharpness(3.6, 3.0).round(2), end_sharpness(0.0, 3.0)
        (np.float64(10.8), np.float64(6.0))
    """
    return np.maximum(np.asarray(alpha, np.float64), 2) * np.asarray(strength, np.float64)
