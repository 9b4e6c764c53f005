"""Edits of the residual stream at one place of each sequence; what follows is computed from them.

Layer i is what block i's attention leaves, before its MLP (as in the code of Nanda et al.).

Source: Nanda, Lee and Wattenberg 2023 (arXiv:2309.00941), section 4, adds vectors of a probe.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.models import Transformer
from toylab.taps import Params


def stream(model: Transformer) -> tuple[str, ...]:
    """Sites that are edited: the residual stream after each block's attention, S = depth."""
    return tuple(f"blocks/{i}/resid_mid" for i in range(model.depth))


def changed(
    model: Transformer,
    params: Params,
    tokens_CL: Array,
    place_C: Array,
    change: Callable[[int, Array], Array],
) -> tuple[Array, Array]:
    """Run with ``change(layer, x_CD)`` in place of each layer's activation at one place.

    Returns:
        Logits (C, V) at that place, and how far each layer was moved (S, C, D).
    """
    sites, rows, moved = stream(model), jnp.arange(len(place_C)), []

    def tap(name: str, value: Array) -> Array:
        if name in sites:
            x_CD = value[rows, place_C]
            new_CD = change(sites.index(name), x_CD)
            moved.append(new_CD - x_CD)
            value = value.at[rows, place_C].set(new_CD)
        return value

    logits = model.apply(params, tokens_CL, tap)
    return logits[rows, place_C], jnp.stack(moved)


@jax.jit(static_argnames="model")
def add(
    model: Transformer, params: Params, tokens_CL: Array, place_C: Array, delta_SCD: Array
) -> Array:
    """Logits (C, V) at a place of each game with a vector added at every layer."""
    change = lambda layer, x_CD: x_CD + delta_SCD[layer]
    return changed(model, params, tokens_CL, place_C, change)[0]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1; one of length 0 stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


def towards(
    directions_SNCD: np.ndarray, squares_CK: np.ndarray, old_CK: np.ndarray, new_CK: np.ndarray
) -> np.ndarray:
    """Sum over the K squares of the unit vectors from their old states to the new, (S, C, D).

    Args:
        directions_SNCD: a vector per layer, square and state.
        squares_CK: squares; -1 adds nothing.
        old_CK: states before.
        new_CK: states after.
    """
    step = directions_SNCD[:, squares_CK, new_CK] - directions_SNCD[:, squares_CK, old_CK]
    return (unit(step) * (squares_CK >= 0)[..., None]).sum(2).astype(np.float32)
