"""Layers of the transformer as Flax NNX modules that tap their own sites.

A layer names its sites relative to its block, as in ``attn/scores``; the block adds its index.

Attention is in :mod:`toylab.models.attention`.

Shape suffixes: B batch, L length, D width, F hidden.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from toylab import random
from toylab.models.products import repeated, times
from toylab.taps import Params, Tap
from toylab.task import Number

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "gelu_exact": functools.partial(jax.nn.gelu, approximate=False),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "quadratic": jnp.square,
    "identity": lambda x: x,
}
NORM_EPS = 1e-5


def spread(fan_in: int) -> nnx.Initializer:
    """Return an initialiser that fills a weight with its standard deviation, ``fan_in^-1/2``."""
    return nnx.initializers.constant(1 / math.sqrt(fan_in))


@functools.partial(jax.jit, static_argnums=(0, 1), inline=True)
def built(network: Callable[[Any, nnx.Rngs], nnx.Module], settings: Any) -> Params:
    """Return a network's parameters as its layers are built: what :func:`draw_weights` takes.

    To build modules takes longer than all else that tracing a small model does, so each settings'
    are built once.

    Args:
        network: a class of modules.
        settings: what it is made of, hashable.
    """
    return nnx.to_pure_dict(nnx.state(network(settings, nnx.Rngs(0))))


def draw_weights(spreads: Params, key: Array, scale: Number = 1.0) -> Params:
    """Draw each weight from ``scale * N(0, spread^2)``; vectors (biases, gains) stay as they are.

    All weights come from one draw: XLA compiles every draw anew, and the 20 draws of a two-block
    transformer took 9 s to compile on a CPU where one takes 2 s.

    Args:
        spreads: parameters whose weights hold their standard deviations, as layers are built.
        key: random key.
        scale: factor on every weight.
    """
    leaves, tree = jax.tree.flatten(spreads)
    sizes = [leaf.size if leaf.ndim > 1 else 0 for leaf in leaves]
    noise = random.normal(key, (sum(sizes),)) * jnp.asarray(scale, jnp.float32)
    pieces = jnp.split(noise, np.cumsum(sizes)[:-1])
    pairs = zip(leaves, pieces, strict=True)
    return tree.unflatten(
        [leaf * piece.reshape(leaf.shape) if piece.size else leaf for leaf, piece in pairs]
    )


class Linear(nnx.Linear):
    """``x -> x W + b`` on the last axis, where b may be absent."""

    rounded = False  # see toylab.models.products.product

    def __call__(self, inputs: Array) -> Array:
        """Apply the map."""
        y = times(inputs, self.kernel[...], self.rounded)
        return y if self.bias is None else y + repeated(self.bias[...], y.shape[:-1])


def linear(n_in: int, n_out: int, bias: bool, rngs: nnx.Rngs, rounded: bool = False) -> Linear:
    """Return ``x -> x W + b``, with the spread of W set by ``n_in`` and b = 0 or absent."""
    layer = Linear(n_in, n_out, use_bias=bias, kernel_init=spread(n_in), rngs=rngs)
    layer.rounded = rounded
    return layer


class Shift(nnx.Module):
    """``x -> x + b`` on the last axis, with b = 0."""

    def __init__(self, width: int) -> None:
        self.bias = nnx.Param(jnp.zeros((width,), jnp.float32))

    def __call__(self, x: Array) -> Array:
        """Apply the map."""
        return x + repeated(self.bias[...], x.shape[:-1])


def norm(kind: str, width: int, rngs: nnx.Rngs) -> nnx.LayerNorm | nnx.RMSNorm | None:
    """Return a LayerNorm (gain, bias), an RMSNorm (gain) or, for ``"none"``, None."""
    if kind == "none":
        return None
    if kind == "rms":
        return nnx.RMSNorm(width, epsilon=NORM_EPS, rngs=rngs)
    # The fast variance E[x^2] - E[x]^2 cancels in float32 when the mean is large.
    return nnx.LayerNorm(width, epsilon=NORM_EPS, use_fast_variance=False, rngs=rngs)


class MlpLayer(nnx.Module):
    """``down(f(up(x)))``, or with a gate ``down(f(gate(x)) * up(x))``.

    Args:
        width: D.
        hidden: F.
        biases: biases in every linear map.
        rngs: what NNX asks for; nothing is drawn until :func:`draw_weights`.
        activation: name of ``f``.
        gated: whether there is a gate.
        rounded: whether products round their operands (see :func:`toylab.models.products.product`).
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        biases: bool,
        rngs: nnx.Rngs,
        *,
        activation: str,
        gated: bool,
        rounded: bool,
    ) -> None:
        self.activation, self.gated = activation, gated
        self.up = linear(width, hidden, biases, rngs, rounded)
        if gated:
            self.gate = linear(width, hidden, biases, rngs, rounded)
        self.down = linear(hidden, width, biases, rngs, rounded)

    def __call__(self, x_BLD: Array, tap: Tap) -> Array:
        """Map the normed residual stream to what the MLP adds to it."""
        pre_BLF = tap("mlp/pre", (self.gate if self.gated else self.up)(x_BLD))
        post_BLF = ACTIVATIONS[self.activation](pre_BLF)
        if self.gated:
            post_BLF = post_BLF * self.up(x_BLD)
        return tap("mlp/out", self.down(tap("mlp/post", post_BLF)))
