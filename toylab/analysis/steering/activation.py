"""Activation addition: the difference of two prompts' activations, added where a prompt begins.

Source: Turner et al. 2023, "Activation Addition: Steering Language Models Without Optimization"
(2308.10248).
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError
from toylab.taps import Edit, Model, Params, run
from toylab.task import Number


def contrast(
    model: Model, params: Params, plus: Int[Array, " L"], minus: Int[Array, " L"], site: str
) -> Float[Array, "L D"]:
    """Difference of the activations at a site, ``h(plus) - h(minus)``.

    Args:
        model: the model.
        params: its parameters.
        plus: prompt with the property.
        minus: prompt without it, of the same length (pad the shorter one).
        site: a site of shape (B, L, D).

    Raises:
        ToylabError: prompts of different lengths.
    """
    if plus.shape != minus.shape or plus.ndim != 1:
        raise ToylabError(
            f"contrast: prompts of shapes {plus.shape} and {minus.shape}; pad them to one length."
        )
    _, acts = run(model, params, jnp.stack([plus, minus]), record=(site,))
    return acts[site][0] - acts[site][1]


def add_front(site: str, vector_LD: Float[Array, "M D"], length: int, scale: Number = 1.0) -> Edit:
    """Add ``scale`` times a contrast to the first M of ``length`` positions.

    Raises:
        ToylabError: the contrast is longer than the prompt.
    """
    short = length - len(vector_LD)
    if short < 0:
        raise ToylabError(
            f"add_front: a contrast of {len(vector_LD)} positions for a prompt of {length}."
        )
    padded_LD = jnp.pad(jnp.asarray(vector_LD), ((0, short), (0, 0)))
    return Edit(site, "add", jnp.asarray(scale, jnp.float32) * padded_LD)


def random_like(vector: Float[Array, "*lead D"], seed: int) -> Float[Array, "*lead D"]:
    """Return random vectors, each as long as the given one: the control of every method."""
    drawn = np.random.default_rng(seed).normal(size=jnp.shape(vector)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)
    return jnp.asarray(drawn) * jnp.linalg.norm(jnp.asarray(vector), axis=-1, keepdims=True)
