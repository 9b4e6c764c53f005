"""MLP neurons of a transformer: what they read, what they write, and what ablating them costs.

A neuron's key vector is its column of the up projection, its value vector its row of the down
projection. Shapes: U blocks, F neurons of each, D width.

Source: Geva et al. 2021, Transformer feed-forward layers are key-value memories (arXiv:2012.14913).
"""

import functools

import jax
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab.models import Transformer
from toylab.taps import Edit, Params
from toylab.taps import run as forward
from toylab.trees import flatten, unflatten


def neuron_sites(model: Transformer) -> tuple[str, ...]:
    """The MLP neurons of every block."""
    return tuple(f"blocks/{i}/mlp/post" for i in range(model.depth))


def votes(model: Transformer, params: Params, token: int) -> np.ndarray:
    """What a unit of each block's neurons adds to a token's logit, minus the mean token's, (X,)."""
    unembed_DV = np.asarray(params["unembed"]["kernel"])
    token_D = np.asarray(params["norm"]["scale"]) * (unembed_DV[:, token] - unembed_DV.mean(1))
    if model.norm == "layer":  # which takes the mean entry off
        token_D = token_D - token_D.mean()
    down = [params["blocks"][str(i)]["mlp"]["down"]["kernel"] for i in range(model.depth)]
    return np.concatenate([np.asarray(kernel) @ token_D for kernel in down])


@functools.partial(jax.jit, static_argnames=("model",))
def ablated(
    model: Transformer, params: Params, tokens_BL: Array, mean_SF: Array, off_SF: Array
) -> Array:
    """Log-probabilities (B, L, V) with some neurons, of any block, held at their means."""
    edits = tuple(
        Edit(site, "set", mean_SF[i][None, None], off_SF[i][None, None])
        for i, site in enumerate(neuron_sites(model))
    )
    logits, _ = forward(model, params, tokens_BL, edits=edits)
    return jax.nn.log_softmax(logits)


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
