"""In-context task vectors: what examples say, carried by one activation to a prompt without them.

Source: Hendel, Geva and Globerson 2023, "In-Context Learning Creates Task Vectors" (2310.15916).
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Float

from toylab.errors import ToylabError
from toylab.taps import Edit


def task_vector(acts: Float[Array, "*lead Q L D"]) -> Float[Array, "*lead D"]:
    """Return the mean activation at the last position of Q queries after the same examples.

    ``theta = mean_q h_l[q, -1]``; the queries are dummies, not the one that will be asked.
    """
    if acts.ndim < 3:
        raise ToylabError(f"task_vector: activations of shape {acts.shape}; give (..., Q, L, D).")
    return acts[..., -1, :].mean(-2)


def patch_last(site: str, theta: Float[Array, "*lead D"], length: int) -> Edit:
    """Replace the activation at the last of ``length`` positions by the vector.

    Args:
        site: a site of shape (B, L, D), the one theta was taken from.
        theta: (D,), or (B, D) for one vector per prompt.
        length: L of the prompt without examples.
    """
    return Edit(site, "set", theta[..., None, :], (np.arange(length) == length - 1)[:, None])


def best_layer(score_I: Float[ArrayLike, " I"]) -> int:
    """Layer of the highest score on development sets, the earliest of equals."""
    return int(np.argmax(np.asarray(jnp.asarray(score_I))))
