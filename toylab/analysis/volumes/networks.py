"""A network as a model of the next token, and the chances of sentences that it was run on.

Shape suffixes: N sentences, L length, t tokens so far, V vocabulary.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from toylab.analysis.volumes.coder import Next
from toylab.models.transformer import Transformer
from toylab.taps import Params


def following(model: Transformer, params: Params, start: int, block: int = 1024) -> Next:
    """Return a network's chances of the next token, for the coder.

    Beginnings that are the same are run once, in blocks of one shape, which is compiled once.

    Args:
        model: a causal transformer of its own tokens.
        params: of one member.
        start: token that stands before the first.
        block: beginnings run at a time.
    """

    def chances(before_Nt: Int[np.ndarray, "N t"]) -> Float[np.ndarray, "N V"]:
        n, t = before_Nt.shape
        known, back_N = np.zeros((1, 0), int), np.zeros(n, int)
        if t:
            known, back_N = np.unique(before_Nt, axis=0, return_inverse=True)
        rows = np.full((-(-len(known) // block) * block, model.length), start)
        rows[: len(known), 1 : t + 1] = known
        blocks = rows.reshape(-1, block, model.length)
        parts = [logits(model, params, inputs)[:, t] for inputs in blocks]
        return softmax(np.concatenate(parts)[: len(known)])[back_N.reshape(-1)]

    return chances


def logits(model: Transformer, params: Params, inputs: Any) -> Float[np.ndarray, "N L V"]:
    """Return the logits at every position, in float64."""
    return np.asarray(_logits(model, params, jnp.asarray(inputs, jnp.int32)), np.float64)


@functools.partial(jax.jit, static_argnums=0)
def _logits(model: Transformer, params: Params, inputs_NL: jax.Array) -> jax.Array:
    return model.apply(params, inputs_NL)


def softmax(logits_NV: Float[np.ndarray, "*N V"]) -> Float[np.ndarray, "*N V"]:
    """Return chances, in the precision of the logits."""
    power_NV = np.exp(logits_NV - logits_NV.max(-1, keepdims=True))
    return power_NV / power_NV.sum(-1, keepdims=True)


def sentence_chances(
    logits: Float[np.ndarray, "N L V"],
    sentences: Int[np.ndarray, "N L"],
    end: int,
    temperature: float = 1.0,
) -> Float[np.ndarray, " N"]:
    """Return the chance of each sentence, from the logits before each of its tokens.

    At another temperature than 1 each token is drawn from ``softmax(logits / temperature)``.

    Example:
        >>> sentence_chances(np.zeros((1, 2, 4)), np.array([[3, 0]]), 0).tolist()
        [0.0625]
    """
    chances = softmax(logits / temperature)
    own_NL = np.take_along_axis(chances, sentences[..., None], -1)[..., 0]
    upto_end_NL = np.cumsum(sentences == end, 1) - (sentences == end) == 0
    return np.where(upto_end_NL, own_NL, 1.0).prod(1)
