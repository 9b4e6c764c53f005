"""What reads or writes a sentence: a gated recurrent layer, or a block of attention.

Both map a sequence and a first state to as many states, and tap their own sites.

Shape suffixes: B batch, L length, D width.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from toylab.models.layers import linear, spread
from toylab.models.network import Block
from toylab.models.transformer import ATTN_SITES, MLP_SITES, Transformer
from toylab.taps import Tap


class RecurrentLayer(nnx.Module):
    """``h <- (1 - u) n + u h``, ``n = tanh(x W_n + r (h U_n))``; u and r are gates of x and h.

    ``u, r = sigmoid(x W + h U)``; all maps have biases.

    Source: Cho et al. 2014 (1406.1078), in the form of Chung et al. 2014 (1412.3555) that gates
    the product with the state.
    """

    sites = ("states",)

    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.width = width
        self.take = linear(width, 3 * width, True, rngs)
        self.keep = linear(width, 3 * width, True, rngs)

    def __call__(self, x_BLD: Array, first_BD: Array, tap: Tap) -> Array:
        """Return the state after each position."""
        kernel, bias, d = self.keep.kernel[...], self.keep.bias, self.width
        assert bias is not None
        offset_1E = bias[...][None]

        def step(h_BD: Array, taken_BE: Array) -> tuple[Array, Array]:
            kept_BE = h_BD @ kernel + offset_1E
            gates_BE = jax.nn.sigmoid(taken_BE[:, : 2 * d] + kept_BE[:, : 2 * d])
            update_BD, reset_BD = gates_BE[:, :d], gates_BE[:, d:]
            new_BD = jnp.tanh(taken_BE[:, 2 * d :] + reset_BD * kept_BE[:, 2 * d :])
            h_BD = new_BD + update_BD * (h_BD - new_BD)
            return h_BD, h_BD

        _, states_LBD = jax.lax.scan(step, first_BD, self.take(x_BLD).swapaxes(0, 1))
        return tap("states", states_LBD.swapaxes(0, 1))


class AttentionLayer(nnx.Module):
    """A block of a pre-norm transformer with learned positions; the state joins position 0."""

    sites = ("resid_pre", *ATTN_SITES, "resid_mid", *MLP_SITES, "resid_post")

    def __init__(self, sizes: tuple[int, int, int], causal: bool, rngs: nnx.Rngs) -> None:
        length, width, heads = sizes
        how = {"hidden": 2 * width, "norm": "layer", "biases": True, "causal": causal}
        self.block = Block(Transformer(1, length, width, 1, heads, **how), rngs)
        embed = functools.partial(nnx.Embed, features=width, rngs=rngs)
        self.positions = embed(length, embedding_init=spread(width))

    def __call__(self, x_BLD: Array, first_BD: Array, tap: Tap) -> Array:
        """Return the stream behind the block at each position."""
        x_BLD = x_BLD + self.positions.embedding[...][None, : x_BLD.shape[1]]
        x_BLD = jnp.concatenate([x_BLD[:, :1] + first_BD[:, None], x_BLD[:, 1:]], 1)
        return self.block(x_BLD, 1.0, tap, False, None, 0)[0]
