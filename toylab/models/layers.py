"""Layers of the transformer as Flax NNX modules that tap their own sites.

A layer names its sites relative to its block, as in ``attn/scores``; the block adds its index.

Shape suffixes: B batch, L length (queries; M for keys), D width, H heads, K head dim, F hidden.
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float

from toylab import random
from toylab.models.products import times
from toylab.taps import Params, Tap
from toylab.task import Number

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "quadratic": jnp.square,
    "identity": lambda x: x,
}
NORM_EPS = 1e-5
ROPE_BASE = 10_000.0


def spread(fan_in: int) -> nnx.Initializer:
    """Return an initialiser that fills a weight with its standard deviation, ``fan_in^-1/2``."""
    return nnx.initializers.constant(1 / math.sqrt(fan_in))


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

    def __call__(self, inputs: Array) -> Array:
        """Apply the map."""
        y = times(inputs, self.kernel[...])
        return y if self.bias is None else y + jnp.broadcast_to(self.bias[...], y.shape)


def linear(n_in: int, n_out: int, bias: bool, rngs: nnx.Rngs) -> Linear:
    """Return ``x -> x W + b``, with the spread of W set by ``n_in`` and b = 0 or absent."""
    return Linear(n_in, n_out, use_bias=bias, kernel_init=spread(n_in), rngs=rngs)


def norm(kind: str, width: int, rngs: nnx.Rngs) -> nnx.LayerNorm | nnx.RMSNorm | None:
    """Return a LayerNorm (gain, bias), an RMSNorm (gain) or, for ``"none"``, None."""
    if kind == "none":
        return None
    if kind == "rms":
        return nnx.RMSNorm(width, epsilon=NORM_EPS, rngs=rngs)
    # The fast variance E[x^2] - E[x]^2 cancels in float32 when the mean is large.
    return nnx.LayerNorm(width, epsilon=NORM_EPS, use_fast_variance=False, rngs=rngs)


def rotate(x_BLHK: Float[Array, "B L H K"], first: int = 0) -> Float[Array, "B L H K"]:
    """Rotate each pair ``(x_j, x_{j+K/2})`` at position ``l`` by ``l * base^(-2j/K)`` radians.

    The inner product of two rotated vectors depends on the difference of their positions only.

    Args:
        x_BLHK: vectors at consecutive positions.
        first: position of the first of them.

    Source:
        Su et al. 2021 (2104.09864), equation 34; pairs are half a head apart.
    """
    _, length, _, k = x_BLHK.shape
    angle = np.arange(first, first + length)[:, None] * ROPE_BASE ** (-np.arange(k // 2) / (k // 2))
    cos, sin = (jnp.asarray(f(angle)[None, :, None], x_BLHK.dtype) for f in (np.cos, np.sin))
    left, right = jnp.split(x_BLHK, 2, axis=-1)
    return jnp.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def attention_pattern(
    scores_BHLM: Float[Array, "B H L M"],
    visible_LM: Bool[Array, "L M"],
    kind: Literal["softmax", "relu"] = "softmax",
    mix: Number = 1.0,
) -> Float[Array, "B H L M"]:
    """Turn scores into the weights with which each query reads the keys it sees.

    With ``n`` visible keys, ``p = softmax(scores)`` over them or ``p = relu(scores) / n``; the
    pattern is ``mix * p + (1 - mix) / n``, and exactly 0 at hidden keys.

    Args:
        scores_BHLM: scaled scores, query by key.
        visible_LM: which keys each query sees, at least one.
        kind: softmax or relu.
        mix: share of ``p``, in [0, 1].
    """
    visible = visible_LM[None, None]
    seen = visible.astype(jnp.float32)
    constant = seen / jnp.sum(seen, axis=-1, keepdims=True)
    if kind == "softmax":
        pattern = jax.nn.softmax(jnp.where(visible, scores_BHLM, -jnp.inf), axis=-1)
    else:
        pattern = jax.nn.relu(scores_BHLM) * constant
    if isinstance(mix, int | float) and mix == 1:
        return pattern
    mix = jnp.asarray(mix, pattern.dtype)
    return mix * pattern + (1 - mix) * constant


class MultiHeadAttention(nnx.Module):
    """Attention with weights ``w_q, w_k, w_v`` (D, H, K) and ``w_o`` (H, K, D), not fused.

    Args:
        width: D.
        heads: H.
        key_dim: K.
        biases: adds ``b_q, b_k, b_v`` (H, K) and ``b_o`` (D,), which start at 0.
        rngs: what NNX asks for; nothing is drawn until :func:`draw_weights`.
        kind: see :func:`attention_pattern`.
        causal: whether later keys are hidden.
        rope: whether queries and keys are rotated before their product.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_dim: int,
        biases: bool,
        rngs: nnx.Rngs,
        *,
        kind: Literal["softmax", "relu"],
        causal: bool,
        rope: bool,
    ) -> None:
        self.kind: Literal["softmax", "relu"] = kind
        self.causal, self.rope, self.biases = causal, rope, biases
        inward, outward = (width, heads, key_dim), (heads, key_dim, width)
        for name in "qkv":
            start = spread(width)(rngs.params(), inward, jnp.float32)
            setattr(self, f"w_{name}", nnx.Param(start))
        self.w_o = nnx.Param(spread(heads * key_dim)(rngs.params(), outward, jnp.float32))
        if biases:
            for name in "qkv":
                setattr(self, f"b_{name}", nnx.Param(jnp.zeros((heads, key_dim), jnp.float32)))
            self.b_o = nnx.Param(jnp.zeros((width,), jnp.float32))

    def _project(self, x_BLD: Array, name: str) -> Array:
        w_DHK = getattr(self, f"w_{name}")[...]
        flat = times(x_BLD, w_DHK.reshape(len(w_DHK), -1))
        y_BLHK = flat.reshape(*x_BLD.shape[:2], *w_DHK.shape[1:])
        return y_BLHK + getattr(self, f"b_{name}")[...][None, None] if self.biases else y_BLHK

    def __call__(self, x_BLD: Array, mix: Number, tap: Tap, last: bool = False) -> Array:
        """Map the normed residual stream to what attention adds to it.

        Args:
            x_BLD: the normed residual stream.
            mix: see :func:`attention_pattern`.
            tap: records or edits each site.
            last: only the last position asks, so that the result has length 1.
        """
        length = x_BLD.shape[1]
        queries = slice(length - 1 if last else 0, length)
        q_BLHK = tap("attn/q", self._project(x_BLD[:, queries], "q"))
        k_BLHK, v_BLHK = (tap(f"attn/{n}", self._project(x_BLD, n)) for n in "kv")
        if self.rope:
            q_BLHK, k_BLHK = rotate(q_BLHK, queries.start), rotate(k_BLHK)
        scores_BHLM = jnp.einsum("blhk,bmhk->bhlm", q_BLHK, k_BLHK) / math.sqrt(q_BLHK.shape[-1])
        scores_BHLM = tap("attn/scores", scores_BHLM)
        visible_LM = jnp.ones((length, length), bool)
        visible_LM = (jnp.tril(visible_LM) if self.causal else visible_LM)[queries]
        pattern_BHLM = attention_pattern(scores_BHLM, visible_LM, self.kind, mix)
        pattern_BHLM = tap("attn/pattern", pattern_BHLM)
        z_BLHK = tap("attn/z", jnp.einsum("bhlm,bmhk->blhk", pattern_BHLM, v_BLHK))
        flat = z_BLHK.reshape(*z_BLHK.shape[:2], -1)
        out_BLD = times(flat, self.w_o[...].reshape(flat.shape[-1], -1))
        return tap("attn/out", out_BLD + self.b_o[...][None, None] if self.biases else out_BLD)


class MlpLayer(nnx.Module):
    """``down(f(up(x)))``, or with a gate ``down(f(gate(x)) * up(x))``.

    Args:
        width: D.
        hidden: F.
        biases: biases in every linear map.
        rngs: what NNX asks for; nothing is drawn until :func:`draw_weights`.
        activation: name of ``f``.
        gated: whether there is a gate.
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
    ) -> None:
        self.activation, self.gated = activation, gated
        self.up = linear(width, hidden, biases, rngs)
        if gated:
            self.gate = linear(width, hidden, biases, rngs)
        self.down = linear(hidden, width, biases, rngs)

    def __call__(self, x_BLD: Array, tap: Tap) -> Array:
        """Map the normed residual stream to what the MLP adds to it."""
        pre_BLF = tap("mlp/pre", (self.gate if self.gated else self.up)(x_BLD))
        post_BLF = ACTIVATIONS[self.activation](pre_BLF)
        if self.gated:
            post_BLF = post_BLF * self.up(x_BLD)
        return tap("mlp/out", self.down(tap("mlp/post", post_BLF)))
