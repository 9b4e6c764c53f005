"""Completions worked on for as long as they are used: most end before their last place.

A compiled program has fixed shapes. So work is written out for a few lengths, and takes the
shortest that holds all the completions in hand; sorted by length, few have a longer one beside
them. On an accelerator there is one length. Hazard: under ``vmap`` every length is computed; on a
CPU that happens to members so small that a tile holds several.

Shape suffixes: B rows, G completions of a row (N = B G of them in all), S places of a completion.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.taps import Params
from toylab.task import Batch

LENGTHS = 3  # each is compiled apart
LENGTH_MIN = 20
TOGETHER = 32  # more completions than this nearly always hold one of full length


def lengths(longest: int) -> tuple[int, ...]:
    """Return the lengths that work is written out for, ascending, the last ``longest``.

    Example:
        >>> lengths(96), lengths(36)
        ((32, 64, 96), (36,))
    """
    count = max(1, min(LENGTHS, longest // LENGTH_MIN))
    return tuple(-(-longest * (i + 1) // count) for i in range(count))


def at_length(call: Callable[..., Any], counted_NS: Float[Array, "N S"], *args: Any) -> Any:
    """Return ``call(cut, *args)`` for a length that holds all that is counted.

    Args:
        call: of a length that is a plain number; its result must not depend on it but in what is
            past the end of each completion, and must have one shape.
        counted_NS: 1 up to the end of each completion, 0 after it.
        args: arrays that the result depends on.
    """
    count, longest = counted_NS.shape
    known = lengths(longest)
    if len(known) == 1 or count > TOGETHER or jax.default_backend() != "cpu":
        return call(longest, *args)
    used = jnp.max(jnp.sum(counted_NS, 1))
    at = jnp.sum((used > jnp.asarray(known[:-1], used.dtype)).astype(jnp.int32))
    return jax.lax.switch(at, [functools.partial(call, cut) for cut in known], *args)


def sort_by_length(batch: Batch) -> Batch:
    """Return a batch whose completions, over all rows, are in the order of their lengths.

    Rows are then no longer those of one prompt each: the mean over all of them is what stays.

    Args:
        batch: all leaves (B, G, ...), weights (B, G, S) 1 up to the end of each completion.
    """
    size = batch.weights.shape[:2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), batch)
    order_N = jnp.argsort(jnp.sum(flat.weights, 1))
    return jax.tree.map(lambda leaf: leaf[order_N].reshape(*size, *leaf.shape[1:]), flat)


def cut_to(batch: Batch, cut: int) -> Batch:
    """Return a batch without the places of its completions from ``cut`` on.

    Args:
        batch: inputs (B, G, L) that end in the completions, other leaves (B, G, S) or (B, G).
        cut: places that are left.
    """
    spare = batch.targets.shape[-1] - cut
    short = lambda leaf: leaf[..., : leaf.shape[-1] - spare] if leaf.ndim == 3 else leaf
    return jax.tree.map(short, batch)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def mean_at_length(
    loss: Callable[[Params, Batch, int], Array], params: Params, batch: Batch
) -> Array:
    """Return the mean of ``loss(params, batch, cut)`` at a length that holds the batch.

    Its gradient is taken along with it, inside the branch: from outside, every branch would keep
    room for what its own gradient needs.

    Args:
        loss: of a batch without its places from ``cut`` on.
        params: by which it is differentiated.
        batch: as for :func:`cut_to`, with weights (B, G, S).
    """
    return _mean_and_gradient(loss, params, batch)[0]


def _mean_and_gradient(loss: Any, params: Params, batch: Batch) -> tuple[Array, Params]:
    def call(cut: int, params: Params, batch: Batch) -> tuple[Array, Params]:
        mean = lambda p: jnp.mean(loss(p, cut_to(batch, cut), cut))
        return jax.value_and_grad(mean)(params)

    counted_NS = batch.weights.reshape(-1, batch.weights.shape[-1])
    return at_length(call, counted_NS, params, batch)


def _backward(loss: Any, gradient: Params, cotangent: Array) -> tuple[Params, None]:
    return jax.tree.map(lambda leaf: cotangent * leaf, gradient), None


mean_at_length.defvjp(_mean_and_gradient, _backward)
