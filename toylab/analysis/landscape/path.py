"""The loss along the straight line between two networks: barriers and curvature.

``theta(t) = (1 - t) a + t b``, and the barrier ``B(t) = L(theta(t)) - (1 - t) L(a) - t L(b)``;
*the* barrier is its largest value. Integrating by parts twice gives, for a smooth loss, exactly

    B(s) = - int_0^1 K(s, t) d^T H(theta(t)) d dt,  K(s, t) = min(s, t) (1 - max(s, t)),

with ``d = b - a``. So there is a barrier where the Hessian H is negative along the line, weighted
by K: on a ridge. The Hessian of an output loss splits, ``d^T H d = f'^T (l'') f' + l' . f''``;
of a convex output loss the first part, Gauss and Newton's, is never negative.

Hazards: a ReLU's kinks carry curvature that no derivative shows, so the identity wants a smooth
activation. Differences of losses in float32 end at about 1e-7: give float64 parameters inside
``jax.enable_x64(True)``.

Sources: the barrier as in Frankle et al. 2020 (arXiv:1912.05671) and Ainsworth et al. 2023
(arXiv:2209.04836), whose code plots the largest loss minus the mean of the ends; the same where
these are equal. The identity is Green's function of ``-u'' = f`` on a line.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number

Tree = Any  # of arrays, such as a network's parameters
POINTS = 25  # of Git Re-Basin's code


def between(a: Tree, b: Tree, t: float | Array) -> Tree:
    """Return ``(1 - t) a + t b``, leaf by leaf."""
    return jax.tree.map(lambda x, y: (1 - t) * x + t * y, a, b)


def along(value: Callable[[Tree], Any], a: Tree, b: Tree, points: int = POINTS) -> Any:
    """Return a function of the parameters at equally spaced points of the line, leading axis T.

    Args:
        value: from parameters to an array or a tree of arrays, such as a loss.
        a: where the line begins.
        b: where it ends; of the same shapes.
        points: T, both ends included.

    Raises:
        ToylabError: fewer than three points, or trees of different shapes.

    Example:
        >>> along(lambda w: w**2, jnp.float32(-1), jnp.float32(1), 3).tolist()
        [1.0, 0.0, 1.0]
    """
    check_number("along", "points", points, 3, whole=True)
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (a, b)]
    if shapes[0] != shapes[1]:
        raise ToylabError(f"along: parameters of shapes {shapes[0]} and {shapes[1]}; give equal.")
    kind = jax.tree.leaves(a)[0].dtype
    return jax.lax.map(lambda t: value(between(a, b, t)), jnp.linspace(0, 1, points, dtype=kind))


def excess(values: Float[ArrayLike, "*lead T"]) -> Float[np.ndarray, "*lead T"]:
    """Return ``B`` at each point: what lies above the straight line between the two ends."""
    values_T = np.asarray(values, np.float64)
    t_T = np.linspace(0, 1, values_T.shape[-1])
    return values_T - (1 - t_T) * values_T[..., :1] - t_T * values_T[..., -1:]


def barrier(values: Float[ArrayLike, "*lead T"]) -> Float[np.ndarray, "*lead"]:
    """Return the barrier of losses along a line, at least 0; NaN where a loss is not finite.

    Args:
        values: at equally spaced points, the ends first and last.

    Example:
        >>> float(barrier([1.0, 4.0, 3.0]))
        2.0
    """
    values_T = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(excess(values_T).max(-1) + 0 * values_T.sum(-1))


def bend(
    outputs: Callable[[Tree], Array], loss: Callable[[Array], Array], a: Tree, b: Tree, t: Array
) -> tuple[Array, Array]:
    """Return ``d^T H d`` at a point of the line, and the part of it that is Gauss and Newton's.

    Args:
        outputs: from parameters to outputs f, on fixed data.
        loss: from outputs to one number.
        a: where the line begins.
        b: where it ends.
        t: the point, a scalar of the parameters' type.
    """
    on_line = lambda s: outputs(between(a, b, s))
    second = lambda function, x, v: jax.jvp(lambda y: jax.jvp(function, (y,), (v,))[1], (x,), (v,))
    total = second(lambda s: loss(on_line(s)), t, jnp.ones_like(t))[1]
    f, slope = jax.jvp(on_line, (t,), (jnp.ones_like(t),))
    return total, second(loss, f, slope)[1]


def green(at: float = 0.5, nodes: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Return points t and weights w with ``B(at) = -sum_g w_g d^T H(theta(t_g)) d``.

    Gauss and Legendre's rule on both sides of ``at``, where K has its kink; the weights hold K.

    Args:
        at: s, inside (0, 1).
        nodes: G / 2, points on each side.

    Example:
        >>> t, w = green(0.5)
        >>> bool(abs(w.sum() - 1 / 8) < 1e-12)  # of constant curvature 1: minus s (1 - s) / 2
        True
    """
    check_number("green", "at", at, 0, 1)
    x, w = np.polynomial.legendre.leggauss(nodes)
    low, high = (x + 1) / 2 * at, at + (x + 1) / 2 * (1 - at)
    t = np.concatenate([low, high])
    weight = np.concatenate([w / 2 * at, w / 2 * (1 - at)])
    return t, weight * np.minimum(at, t) * (1 - np.maximum(at, t))
