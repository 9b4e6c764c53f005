"""Interventions: edits of activations by name, and the effect they have on an output.

The functions here return an :class:`toylab.taps.Edit`, which is data: run it with
:func:`toylab.taps.run`, measure it with :func:`effect`, or run it over a population with
:func:`vmap_run`. ``where`` is a boolean mask broadcastable to the activation, such as
``jnp.arange(L)[:, None] == 3`` for position 3 of (B, L, D); None edits everywhere.

An ablation says what a model does without an activation's information. Zero may lie far from
anything the model has seen; the mean of a reference batch is nearer, and resampling keeps the whole
marginal distribution and breaks only the tie to the input. Compare at least two.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from toylab.effects import effect, vmap_run
from toylab.errors import ToylabError, nearest
from toylab.taps import Edit
from toylab.task import Number

__all__ = [
    "effect",
    "mean_ablate",
    "patch",
    "project_out",
    "resample_ablate",
    "steer",
    "vmap_run",
    "zero_ablate",
]

Acts = Array | Mapping[str, Array]


def _acts(site: str, acts: Acts) -> Array:
    """Take a site's activation from a recording, or the array that was given."""
    if not isinstance(acts, Mapping):
        return jnp.asarray(acts)
    if site not in acts:
        raise ToylabError(f"No recording of site {site!r}: {nearest(site, acts)}")
    return acts[site]


def _mask(site: str, where: Any) -> Any:
    """Refuse masks that are not boolean: ``[0, 2]`` would read as two truth values."""
    dtype = None if where is None else jnp.asarray(where).dtype
    if dtype not in (None, jnp.dtype(bool)):
        raise ToylabError(
            f"Edit at {site}: where is {dtype}, not a boolean mask; give one, as in "
            "jnp.arange(L)[:, None] == position."
        )
    return where


def _batched(site: str, acts: Acts, axis: int) -> Array:
    values = _acts(site, acts)
    if not 0 <= axis < values.ndim or values.shape[axis] == 0:
        raise ToylabError(
            f"Edit at {site}: activations of shape {values.shape} have no samples along axis "
            f"{axis}; give a recorded batch and its batch_axis."
        )
    return values


def _direction(site: str, direction: Array) -> Array:
    v = jnp.asarray(direction, jnp.float32)
    if v.ndim < 1:
        raise ToylabError(f"Edit at {site}: the direction is a single number; give (..., D).")
    if not isinstance(v, Tracer) and not np.asarray(v).any(-1).all():
        raise ToylabError(f"Edit at {site}: a direction of length 0; give a non-zero vector.")
    return v


def patch(site: str, source_acts: Acts, where: Any = None) -> Edit:
    """Replace an activation by one recorded in another run, ``x <- x_source``.

    Args:
        site: name of the site.
        source_acts: activation of the other run, or its recording ``{site: activation}``.
        where: boolean mask.

    Raises:
        ToylabError: a recording without the site, or a mask that is not boolean.
    """
    return Edit(site, "patch", _acts(site, source_acts), _mask(site, where))


def zero_ablate(site: str, where: Any = None) -> Edit:
    """Set an activation to zero. Args and Raises: see :func:`patch`."""
    return Edit(site, "set", np.float32(0), _mask(site, where))


def mean_ablate(site: str, acts: Acts, where: Any = None, *, batch_axis: int = 0) -> Edit:
    """Set an activation to its mean over a reference batch, position by position.

    Args:
        site: name of the site.
        acts: reference activation (B, ...), or a recording that holds it; B may differ from the
            edited batch.
        where: boolean mask.
        batch_axis: axis of the batch; 1 for a population's activation (P, B, ...).

    Raises:
        ToylabError: an empty batch; a recording without the site; a mask that is not boolean.
    """
    values = _batched(site, acts, batch_axis)
    return Edit(site, "set", jnp.mean(values, batch_axis, keepdims=True), _mask(site, where))


def resample_ablate(
    site: str, acts: Acts, key: Array, where: Any = None, *, batch_axis: int = 0
) -> Edit:
    """Give every example the activation of another, drawn by a permutation of the batch.

    The permutation is uniform, so one example in expectation keeps its own activation, whatever
    the batch size: an effect is diluted by about 1/B. A population shares one permutation.

    Args:
        site: name of the site.
        acts: activation (B, ...) on the batch that will be edited, or a recording of it.
        key: random key.
        where: boolean mask.
        batch_axis: axis of the batch; 1 for a population's activation (P, B, ...).

    Raises:
        ToylabError: fewer than two samples; a recording without the site; a mask that is not
            boolean.
    """
    values = _batched(site, acts, batch_axis)
    if values.shape[batch_axis] < 2:
        raise ToylabError(f"Edit at {site}: one sample cannot be resampled; give at least two.")
    order = jax.random.permutation(key, values.shape[batch_axis])
    return Edit(site, "patch", jnp.take(values, order, axis=batch_axis), _mask(site, where))


def steer(site: str, direction: Array, alpha: Number, where: Any = None) -> Edit:
    """Add ``alpha`` times the *unit* vector of a direction, ``x <- x + alpha d / ||d||``.

    ``alpha`` is thus a distance in activation space, comparable between directions; to add a
    vector as it is, give its norm.

    Args:
        site: name of the site.
        direction: d, (D,) or (..., D) broadcastable to the activation; one per member (P, D).
        alpha: signed length of the step, one number or (...).
        where: boolean mask.

    Raises:
        ToylabError: a direction of length 0; a mask that is not boolean.
    """
    v = _direction(site, direction)
    length = jnp.asarray(alpha, jnp.float32) / jnp.linalg.norm(v, axis=-1)
    return Edit(site, "add", length[..., None] * v, _mask(site, where))


def project_out(site: str, direction: Array, where: Any = None) -> Edit:
    """Remove a direction, ``x <- x - d d^T x / ||d||^2`` along the last axis.

    Args:
        site: name of the site.
        direction: d, (D,) or (..., D) broadcastable to the activation; one per member (P, D).
        where: boolean mask.

    Raises:
        ToylabError: a direction of length 0; a mask that is not boolean.
    """
    return Edit(site, "project_out", _direction(site, direction), _mask(site, where))
