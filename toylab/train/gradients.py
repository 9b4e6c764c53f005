"""A member's step, and its gradient: in one piece or piece by piece, on one device or on several.

On a CPU the activations of a large batch pass through memory at every operation. Cut so that a
piece's activations stay in the cache, a transformer's step takes half the time (64 sequences of
138 tokens at width 64, in pieces of 4, one core). The mean over pieces is the batch's, to rounding.

A lone member leaves all devices but one idle. Cut into shards, its batch's gradient is the mean of
the shards', which as many devices may take at once. They are added in one order, so the bits are
those of one device that takes one shard after another.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.losses import bind, lags, refreshed
from toylab.population import Population
from toylab.random import once
from toylab.taps import Params
from toylab.task import Batch
from toylab.train.layout import each_of


def loss_and_gradient(
    loss: Callable[[Params, Batch], Array], params: Params, batch: Batch, piece: int = 0
) -> tuple[Array, Params]:
    """Return the mean of a per-example loss over a batch, and its gradient.

    Args:
        loss: one number per example, which depends on no other where the batch is cut.
        params: where the gradient is taken.
        batch: B examples.
        piece: examples per piece, a divisor of B; 0 takes them all at once.
    """

    def gradient(params: Params, batch: Batch) -> tuple[Array, Params]:
        def mean(params: Params) -> tuple[Array, Array]:
            loss_B = loss(params, batch)
            return jnp.mean(loss_B), loss_B

        grads, loss_B = jax.grad(mean, has_aux=True)(params)
        # Merged with an example's own sum, the mean over the batch takes XLA four times as long.
        return jnp.mean(once(loss_B)), grads

    size = len(batch.inputs)
    if piece in (0, size):
        return gradient(params, batch)

    def add(total: tuple[Array, Params], part: Batch) -> tuple[tuple[Array, Params], None]:
        return jax.tree.map(jnp.add, total, gradient(params, part)), None

    empty = jax.tree.map(jnp.zeros_like, (jnp.float32(0), params))
    total, _ = jax.lax.scan(add, empty, _cut(batch, size // piece))
    return jax.tree.map(lambda leaf: leaf * jnp.asarray(piece / size, leaf.dtype), total)


def member_gradient(
    member: Population, params: Params, lagged: Mapping[str, Params]
) -> Callable[[Batch], tuple[Array, Params]]:
    """Return what gives a member's loss and gradient of a batch, or of a shard of one.

    A loss that makes its batch of prompts does so for each shard, which are rolled out apart.

    Args:
        member: the population with this member's own numbers.
        params: where the gradient is taken.
        lagged: the earlier parameters that the loss asks for.
    """

    def gradient(batch: Batch) -> tuple[Array, Params]:
        loss, ready = bind(member.loss, member.model, batch, lagged)
        each = lambda params, batch: loss(member.model, params, batch)
        return loss_and_gradient(each, params, ready, member.piece)

    return gradient


class Shards(NamedTuple):
    """Who takes which shard of a batch.

    Attributes:
        count: shards of a batch, a divisor of its size.
        own: the first and the end of those that this device takes, inputs of the program: XLA
            would round otherwise in a loop whose length it knows.
        axis: of the mesh, along which every device takes one; empty where one device takes all.
    """

    count: int
    own: tuple[Array, Array]
    axis: str = ""


def own_shards(count: int, helpers: int, groups: int) -> np.ndarray:
    """Return the first and the end of the shards that every device takes.

    Args:
        count: shards of a batch.
        helpers: devices that share a batch, 1 or as many.
        groups: batches at once.
    """
    ends = np.arange(helpers + 1, dtype=np.int32) * (count // helpers)
    return np.tile(np.stack([ends[:-1], ends[1:]], 1), (groups, 1))


def in_shards(
    gradient: Callable[[Batch], tuple[Array, Params]], batch: Batch, shards: Shards
) -> tuple[Array, Params]:
    """Return the mean loss and gradient of a batch's shards.

    Args:
        gradient: loss and gradient of a shard.
        batch: B examples.
        shards: how they are shared out.
    """
    if shards.count == 1:
        return gradient(batch)
    first, end = shards.own
    found = each_of(end, gradient, _cut(batch, shards.count), first=first)
    if shards.axis:
        own = jax.lax.axis_index(shards.axis)
        pick = lambda leaf: jax.lax.dynamic_index_in_dim(leaf, own, keepdims=False)
        found = jax.lax.all_gather(jax.tree.map(pick, found), shards.axis)
    mean = lambda leaf: functools.reduce(jnp.add, list(leaf)) / jnp.asarray(len(leaf), leaf.dtype)
    return jax.tree.map(mean, found)


def updated(
    member: Population, shards: Shards, state: dict[str, Any], key: Array, t: Array
) -> tuple[dict[str, Any], Array]:
    """Return a member's state after a step, and its loss; where that is not finite it stays.

    Args:
        member: the population with this member's own numbers.
        shards: who takes which shard of the batch.
        state: parameters, the optimiser's state, the step at which the loss was lost or -1, and
            earlier parameters if the loss asks for them.
        key: of the batch.
        t: number of the update.
    """
    lagged = refreshed(lags(member.loss), t, state["params"], state.get("lagged", {}))
    batch = member.task.batch(key, member.batch_size)
    gradient = member_gradient(member, state["params"], lagged)
    value, grads = in_shards(gradient, batch, shards)
    # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt = member.optimizer.transform().update(grads, state["opt"], state["params"])
    params = jax.tree.map(lambda p, u: p + u.astype(p.dtype), state["params"], updates)
    alive = (state["dead_at"] < 0) & jnp.isfinite(value)
    keep = lambda new, old: jnp.where(alive, new, old)
    dead_at = jnp.where(alive | (state["dead_at"] >= 0), state["dead_at"], t)
    new = {"params": params, "opt": opt}
    old = {"params": state["params"], "opt": state["opt"]}
    kept = jax.tree.map(keep, new, old) | ({"lagged": lagged} if lagged else {})
    return kept | {"dead_at": dead_at}, jnp.where(alive, value, jnp.nan)


def _cut(batch: Batch, parts: int) -> Batch:
    """The batch in equal parts, along a new first axis; weights may lack the batch axis."""
    whole = batch._replace(weights=jnp.broadcast_to(batch.weights, batch.targets.shape))
    return jax.tree.map(lambda leaf: leaf.reshape(parts, -1, *leaf.shape[1:]), whole)
