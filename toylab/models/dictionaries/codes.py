"""Sparse codes: what is kept of pre-activations, and the pseudo-gradients of thresholds.

Shape suffixes: F features.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

HALVINGS = 30  # of the interval in which a batch's threshold lies


def sparse(pre: Array, k: Array, most: int, kind: str) -> Array:
    """Return the code (..., F) of pre-activations: ReLU, and of TopK the ``k`` largest entries.

    Of equal entries the first are kept, so that never more than k are.

    Args:
        pre: (..., F).
        k: entries to keep, broadcastable to (...), at most ``most``.
        most: static bound of k.
        kind: "topk" or "l1".

    Example:
        >>> sparse(jnp.array([2.0, 1.0, 2.0, -1.0]), jnp.asarray(1), 2, "topk").tolist()
        [2.0, 0.0, 0.0, 0.0]
    """
    positive = jax.nn.relu(pre)
    if kind == "l1":
        return positive
    values, places = jax.lax.top_k(jax.lax.stop_gradient(pre), most)
    last = jnp.broadcast_to(k, pre.shape[:-1])[..., None] - 1
    least, place = (jnp.take_along_axis(a, last, -1) for a in (values, places))
    # top_k takes the first of equals: of those with the k-th value, the ones up to its place.
    index = jnp.broadcast_to(jnp.arange(pre.shape[-1], dtype=jnp.int32), pre.shape)
    keep = (pre > least) | ((pre == least) & (index <= place))
    return jnp.where(keep, positive, jnp.zeros_like(positive))


def batch_sparse(pre: Float[Array, "*n F"], k: Array) -> Float[Array, "*n F"]:
    """Return the code of a whole batch (BatchTopK): its ``k`` times n largest positive entries.

    The threshold is found by halving, so that near-equal entries may leave a few fewer.

    Args:
        pre: pre-activations of n inputs.
        k: mean number of entries to keep of an input.

    Source: Bussmann, Leask and Nanda 2024 (arXiv:2412.06410).
    """
    fixed = jax.lax.stop_gradient(pre)
    wanted = k.astype(jnp.float32) * np.float32(pre.size // pre.shape[-1])

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        many = jnp.sum(fixed > middle, dtype=jnp.float32) > wanted
        return jnp.where(many, middle, low), jnp.where(many, high, middle)

    # Not from 0: of n inputs that have fewer positive entries than are wanted, all are kept.
    ends = jnp.zeros_like(wanted) - np.float32(1e-6), jnp.maximum(jnp.max(fixed), 0)
    _, threshold = jax.lax.fori_loop(0, HALVINGS, halve, ends)
    return jnp.where(fixed > threshold, jax.nn.relu(pre), jnp.zeros_like(pre))


def _window(pre: Array, threshold: Array, width: Array) -> Array:
    """Rectangle of area 1 about the threshold, and no gradient of its own."""
    near = jnp.abs(pre - threshold) < width / 2
    return jax.lax.stop_gradient(jnp.where(near, 1 / width, jnp.zeros_like(pre)))


def jump(pre: Array, threshold: Array, width: Array) -> tuple[Array, Array]:
    """Return ``z [z > theta]`` and ``[z > theta]``, with pseudo-gradients of the threshold.

    The derivatives to theta of a jump of height h at theta are taken as ``-h K((z - theta) / w)
    / w``, with K the rectangle of width and area 1.

    Args:
        pre: z, (..., F).
        threshold: theta above 0, (F,).
        width: w of the kernel.

    Source: Rajamanoharan et al. 2024 (arXiv:2407.14435).

    Example:
        >>> code, on = jump(jnp.array([0.2, 2.0]), jnp.array([1.0, 1.0]), jnp.asarray(0.1))
        >>> code.tolist(), on.tolist()
        ([0.0, 2.0], [0.0, 1.0])
    """
    theta = jnp.broadcast_to(threshold, pre.shape)
    on = (jax.lax.stop_gradient(pre) > jax.lax.stop_gradient(theta)).astype(pre.dtype)
    moved = theta - jax.lax.stop_gradient(theta)
    kernel = _window(pre, theta, width)
    return pre * on - jax.lax.stop_gradient(theta) * kernel * moved, on - kernel * moved
