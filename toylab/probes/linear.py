"""Probes: small supervised models of activations, fitted for a whole population in one call.

Every fit takes activations ``x`` of shape (..., N, D): N samples of width D, under any leading
axes (member, snapshot, site, position). One independent probe is fitted per leading index, all
in one jit. Targets and sample weights may lack leading axes, or hold 1 there, and are then
shared without a copy. Float targets (..., N, T) are regressed; integer labels (..., N) are
classes. A NaN activation makes NaN in its own probe and in no other.

A probe shows that something can be decoded, not that the model uses it: compare
each number with :func:`toylab.probes.controls.with_controls`, and test use by intervening.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import check_number
from toylab.probes.base import Probe, over, prepare
from toylab.probes.mlp import mlp_probe
from toylab.task import Number

__all__ = ["Probe", "logistic", "mlp_probe", "ridge"]


def _moments(x: Array, w: Array, l2: Array, share: float) -> tuple[Array, ...]:
    """Return weights p of sum 1, mean, covariance eigenvectors, preconditioner, number dropped.

    The preconditioner is ``1 / (share * eigenvalue + l2 / sum(w))``, and 0 for directions with
    neither variance nor penalty (constant and repeated units). All of it is float64: beside one
    direction of large variance, as massive activations are, a float32 covariance cannot tell the
    others from none.
    """
    total = jnp.sum(w)
    p = w / total
    mean = p @ x
    centred = x - mean[None]
    lam, q = jnp.linalg.eigh(centred.T @ (p[:, None] * centred))
    curvature = share * jnp.maximum(lam, 0) + l2 / total
    kept = curvature > share * x.shape[1] * np.finfo(np.float64).eps * jnp.max(lam)
    inverse = jnp.where(kept, 1 / jnp.where(kept, curvature, 1.0), 0.0)
    # jnp.where would hide the NaN of a broken member behind a finite probe.
    return p, mean, q, inverse + 0 * curvature, jnp.sum(~kept).astype(jnp.int32)


def _ridge_one(x: Array, y: Array, w: Array, l2: Array) -> tuple[Array, Array, Array, Array]:
    x, y, w, l2 = (a.astype(jnp.float64) for a in (x, y, w, l2))
    p, mean, q, inverse, dropped = _moments(x, w, l2, 1.0)
    l2, inverse = l2 / jnp.sum(w), inverse[:, None]
    z, y_mean = (x - mean[None]) @ q, p @ y
    coef = jnp.zeros((x.shape[1], y.shape[1]), jnp.float64)
    # The second pass is iterative refinement: it wins back digits the covariance has lost.
    for _ in range(2):
        coef += inverse * (z.T @ (p[:, None] * (y - y_mean[None] - z @ coef)) - l2 * coef)
    grad = z.T @ (p[:, None] * (y - y_mean[None] - z @ coef)) - l2 * coef
    weight = q @ coef
    found = weight, y_mean - mean @ weight, jnp.linalg.norm(jnp.sqrt(inverse) * grad)
    return *(a.astype(jnp.float32) for a in found), dropped  # type: ignore[return-value]


@jax.jit
def _ridge(*args: Array) -> Probe:
    weight, bias, grad_norm, dropped = over(_ridge_one, args[0].shape[:-2], args)
    return Probe(weight, bias, grad_norm, dropped=dropped)


def ridge(
    x: Float[Array, "*lead N D"],
    y: Float[Array, "*#lead N T"],
    l2: Number = 1.0,
    weights: Float[Array, "*#lead N"] | None = None,
) -> Probe:
    """Fit linear probes by weighted ridge regression, in closed form.

    Minimises ``sum_n w_n ||y_n - x_n W - b||^2 + l2 ||W||^2``; the intercept is free. With
    ``l2 = 0`` the solution of least norm is returned.

    Args:
        x: activations (..., N, D), N >= 2.
        y: targets (..., N, T), or (N, T) for all.
        l2: penalty >= 0, one number or one per leading index (...); scikit-learn's ``alpha``.
        weights: sample weights >= 0 (0 masks a row), (..., N) or (N,).

    Returns:
        Probe with weight (..., D, T); its ``grad_norm`` is of the order of 1e-7 times the
        targets' spread.

    Raises:
        ToylabError: shapes that do not fit, N < 2, integer targets, l2 < 0, weights < 0.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.eye(4)
        >>> ridge(x, 2 * x[:, :1], l2=1e-6).predict(x).round(3)[:2, 0].tolist()
        [2.0, 0.0]
    """
    args = prepare("ridge", x, y, weights, l2, None)
    with jax.enable_x64(True):
        return _ridge(*args)


def _logistic_one(
    x: Array, y: Array, w: Array, l2: Array, n_classes: int, iterations: int, tolerance: float
) -> tuple[Array, Array, Array, Array]:
    # The cross-entropy's Hessian is at most half the covariance (Böhning 1992), so in these
    # coordinates it is at most the identity: gradient steps of size 1 descend, at any scale of x.
    x, w, l2 = (a.astype(jnp.float64) for a in (x, w, l2))
    p, mean, q, inverse, dropped = _moments(x, w, l2, 0.5)
    to_x = q * jnp.sqrt(inverse)[None]
    ones = jnp.full((x.shape[0], 1), np.sqrt(2), jnp.float64)
    z = jnp.concatenate([(x - mean[None]) @ to_x, ones], 1).astype(jnp.float32)
    penalty = jnp.append(l2 / jnp.sum(w) * inverse, 0.0)[:, None].astype(jnp.float32)
    p = p.astype(jnp.float32)

    def objective(v: Array) -> Array:
        losses = optax.softmax_cross_entropy_with_integer_labels(z @ v, y)
        return jnp.sum(p * losses) + jnp.sum(penalty * v * v) / 2

    start = jnp.zeros((z.shape[1], n_classes), jnp.float32)
    v, grad = _minimise(objective, start, iterations, tolerance)
    v = v.astype(jnp.float64)
    weight = to_x @ v[:-1]
    found = weight, np.sqrt(2) * v[-1] - mean @ weight, jnp.linalg.norm(grad)
    return *(a.astype(jnp.float32) for a in found), dropped  # type: ignore[return-value]


def _minimise(f: Any, start: Array, iterations: int, tolerance: float) -> tuple[Array, Array]:
    """Minimise a convex ``f`` whose Hessian is at most the identity; return point, gradient.

    Nesterov's accelerated gradient with step 1, restarted where it points uphill (O'Donoghue and
    Candès 2015): no line search to compile, or to stall at the resolution of float32.
    """
    gradient = jax.grad(f)

    def step(carry: tuple) -> tuple:
        i, v, ahead, momentum, grad = carry
        new = ahead - grad
        uphill = jnp.vdot(grad, new - v) > 0
        grown = jnp.where(uphill, 1.0, (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2)
        carried = jnp.where(uphill, 0.0, (momentum - 1) / grown)
        ahead = new + carried * (new - v)
        return i + 1, new, ahead, grown, gradient(ahead)

    def unfinished(carry: tuple) -> Array:
        return (carry[0] < iterations) & (jnp.linalg.norm(carry[-1]) > tolerance)

    first = (jnp.int32(0), start, start, jnp.float32(1), gradient(start))
    _, _, ahead, _, grad = jax.lax.while_loop(unfinished, step, first)
    return ahead, grad


@functools.partial(jax.jit, static_argnames=("n_classes",))
def _logistic(*args: Array, n_classes: int, iterations: int, tolerance: float) -> Probe:
    fit = lambda x, y, w, l2: _logistic_one(x, y, w, l2, n_classes, iterations, tolerance)
    weight, bias, grad_norm, dropped = over(fit, args[0].shape[:-2], args)
    return Probe(weight, bias, grad_norm, kind="classes", dropped=dropped)


def logistic(
    x: Float[Array, "*lead N D"],
    y: Int[Array, "*#lead N"],
    n_classes: int,
    l2: Number = 1.0,
    weights: Float[Array, "*#lead N"] | None = None,
    *,
    iterations: int = 3000,
    tolerance: float = 1e-5,
) -> Probe:
    """Fit linear classifiers by multinomial logistic regression.

    Minimises ``sum_n w_n CE(softmax(x_n W + b), y_n) + l2/2 ||W||^2`` by accelerated gradient in
    whitened coordinates; the intercept is free. With two classes this is binary logistic
    regression with penalty ``l2 / 2``.

    Args:
        x: activations (..., N, D), N >= 2.
        y: labels (..., N), or (N,) for all; integers below ``n_classes``.
        n_classes: number of classes, at least 2.
        l2: penalty >= 0, one number or one per leading index (...); 1/C of scikit-learn.
        weights: sample weights >= 0 (0 masks a row), (..., N) or (N,).
        iterations: most gradient steps; a probe that has converged waits for the others.
        tolerance: ``grad_norm`` at which a probe has converged.

    Returns:
        Probe with weight (..., D, n_classes). ``grad_norm > tolerance`` means not converged:
        expected of separable data with ``l2 = 0``, whose optimum lies at infinity.

    Raises:
        ToylabError: shapes that do not fit, N < 2, labels that are not integers or out of
            range, one class only, l2 < 0, weights < 0.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([[-2.0], [-1.0], [1.0], [2.0]])
        >>> logistic(x, jnp.array([0, 0, 1, 1]), 2).predict(x).tolist()
        [0, 0, 1, 1]
    """
    check_number("logistic", "iterations", iterations, low=1, whole=True)
    args = prepare("logistic", x, y, weights, l2, n_classes)
    with jax.enable_x64(True):
        return _logistic(*args, n_classes=n_classes, iterations=iterations, tolerance=tolerance)
