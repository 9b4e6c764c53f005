"""Scores of probes, the controls that each score is compared with, and splits without leaks.

A score alone says little: a probe may read a label off the input's statistics (wrong world), off
random features (untrained model), or off the label's frequencies (chance).
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.probes.base import varies
from toylab.probes.linear import Probe

CONTROLS = ("real", "chance", "shuffled", "untrained", "wrong_world")


def _weights(weights: Array | None, n: int) -> Array:
    return jnp.asarray(np.ones(n) if weights is None else weights, jnp.float32)


def _sums(probe: Probe, x: Array, y: Array, weights: Array | None) -> tuple[Array, Array]:
    """Squared error and squared spread per target, each (..., T)."""
    predicted = probe.predict(x)
    if probe.kind != "regression" or jnp.shape(y)[-2:] != predicted.shape[-2:]:
        raise ToylabError(
            f"r2: a {probe.kind} probe that predicts {predicted.shape} cannot be scored on y "
            f"of shape {jnp.shape(y)}; give a regression probe and targets (..., N, T)."
        )
    return _spreads(predicted, jnp.asarray(y, jnp.float32), _weights(weights, y.shape[-2]))


@jax.jit
def _spreads(predicted: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    y = jnp.broadcast_to(y, predicted.shape)
    w = jnp.broadcast_to(weights, y.shape[:-1])[..., None]
    mean = jnp.sum(w * y, -2, keepdims=True) / jnp.sum(w, -2, keepdims=True)
    spread = jnp.sum(w * (y - mean) ** 2, -2)
    return jnp.sum(w * (y - predicted) ** 2, -2), jnp.where(varies(y, w[..., 0]), spread, 0.0)


def r2_per_target(
    probe: Probe, x: Array, y: Array, weights: Array | None = None
) -> Float[Array, "*lead T"]:
    """Return ``1 - sum (y - s)^2 / sum (y - mean y)^2`` per target, NaN for a constant one.

    Args:
        probe: a regression probe.
        x: held-out activations (..., N, D).
        y: targets (..., N, T) or (N, T).
        weights: sample weights (..., N) or (N,).

    Raises:
        ToylabError: a probe of classes, or targets of another shape.
    """
    return _ratio(*_sums(probe, x, y, weights))


@jax.jit
def _ratio(error: Array, spread: Array) -> Array:
    return jnp.where(spread > 0, 1 - error / jnp.where(spread > 0, spread, 1.0), jnp.nan)


def r2(probe: Probe, x: Array, y: Array, weights: Array | None = None) -> Float[Array, "*lead"]:
    """Return R^2 over all targets together: errors and spreads are summed before the ratio.

    Arguments and errors are those of :func:`r2_per_target`.
    """
    error, spread = (jnp.sum(s, -1) for s in _sums(probe, x, y, weights))
    return _ratio(error, spread)


def accuracy(
    probe: Probe, x: Array, y: Array, weights: Array | None = None
) -> Float[Array, "*lead"]:
    """Return the weighted fraction of samples whose predicted class is the label.

    Args:
        probe: a probe of classes.
        x: held-out activations (..., N, D).
        y: integer labels (..., N) or (N,).
        weights: sample weights (..., N) or (N,).

    Raises:
        ToylabError: a regression probe, or labels of another shape.
    """
    predicted = probe.predict(x)
    if probe.kind != "classes" or jnp.shape(y)[-1:] != predicted.shape[-1:]:
        raise ToylabError(
            f"accuracy: a {probe.kind} probe that predicts {predicted.shape} cannot be scored "
            f"on y of shape {jnp.shape(y)}; give a probe of classes and labels (..., N)."
        )
    labels = jnp.asarray(y, jnp.int32)
    return _share(predicted, labels, _weights(weights, labels.shape[-1]), probe.bias)


@jax.jit
def _share(predicted: Array, y: Array, weights: Array, bias: Array) -> Array:
    right = predicted == jnp.broadcast_to(y, predicted.shape)
    w = jnp.broadcast_to(weights, right.shape)
    share = jnp.sum(jnp.where(right, w, 0.0), -1) / jnp.sum(w, -1)
    # argmax of NaN is a class: a broken member must not score like a sound one.
    return jnp.where(jnp.isfinite(bias).all(-1), share, jnp.nan)


def permute_within(key: Array, groups: Array | None, n: int) -> Array:
    """Return a random permutation (n,) that maps every group onto itself."""
    if groups is None:
        return jax.random.permutation(key, n)
    groups = jnp.asarray(groups)
    if groups.shape != (n,):
        raise ToylabError(f"permute_within: groups have shape {groups.shape}; give ({n},).")
    return _permute(key, groups)


@jax.jit
def _permute(key: Array, groups: Array) -> Array:
    order = jax.random.permutation(key, groups.size)
    shuffled = order[jnp.argsort(groups[order], stable=True)]
    return jnp.zeros_like(order).at[jnp.argsort(groups, stable=True)].set(shuffled)


def with_controls(
    fit: Callable[..., Probe],
    score: Callable[..., Array],
    x_train: Array,
    y_train: Array,
    x_test: Array,
    y_test: Array,
    key: Array,
    *,
    untrained: tuple[Array, Array] | None = None,
    wrong: tuple[Array, Array] | None = None,
    groups: Array | None = None,
    weights: tuple[Array, Array] | None = None,
) -> Mapping[str, Any]:
    """Fit a probe and its controls on the training samples; score each on the held-out ones.

    =========== ==================================================================
    real        the probe
    chance      the same fit on inputs of zeros: the best constant predictor
    shuffled    training labels permuted over the samples, held-out labels true
    untrained   activations of the untrained model, true labels
    wrong_world real activations, labels of a world the model was not trained on
    =========== ==================================================================

    Args:
        fit: ``fit(x, y)``, as in ``lambda x, y, **k: ridge(x, y, 1e-3, **k)``.
        score: ``score(probe, x, y)``, as ``r2`` or ``accuracy``.
        x_train: activations (..., N, D); see ``toylab.probes.linear`` for leading axes.
        y_train: integer labels (..., N), or float targets (..., N, T).
        x_test: held-out activations (..., N', D).
        y_test: held-out labels or targets.
        key: random key of the permutation, which all leading indices share.
        untrained: ``(x_train, x_test)`` of the untrained model.
        wrong: ``(y_train, y_test)`` of the wrong world.
        groups: (N,) integers; labels are permuted within a group only (a position, a game).
        weights: ``(train, test)`` sample weights, passed on as ``weights=``; labels then swap
            places among rows of positive weight only, which needs (N,) training weights.

    Returns:
        ``{control: score (...)}`` with all five keys; None where nothing was given.

    Raises:
        ToylabError: labels whose sample axis is not N; per-problem training weights.

    Example:
        >>> from toylab.probes.linear import ridge
        >>> x = jax.random.normal(jax.random.key(0), (60, 3))
        >>> fitted = with_controls(ridge, r2, x[:40], x[:40], x[40:], x[40:], jax.random.key(1))
        >>> bool(fitted["real"] > 0.9), bool(fitted["chance"] < 0.1), fitted["wrong_world"]
        (True, True, None)
    """
    fit_kw = {} if weights is None else {"weights": weights[0]}
    score_kw = {} if weights is None else {"weights": weights[1]}

    def held_out(x: Array, y: Array, x_held: Array, y_held: Array) -> Array:
        return score(fit(x, y, **fit_kw), x_held, y_held, **score_kw)

    y_train = jnp.asarray(y_train)
    axis = -1 if jnp.issubdtype(y_train.dtype, jnp.integer) else -2
    n = x_train.shape[-2]
    if y_train.ndim < -axis or y_train.shape[axis] != n:
        raise ToylabError(
            f"with_controls: y_train has shape {y_train.shape}, but x_train has {n} samples; "
            "give integer labels (..., N) or float targets (..., N, T)."
        )
    order = permute_within(key, _strata(groups, fit_kw.get("weights"), n), n)
    shuffled = jnp.take(y_train, order, axis=axis)
    zeros = jnp.zeros_like(x_train), jnp.zeros_like(x_test)
    return {
        "real": held_out(x_train, y_train, x_test, y_test),
        "chance": held_out(zeros[0], y_train, zeros[1], y_test),
        "shuffled": held_out(x_train, shuffled, x_test, y_test),
        "untrained": untrained and held_out(untrained[0], y_train, untrained[1], y_test),
        "wrong_world": wrong and held_out(x_train, wrong[0], x_test, wrong[1]),
    }


def _strata(groups: Array | None, weights: Array | None, n: int) -> Array | None:
    """Split groups by whether a row counts, so that a masked row's label is never used."""
    if weights is None:
        return groups
    if jnp.shape(weights) != (n,):
        raise ToylabError(
            f"with_controls: training weights have shape {jnp.shape(weights)}; give ({n},), or "
            "put weights per problem into fit and mask rows the same way in all."
        )
    kept = (jnp.asarray(weights) > 0).astype(jnp.int32)
    return kept if groups is None else 2 * jnp.asarray(groups, jnp.int32) + kept


def split_by_group(
    groups: np.ndarray | Array, fraction: float, key: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Split samples so that no group (a game, a graph) has samples on both sides.

    Args:
        groups: (N,) the group of every sample.
        fraction: share of the groups held out, in (0, 1); at least one group goes to each side.
        key: random key.

    Returns:
        Sorted int64 indices of the training and of the held-out samples.

    Raises:
        ToylabError: groups that are not (N,), fewer than two groups, a fraction outside (0, 1).

    Example:
        >>> train, test = split_by_group(np.array([0, 0, 1, 1]), 0.5, jax.random.key(0))
        >>> len(train), len(test)
        (2, 2)
    """
    groups = np.asarray(groups)
    if groups.ndim != 1:
        raise ToylabError(f"split_by_group: groups have shape {groups.shape}; give (N,).")
    check_number("split_by_group", "fraction", fraction, above=0)
    if fraction >= 1:
        raise ToylabError(f"split_by_group: fraction = {fraction!r} must be below 1.")
    names = np.unique(groups)
    if len(names) < 2:
        raise ToylabError(f"split_by_group: {len(names)} group; give at least two to split.")
    count = int(np.clip(round(fraction * len(names)), 1, len(names) - 1))
    # The host's generator: group counts vary, and each size would compile anew in JAX.
    seed = np.asarray(jax.random.key_data(key)).ravel()
    held = np.isin(groups, np.random.default_rng(seed).permutation(names)[:count])
    return np.flatnonzero(~held), np.flatnonzero(held)
