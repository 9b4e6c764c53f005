"""Kinds of changes: each makes a :class:`Change` of a target.

A value has the shape of the site's activation, or one that broadcasts to it; with the leading axes
of the parameters before, it holds one value per member, as a recording of them does.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from toylab.change.targets import Indices, Target, edge
from toylab.errors import ToylabError, nearest
from toylab.taps import Edit
from toylab.task import Number

Acts = Array | np.ndarray | Mapping[str, Array]
Where = str | Target
CLOSED = -1e9  # an attention score so low that its share of a softmax is 0 in float32


@dataclasses.dataclass(frozen=True)
class Part:
    """One edit of a target; its mask is made when the activation's shape is known."""

    target: Target
    op: str
    value: Any

    def edit(self, shape: tuple[int, ...]) -> Edit:
        """Return the edit of an activation of a shape."""
        op: Any = self.op
        return Edit(self.target.site, op, self.value, self.target.mask(shape))


@dataclasses.dataclass(frozen=True)
class Change:
    """What is changed in one run: edits of targets, in order; changes add up with ``+``."""

    parts: tuple[Part, ...] = ()

    def __add__(self, other: "Change") -> "Change":
        return Change(self.parts + other.parts)


NOTHING = Change()


def zero(target: Where) -> Change:
    """Set a target to zero."""
    return _change(target, "set", np.float32(0))


def mean(target: Where, acts: Acts, *, batch_axis: int = 0) -> Change:
    """Set a target to its mean over a reference batch, position by position.

    Args:
        target: a site or a target.
        acts: reference activation (B, ...), or a recording that holds it.
        batch_axis: axis of the batch; 1 for a population's activation (P, B, ...), 2 with
            snapshots.

    Raises:
        ToylabError: an empty batch, or a recording without the site.
    """
    values = _batched(target, acts, batch_axis)
    return _change(target, "set", jnp.mean(values, batch_axis, keepdims=True))


def resample(target: Where, acts: Acts, key: Array, *, batch_axis: int = 0) -> Change:
    """Give every example the activation of another, by a permutation of the batch.

    The permutation is uniform, so one example in expectation keeps its own activation, whatever
    the batch size: an effect is diluted by about 1/B. A population shares one permutation.

    Args:
        target: a site or a target.
        acts: activation (B, ...) on the batch that will be changed, or a recording of it.
        key: random key.
        batch_axis: axis of the batch; 1 for a population's activation (P, B, ...), 2 with
            snapshots.

    Raises:
        ToylabError: an empty batch, or a recording without the site.
    """
    values = _batched(target, acts, batch_axis)
    order_B = jax.random.permutation(key, values.shape[batch_axis])
    return _change(target, "patch", jnp.take(values, order_B, batch_axis))


def patch(target: Where, acts: Acts) -> Change:
    """Replace a target by its activation in another run, ``x <- x_source``.

    Args:
        target: a site or a target.
        acts: activation of the other run, whole, or its recording ``{site: activation}``.
    """
    return _change(target, "patch", _acts(target, acts))


def steer(target: Where, direction: Array, alpha: Number = 1.0) -> Change:
    """Move a target along a direction, ``x <- x + alpha d / ||d||``.

    Args:
        target: a site or a target.
        direction: d, (D,) or (..., D) broadcastable to the activation.
        alpha: signed length of the step.

    Raises:
        ToylabError: a direction of length 0.
    """
    d = _direction(target, direction)
    length = jnp.asarray(alpha, jnp.float32) / jnp.linalg.norm(d, axis=-1)
    return _change(target, "add", length[..., None] * d)


def scale(target: Where, factor: Number) -> Change:
    """Multiply a target, ``x <- factor x``."""
    return _change(target, "scale", jnp.asarray(factor, jnp.float32))


def project_out(target: Where, direction: Array) -> Change:
    """Remove a direction, ``x <- x - d d^T x / ||d||^2`` along the last axis.

    Raises:
        ToylabError: a direction of length 0.
    """
    return _change(target, "project_out", _direction(target, direction))


def knock_out(
    layer: int,
    heads: Indices | None = None,
    queries: Indices | None = None,
    keys: Indices | None = None,
) -> Change:
    """Close edges of attention: queries no longer see keys, and their shares go to the others.

    A query that is left without a key sees all of them evenly.

    Args:
        layer: the block.
        heads, queries, keys: which of them; None means all.
    """
    return _change(edge(layer, heads, queries, keys), "set", np.float32(CLOSED))


def _change(target: Where, op: str, value: Any) -> Change:
    target = Target(target) if isinstance(target, str) else target
    return Change((Part(target, op, value),))


def _site(target: Where) -> str:
    return target if isinstance(target, str) else target.site


def _acts(target: Where, acts: Acts) -> Array:
    """Take a site's activation from a recording, or the array that was given."""
    if not isinstance(acts, Mapping):
        return jnp.asarray(acts)
    if _site(target) not in acts:
        site = _site(target)
        raise ToylabError(f"No recording of site {site!r}: {nearest(site, acts)}")
    return acts[_site(target)]


def _batched(target: Where, acts: Acts, axis: int) -> Array:
    values = _acts(target, acts)
    if not 0 <= axis < values.ndim or values.shape[axis] == 0:
        raise ToylabError(
            f"Change at {_site(target)}: activations of shape {values.shape} have no samples along "
            f"axis {axis}; give a recorded batch and its batch_axis."
        )
    return values


def _direction(target: Where, direction: Array) -> Array:
    v = jnp.asarray(direction, jnp.float32)
    if v.ndim < 1:
        raise ToylabError(f"Change at {_site(target)}: the direction is one number; give (..., D).")
    if not isinstance(v, Tracer) and not np.asarray(v).any(-1).all():
        raise ToylabError(
            f"Change at {_site(target)}: a direction of length 0; give a non-zero vector."
        )
    return v
