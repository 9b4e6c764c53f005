"""The paper's start: embeddings of unit variance, so that a token outweighs what attention adds."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from toylab.models import Transformer
from toylab.taps import Params
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class WideTransformer(Transformer):
    """A transformer whose embeddings of tokens and places start at ``N(0, embed_scale^2 / D)``.

    Args:
        embed_scale: ``sqrt(width)`` for unit variance, which PyTorch's embeddings start with.
    """

    embed_scale: Number = 1.0

    def init(self, key: Array) -> Params:
        """Draw initial parameters, the embeddings' widened."""
        params = super().init(key)
        for name in ("embed", "positions"):
            wide = params[name]["embedding"] * jnp.asarray(self.embed_scale, jnp.float32)
            params[name] = {"embedding": wide}
        return params
