"""Mass-mean intervention on attention heads (inference-time intervention, ITI).

A few heads in which a linear probe tells two classes apart are pushed along the difference of the
classes' means, in units of the spread along it. N samples, H heads, K head dimension; leading axes
(member, layer) are free.

Source: Li, Patel, Viégas, Pfister and Wattenberg 2023, "Inference-Time Intervention" (2306.03341),
with their code: per-head logistic probes, mass-mean shift, 48 of 1,024 heads at alpha = 15.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Bool, Float, Int

from toylab.errors import ToylabError, check_number
from toylab.probes.controls import accuracy
from toylab.probes.linear import logistic
from toylab.taps import Edit
from toylab.task import Number


class MassMean(NamedTuple):
    """A unit direction (..., K) and the standard deviation of the samples along it (...)."""

    direction: Array
    sigma: Array


def mass_mean(x: Float[ArrayLike, "*lead N K"], is_one: Bool[ArrayLike, " N"]) -> MassMean:
    """Direction between two classes' means, and the samples' spread along it.

    ``theta = (mean(x | 1) - mean(x | 0)) / ||.||`` and ``sigma = std(x . theta)`` over all samples.

    Args:
        x: activations (..., N, K).
        is_one: class of each sample; both must occur.

    Raises:
        ToylabError: a class without samples, or lengths that differ.

    Source: Li et al. 2023, section 4.

    Example:
        >>> mass_mean(jnp.array([[0.0, 1.0], [4.0, 1.0]]), np.array([False, True])).sigma
        Array(2., dtype=float32)
    """
    x, is_one = jnp.asarray(x, jnp.float32), np.asarray(is_one, bool)
    if x.ndim < 2 or is_one.shape != x.shape[-2:-1] or is_one.all() or not is_one.any():
        raise ToylabError(
            f"mass_mean: x {x.shape} with classes {is_one.shape}; give (..., N, K) and N booleans "
            "of both kinds."
        )
    gap = x[..., is_one, :].mean(-2) - x[..., ~is_one, :].mean(-2)
    length = jnp.linalg.norm(gap, axis=-1, keepdims=True)
    theta = gap / jnp.where(length > 0, length, 1.0)
    return MassMean(theta, jnp.einsum("...nk,...k->...n", x, theta).std(-1))


def head_accuracy(
    x: Float[Array, "*lead N K"],
    y: Int[Array, " N"],
    x_test: Float[Array, "*lead M K"],
    y_test: Int[Array, " M"],
    l2: float = 1.0,
) -> Float[Array, "*lead"]:
    """Held-out accuracy of one logistic probe per head, by which heads are ranked."""
    return accuracy(logistic(x, y, 2, l2), x_test, y_test)


def best_heads(score: Float[ArrayLike, "*lead"], k: int) -> Bool[np.ndarray, "*lead"]:
    """Mark the k heads of highest score among all axes; ties go to the earlier head.

    Raises:
        ToylabError: k is not between 1 and the number of heads.
    """
    score = np.asarray(score)
    check_number("best_heads", "k", k, low=1, high=score.size, whole=True)
    chosen = np.zeros(score.size, bool)
    chosen[np.argsort(-score.ravel(), kind="stable")[:k]] = True
    return chosen.reshape(score.shape)


def head_push(
    found: MassMean, chosen: Bool[ArrayLike, "*lead"], alpha: Number = 1.0
) -> Float[Array, "*lead K"]:
    """What is added to each head's output: ``alpha sigma theta`` in chosen heads, else 0."""
    length = jnp.asarray(alpha, jnp.float32) * jnp.where(jnp.asarray(chosen), found.sigma, 0.0)
    return length[..., None] * found.direction


def push_heads(push_IHK: Float[Array, "I H K"], where: Array | None = None) -> tuple[Edit, ...]:
    """Edits that add the push to the heads of a transformer's blocks, before ``W_O``.

    The same as a bias ``sum_h W_O[h] push[h]`` on the attention's output.

    Args:
        push_IHK: one row per block.
        where: boolean mask broadcastable to (B, L, H, K); None pushes at every position.
    """
    return tuple(Edit(f"blocks/{i}/attn/z", "add", row, where) for i, row in enumerate(push_IHK))
