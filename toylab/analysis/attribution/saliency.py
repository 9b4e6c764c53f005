"""Saliency by gradients, plain and smoothed, and its overlap with a mask that is known."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab import random
from toylab.errors import ToylabError, check_number

Score = Callable[[Array], Array]


def gradients(score: Score, inputs: Float[Array, "B ..."]) -> Float[Array, "B ..."]:
    """Return each example's gradient of its score with respect to its input.

    Args:
        score: from inputs (B, ...) to one number each, (B,), none of which depends on another's
            input.
        inputs: a batch.

    Source: Simonyan et al. 2014 (arXiv:1312.6034), section 3.
    """
    return jax.grad(lambda x: score(x).sum())(inputs)


def smooth_gradients(
    score: Score,
    inputs: Float[Array, "B ..."],
    key: Array,
    share: float = 0.15,
    samples: int = 25,
    fixed: Array | None = None,
) -> Float[Array, "B ..."]:
    """Return the mean gradient over noisy copies of each input.

    ``M(x) = 1/n sum_i grad(x + N(0, sigma^2))`` with ``sigma = share * (max x - min x)``, of each
    example's own range. The magnitude is taken after the mean, if at all.

    Args:
        score: see :func:`gradients`.
        inputs: a batch.
        key: random key.
        share: noise as a share of the range.
        samples: n.
        fixed: boolean, broadcastable to the inputs: entries that get no noise and do not count in
            the range, such as a cue.

    Raises:
        ToylabError: a negative share, or no samples.

    Source: Smilkov et al. 2017 (arXiv:1706.03825), section 3; n and share as in their code.
    """
    check_number("smooth_gradients", "share", share, low=0)
    check_number("smooth_gradients", "samples", samples, low=1, whole=True)
    loose = jnp.ones(inputs.shape, bool)
    if fixed is not None:
        loose = ~jnp.broadcast_to(jnp.asarray(fixed, bool), inputs.shape)
    axes = tuple(range(1, inputs.ndim))
    top = jnp.max(jnp.where(loose, inputs, -jnp.inf), axes, keepdims=True)
    bottom = jnp.min(jnp.where(loose, inputs, jnp.inf), axes, keepdims=True)
    sigma = jnp.where(loose, share * (top - bottom), 0.0).astype(inputs.dtype)

    def add(i: Array, total: Array) -> Array:
        noise = random.normal(random.fold_in(key, i), inputs.shape)
        return total + gradients(score, inputs + sigma * noise)

    return jax.lax.fori_loop(0, samples, add, jnp.zeros_like(inputs)) / samples


def overlap(saliency: ArrayLike, mask: ArrayLike) -> Float[np.ndarray, " B"]:
    """Intersection over union of a mask with as many of the strongest pixels as it has.

    Args:
        saliency: (B, pixels), larger where it matters more; ties go to the earlier pixel.
        mask: (B, pixels), boolean, with at least one pixel each.

    Raises:
        ToylabError: shapes that differ, or an empty mask.

    Example:
        >>> overlap([[3.0, 2.0, 1.0, 0.0]], [[True, False, True, False]]).round(3).tolist()
        [0.333]
    """
    strong_BP, mask_BP = np.asarray(saliency, np.float64), np.asarray(mask, bool)
    if strong_BP.shape != mask_BP.shape or strong_BP.ndim != 2 or not mask_BP.any(1).all():
        raise ToylabError(
            f"overlap: saliency {strong_BP.shape} with masks {mask_BP.shape}; give (B, pixels) "
            "each, and masks that are not empty."
        )
    rank_BP = np.argsort(np.argsort(-strong_BP, 1, kind="stable"), 1, kind="stable")
    chosen_BP = rank_BP < mask_BP.sum(1, keepdims=True)
    return (chosen_BP & mask_BP).sum(1) / (chosen_BP | mask_BP).sum(1)
