"""Liu et al.'s toy of grokking: a decoder of the sum of two embeddings, started as in its code."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.errors import check_number
from toylab.models.layers import draw_weights
from toylab.models.token_mlp import TokenMLP
from toylab.taps import Params
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class SumDecoder(TokenMLP):
    """``(a, b) -> Dec(E_a + E_b)``; biases start at random too, and embeddings near 0.

    Weights and biases of the decoder start as ``init_scale * N(0, 1 / fan_in)``. Without random
    biases a decoder of a number bends at 0 only.

    Args:
        embed_scale: standard deviation of the first embeddings; may differ per member.

    Source:
        Liu et al. 2022 (arXiv:2205.10343) and its code, which draws from uniform laws of the same
        variance: ``init_scale`` 3^(-1/2), ``embed_scale`` 12^(-1/2).
    """

    embed_scale: Number = 12**-0.5

    def __post_init__(self) -> None:
        check_number("SumDecoder", "embed_scale", self.embed_scale, 0)
        super().__post_init__()

    def init(self, key: Array) -> Params:
        """Draw parameters ``embed`` (V, E), ``layers/{i}/kernel`` and ``bias``."""
        spreads: Params = {}
        for i, (n, m) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            whole = jnp.asarray(self.init_scale, jnp.float32) * jnp.ones((n + 1, m), jnp.float32)
            spreads[str(i)] = whole * np.float32(n**-0.5)
        shape = (self.vocab, self.embed or 1)
        spreads["embed"] = jnp.asarray(self.embed_scale, jnp.float32) * jnp.ones(shape, jnp.float32)
        drawn = draw_weights(spreads, key)
        embed = drawn.pop("embed")
        # One draw for kernel and bias: a draw takes long to compile.
        layers = {i: {"kernel": both[:-1], "bias": both[-1]} for i, both in drawn.items()}
        return {"embed": embed, "layers": layers}
