"""MLP neurons as keys and values: what they are read by, and what they write.

A neuron's key vector is its column of the up projection, its value vector its row of the down
projection. Shapes: U blocks, F neurons of each, D width.

Source: Geva et al. 2021, Transformer feed-forward layers are key-value memories (arXiv:2012.14913).
"""

import numpy as np
from jaxtyping import Bool, Float

from toylab.taps import Params
from toylab.trees import flatten, unflatten


def mlp_weights(params: Params, name: str) -> np.ndarray:
    """Return a matrix of every block's MLP ("up", "gate" or "down"), stacked (U, ., .)."""
    blocks = params["blocks"]
    return np.stack([np.asarray(blocks[str(u)]["mlp"][name]["kernel"]) for u in range(len(blocks))])


def value_cosines(params: Params, direction: Float[np.ndarray, " D"]) -> np.ndarray:
    """Return the cosine of every value vector, less its mean entry, with a direction, (U, F).

    A norm that centres takes the mean entry off, so that it writes nothing.

    Args:
        params: of a transformer.
        direction: of length 1.
    """
    values_UFD = mlp_weights(params, "down")
    values_UFD = values_UFD - values_UFD.mean(-1, keepdims=True)
    return values_UFD @ direction / np.maximum(np.linalg.norm(values_UFD, axis=-1), 1e-9)


def top_mask(scores: Float[np.ndarray, "U F"], count: int) -> Bool[np.ndarray, "U F"]:
    """Return the mask of the neurons with the ``count`` greatest scores."""
    mask = np.zeros(scores.size, bool)
    mask[np.argsort(-scores, axis=None, kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


def others_like(mask: Bool[np.ndarray, "U F"], rng: np.random.Generator) -> np.ndarray:
    """Return a mask of random other neurons, as many in each block where it has them."""
    drawn = np.zeros_like(mask)
    for block, mask_F in enumerate(mask):
        rest = np.flatnonzero(~mask_F)
        rest = rest if len(rest) >= mask_F.sum() else np.arange(len(mask_F))
        drawn[block, rng.choice(rest, mask_F.sum(), replace=False)] = True
    return drawn


def scaled_keys(params: Params, mask: Bool[np.ndarray, "U F"], factor: float) -> Params:
    """Return parameters with some neurons' key vectors multiplied; biases stay."""
    flat = flatten(params)
    for block, mask_F in enumerate(mask):
        name = f"blocks/{block}/mlp/up/kernel"
        flat[name] = flat[name] * np.where(mask_F, np.float32(factor), np.float32(1))
    return unflatten(flat)
