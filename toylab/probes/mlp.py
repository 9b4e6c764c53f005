"""MLP probes: one hidden layer, trained full batch; for what a linear probe cannot read."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Num

from toylab.errors import check_number
from toylab.probes.base import Probe, over, prepare, varies
from toylab.task import Number


def mlp_probe(
    x: Float[Array, "*lead N D"],
    y: Num[Array, "..."],
    key: Array,
    n_classes: int | None = None,
    *,
    width: int = 64,
    steps: int = 500,
    learning_rate: Number = 1e-2,
    l2: Number = 0.0,
    weights: Float[Array, "*#lead N"] | None = None,
) -> Probe:
    """Fit probes ``relu(x U + c) W + b`` by full-batch Adam for a fixed number of steps.

    Minimises ``mean_n L(y_n, s(x_n)) + l2/2 (||U||^2 + ||W||^2)`` with the mean weighted by
    ``weights``, inputs (and regressed targets) scaled to mean 0 and variance 1, and L the
    squared error, summed over targets, or the cross-entropy. The result undoes the scaling.

    Args:
        x: activations (..., N, D), N >= 2.
        y: float targets (..., N, T) or (N, T); integer labels (..., N) or (N,) of classes.
        key: random key; every leading index draws its own initial weights.
        n_classes: number of classes, or None to regress.
        width: F, hidden units.
        steps: Adam steps.
        learning_rate: of Adam, > 0.
        l2: penalty >= 0 of the scaled problem, one number or one per leading index (...).
        weights: sample weights >= 0 (0 masks a row), (..., N) or (N,).

    Returns:
        Probe with hidden ``(U, c)`` of shapes (..., D, F), (..., F) and weight (..., F, T).
        Adam oscillates: ``grad_norm`` of 1e-2 is usual, a larger one not settled.

    Raises:
        ToylabError: as for ``ridge`` and ``logistic``; width or steps below 1.

    Example:
        >>> x = jax.random.normal(jax.random.key(0), (50, 2))
        >>> y = (x[:, :1] * x[:, 1:] > 0).astype(int)[:, 0]
        >>> mlp_probe(x, y, jax.random.key(1), n_classes=2).predict(x).shape
        (50,)
    """
    for name, value in (("width", width), ("steps", steps)):
        check_number("mlp_probe", name, value, low=1, whole=True)
    check_number("mlp_probe", "learning_rate", learning_rate, above=0)
    x, y, w, penalty = prepare("mlp_probe", x, y, weights, l2, n_classes)
    rate = jnp.asarray(learning_rate, jnp.float32)
    return _fit(x, y, w, penalty, key, rate, n_classes=n_classes, width=width, steps=steps)


@functools.partial(jax.jit, static_argnames=("n_classes", "width", "steps"))
def _fit(
    x: Array,
    y: Array,
    w: Array,
    l2: Array,
    key: Array,
    rate: Array,
    *,
    n_classes: int | None,
    width: int,
    steps: int,
) -> Probe:
    lead = x.shape[:-2]
    fit = lambda x, y, w, l2, key: _fit_one(x, y, w, l2, key, rate, n_classes, width, steps)
    return over(fit, lead, (x, y, w, l2, jax.random.split(key, lead)))


def _scaled(a: Array, p: Array) -> tuple[Array, Array, Array]:
    """Return ``a`` at mean 0 and variance 1 under sample weights ``p``, the mean, the scale.

    A constant column has a scale of infinity, so that it is 0 and says nothing.
    """
    mean = p @ a
    # Not by the variance, of which rounding leaves a constant some.
    scale = jnp.where(varies(a, p), jnp.sqrt(p @ jnp.square(a - mean[None])), jnp.inf)
    return (a - mean[None]) / scale[None], mean, scale


def _fit_one(
    x: Array,
    y: Array,
    w: Array,
    l2: Array,
    key: Array,
    rate: Array,
    n_classes: int | None,
    width: int,
    steps: int,
) -> Probe:
    p = w / jnp.sum(w)
    z, x_mean, x_scale = _scaled(x, p)
    n_out = n_classes or y.shape[-1]
    t, y_mean, y_scale = (y, jnp.zeros(n_out), jnp.ones(n_out)) if n_classes else _scaled(y, p)

    def objective(v: dict[str, Array]) -> Array:
        scores = jax.nn.relu(z @ v["U"] + v["c"][None]) @ v["W"] + v["b"][None]
        if n_classes:
            losses = optax.softmax_cross_entropy_with_integer_labels(scores, t)
        else:
            losses = jnp.sum(jnp.square(scores - t), -1)
        return jnp.sum(p * losses) + l2 / 2 * (jnp.sum(v["U"] ** 2) + jnp.sum(v["W"] ** 2))

    solver = optax.adam(rate)

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        v, state = carry
        # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            moves, state = solver.update(jax.grad(objective)(v), state)
        return (optax.apply_updates(v, moves), state), None

    v = _initial(key, x.shape[1], width, n_out)
    (v, _), _ = jax.lax.scan(step, (v, solver.init(v)), length=steps)
    grad_norm = optax.tree.norm(jax.grad(objective)(v))
    u = v["U"] / x_scale[:, None]
    hidden = (u, v["c"] - x_mean @ u)
    kind = "classes" if n_classes else "regression"
    y_scale = jnp.where(jnp.isfinite(y_scale), y_scale, 0.0)  # a constant target is its mean
    return Probe(v["W"] * y_scale[None], v["b"] * y_scale + y_mean, grad_norm, hidden, kind)


def _initial(key: Array, n_in: int, width: int, n_out: int) -> dict[str, Array]:
    """He-normal hidden weights, zero readout and biases: every fit starts at the constant 0."""
    return {
        "U": jax.random.normal(key, (n_in, width), jnp.float32) * np.float32(np.sqrt(2 / n_in)),
        "c": jnp.zeros(width, jnp.float32),
        "W": jnp.zeros((width, n_out), jnp.float32),
        "b": jnp.zeros(n_out, jnp.float32),
    }
