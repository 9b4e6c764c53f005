"""Attention as a Flax NNX module that taps its own sites, with or without kept keys and values.

A layer names its sites relative to its block, as in ``attn/scores``; the block adds its index.

Shape suffixes: B batch, L length (queries; M for keys), D width, H heads, K head dim.
"""

import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float

from toylab.models.layers import spread
from toylab.models.products import product, repeated, times
from toylab.taps import Tap
from toylab.task import Number

ROPE_BASE = 10_000.0


class KeyValues(NamedTuple):
    """Keys (rotated, with rope) and values of a context, for one block.

    Heads stand before positions: XLA on a CPU would transpose (B, M, H, K) at every step, and take
    several times as long.

    Attributes:
        k_BHMK: keys at M positions, of which the later ones may still be empty.
        v_BHMK: values at the same positions.
    """

    k_BHMK: Array
    v_BHMK: Array

    def put(self, k_BLHK: Array, v_BLHK: Array, first: int | Array) -> "KeyValues":
        """Return the context with L more positions, the first of them at ``first``."""
        put = lambda whole, part: jax.lax.dynamic_update_slice_in_dim(
            whole, part.transpose(0, 2, 1, 3), first, axis=2
        )
        return KeyValues(put(self.k_BHMK, k_BLHK), put(self.v_BHMK, v_BLHK))


def window(table: np.ndarray | Array, first: int | Array, length: int) -> Array:
    """Return ``length`` rows of a table from row ``first``, which may be traced."""
    if isinstance(first, int):
        return jnp.asarray(table[first : first + length])
    return jax.lax.dynamic_slice_in_dim(jnp.asarray(table), first, length)


def rope_angles(length: int, k: int) -> np.ndarray:
    """Return the radians by which rope rotates each pair at each position, (length, k / 2)."""
    return np.arange(length)[:, None] * ROPE_BASE ** (-np.arange(k // 2) / (k // 2))


def rotate(
    x_BLHK: Float[Array, "B L H K"], first: int | Array = 0, longest: int | None = None
) -> Float[Array, "B L H K"]:
    """Rotate each pair ``(x_j, x_{j+K/2})`` at position ``l`` by ``l * base^(-2j/K)`` radians.

    The inner product of two rotated vectors depends on the difference of their positions only.

    Args:
        x_BLHK: vectors at consecutive positions.
        first: position of the first of them.
        longest: number of positions there are; needed where ``first`` is traced.

    Source:
        Su et al. 2021 (2104.09864), equation 34; pairs are half a head apart.
    """
    _, length, _, k = x_BLHK.shape
    assert longest is not None or isinstance(first, int)
    angle = rope_angles(longest if longest is not None else int(first) + length, k)
    turn = lambda f: window(f(angle).astype(x_BLHK.dtype), first, length)[None, :, None]
    cos, sin = turn(np.cos), turn(np.sin)
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
        rounded: whether products round their operands (see :func:`toylab.models.products.product`).
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
        rounded: bool,
    ) -> None:
        self.kind: Literal["softmax", "relu"] = kind
        self.causal, self.rope, self.biases, self.rounded = causal, rope, biases, rounded
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
        flat = times(x_BLD, w_DHK.reshape(len(w_DHK), -1), self.rounded)
        if self.biases:
            flat = flat + repeated(getattr(self, f"b_{name}")[...].reshape(-1), x_BLD.shape[:2])
        return flat.reshape(*x_BLD.shape[:2], *w_DHK.shape[1:])

    def __call__(
        self,
        x_BLD: Array,
        mix: Number,
        tap: Tap,
        last: bool = False,
        kept: KeyValues | None = None,
        first: int | Array = 0,
    ) -> tuple[Array, KeyValues | None]:
        """Map the normed residual stream to what attention adds to it.

        Args:
            x_BLD: the normed residual stream.
            mix: see :func:`attention_pattern`.
            tap: records or edits each site.
            last: only the last position asks, so that the result has length 1.
            kept: keys and values of earlier positions, with room for these.
            first: position of the first of ``x``; 0 where nothing is kept.

        Returns:
            What is added to the stream, and ``kept`` with these positions.
        """
        length = x_BLD.shape[1]
        reach = length if kept is None else kept.k_BHMK.shape[2]
        start = length - 1 if last else 0
        q_BLHK = tap("attn/q", self._project(x_BLD[:, start:], "q"))
        k, v = (tap(f"attn/{n}", self._project(x_BLD, n)) for n in "kv")
        if self.rope:
            q_BLHK, k = rotate(q_BLHK, first + start, reach), rotate(k, first, reach)
        order = "bmhk"
        if kept is not None:
            kept, order = kept.put(k, v, first), "bhmk"
            k, v = kept
        scores_BHLM = product(f"blhk,{order}->bhlm", q_BLHK, k, self.rounded)
        scores_BHLM = scores_BHLM / math.sqrt(q_BLHK.shape[-1])
        scores_BHLM = tap("attn/scores", scores_BHLM)
        visible_LM = jnp.ones((length - start, reach), bool)
        if self.causal:
            asking_L = first + start + jnp.arange(length - start)
            visible_LM = jnp.arange(reach)[None] <= asking_L[:, None]
        pattern_BHLM = attention_pattern(scores_BHLM, visible_LM, self.kind, mix)
        pattern_BHLM = tap("attn/pattern", pattern_BHLM)
        z_BLHK = tap("attn/z", product(f"bhlm,{order}->blhk", pattern_BHLM, v, self.rounded))
        flat = z_BLHK.reshape(*z_BLHK.shape[:2], -1)
        out_BLD = times(flat, self.w_o[...].reshape(flat.shape[-1], -1), self.rounded)
        if self.biases:
            out_BLD = out_BLD + repeated(self.b_o[...], out_BLD.shape[:2])
        return tap("attn/out", out_BLD), kept
