"""MLP neurons of a transformer: what they add to a token's logit, and what ablating them costs."""

import functools

import jax
import numpy as np
from jax import Array

from toylab.models import Transformer
from toylab.taps import Edit, Params
from toylab.taps import run as forward


def neuron_sites(model: Transformer) -> tuple[str, ...]:
    """The MLP neurons of every block."""
    return tuple(f"blocks/{i}/mlp/post" for i in range(model.depth))


def votes(model: Transformer, params: Params, token: int) -> np.ndarray:
    """What a unit of each block's neurons adds to a token's logit, minus the mean token's, (X,)."""
    unembed_DV = np.asarray(params["unembed"]["kernel"])
    token_D = np.asarray(params["norm"]["scale"]) * (unembed_DV[:, token] - unembed_DV.mean(1))
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
