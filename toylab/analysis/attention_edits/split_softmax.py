"""Split-softmax: more attention to a prompt, the less of it there is, without training.

A query gives its prompt the mass pi. With strength k the mass becomes ``pi^k``, and shares within
and without the prompt keep their proportions:

    a_i <- a_i pi^k / pi                  in the prompt
    a_i <- a_i (1 - pi^k) / (1 - pi)      outside

k = 1 changes nothing, k = 0 gives the prompt everything. It is the same as adding
``b = log(pi^k (1 - pi)) - log(pi (1 - pi^k))`` to the scores of the prompt.

Source: Li, Liu, Bashkansky, Bau, Viégas, Pfister and Wattenberg 2024, "Measuring and Controlling
Instruction (In)Stability in Language Model Dialogs" (2402.10962).
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float

from toylab.errors import ToylabError, check_number
from toylab.taps import Tap
from toylab.task import Number

Mask = Bool[Array, "*lead M"] | Bool[np.ndarray, "*lead M"]


def split_softmax(
    pattern: Float[Array, "*lead L M"],
    prompt: Bool[Array | np.ndarray, "*lead M"],
    strength: Number,
) -> Float[Array, "*lead L M"]:
    """Return an attention pattern with the mass on some keys raised to a power.

    Args:
        pattern: shares of keys, which add up to 1.
        prompt: which keys are the prompt's; broadcastable to the pattern, perhaps traced.
        strength: k in [0, 1]; 1 changes nothing.

    Returns:
        The pattern, whose rows add up to 1. A row whose mass is all in the prompt, or all outside,
        stays as it is.

    Raises:
        ToylabError: a strength out of range, or a prompt that is no boolean mask or of no key.

    Example:
        >>> pattern = jnp.array([[0.25, 0.25, 0.5]])
        >>> split_softmax(pattern, np.array([True, False, False]), 0.5)
        Array([[0.5       , 0.16666667, 0.33333334]], dtype=float32)
    """
    check_number("split_softmax", "strength", strength, 0, 1)
    traced = isinstance(prompt, Tracer)
    prompt = prompt if traced else np.asarray(prompt)
    if not traced and (prompt.dtype != bool or not prompt.any(-1).all()):
        raise ToylabError(
            f"split_softmax: a prompt of {prompt.dtype} with {prompt.sum(-1).min()} keys; give a "
            "boolean mask of one key or more."
        )
    mass = jnp.sum(jnp.where(prompt, pattern, 0), -1, keepdims=True)
    rest = jnp.sum(jnp.where(prompt, 0, pattern), -1, keepdims=True)
    split = (mass > 0) & (rest > 0)
    wanted = jnp.where(split, mass, 0.5) ** jnp.asarray(strength, pattern.dtype)
    inside, outside = wanted / jnp.where(split, mass, 1), (1 - wanted) / jnp.where(split, rest, 1)
    return jnp.where(split, pattern * jnp.where(prompt, inside, outside), pattern)


def prompt_boost(mass: Float[Array, "*lead"], strength: Number) -> Float[Array, "*lead"]:
    """Return what split-softmax adds to the scores of a prompt, from its mass in (0, 1].

    ``b = log(pi^k (1 - pi)) - log(pi (1 - pi^k))``, which goes to ``-log k`` where pi goes to 1.

    Example:
        >>> prompt_boost(jnp.array([0.25, 1.0]), 0.5)
        Array([1.0986123, 0.6931472], dtype=float32)
    """
    check_number("prompt_boost", "strength", strength, above=0, high=1)
    mass, k = jnp.asarray(mass), jnp.asarray(strength)
    log = jnp.where(mass < 1, jnp.log(mass), -1.0)
    boost = (k - 1) * log + jnp.log(jnp.expm1(log) / jnp.expm1(k * log))
    return jnp.where(mass < 1, boost, -jnp.log(k))


def splitting(layers: Sequence[int], prompt: Mask, strength: Number) -> Tap:
    """Return the tap that splits the softmax of some layers of a transformer, in all heads.

    Args:
        layers: which of them.
        prompt, strength: as in :func:`split_softmax`.

    Example:
        >>> import jax
        >>> from toylab.models import Transformer
        >>> model = Transformer(vocab=5, length=3, width=8, depth=1, heads=2)
        >>> tap = splitting([0], np.array([True, False, False]), 0.8)
        >>> model.apply(model.init(jax.random.key(0)), jnp.zeros((1, 3), int), tap).shape
        (1, 3, 5)
    """
    sites = {f"blocks/{layer}/attn/pattern" for layer in layers}

    def tap(site: str, value: Array) -> Array:
        return split_softmax(value, prompt, strength) if site in sites else value

    return tap
