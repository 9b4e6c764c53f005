"""A causal encoder that predicts the next N tokens at every position, by a decoder or by heads.

Shape suffixes: B batch, T positions, N tokens ahead, M slots, D width, V logits.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_counts, nearest
from toylab.models.layers import draw_weights
from toylab.models.products import look_up, times
from toylab.models.transformer import Transformer
from toylab.taps import Params, Tap, identity

KINDS = ("decoder", "heads")


@dataclasses.dataclass(frozen=True)
class FutureTransformer:
    """Tokens (B, T + N - 1) to logits (B, T, N, V): entry [t, j] is of token t + 1 + j.

    The encoder gives a vector ``h_t`` of the tokens up to t. As a *decoder* (future token
    prediction), ``h_t`` becomes a pseudo-sequence ``S_t = h_t W`` of M vectors, and a block attends
    to these and to the tokens t + 1 to t + j that come before the one to predict: it models them
    jointly, and S_t is its only view of the past. As *heads* (multi-token prediction), head j is a
    block over ``h_0 ... h_t`` that sees none of the tokens after t: the heads give marginals. All
    share the unembedding. With N = 1 either predicts the next token alone.

    Blocks are those of :class:`toylab.models.Transformer`, with LayerNorm, ReLU and biases.
    Attention of the decoder is one softmax over slots and earlier tokens.

    Args:
        vocab: V.
        length: positions T that are encoded.
        ahead: N.
        kind: decoder or heads.
        width: D.
        depth: blocks of the encoder; decoder and heads have one each.
        heads: attention heads.
        hidden: width of the MLPs.
        slots: M.

    Raises:
        ToylabError: a setting out of range, or inputs of another length.

    Source: Walker 2024 (arXiv:2410.18160), of which the abstract could be read; multi-token heads:
        Gloeckle et al. 2024 (arXiv:2404.19737).

    Example:
        >>> model = FutureTransformer(vocab=5, length=6, ahead=3, width=8, hidden=16)
        >>> tokens = jnp.zeros((2, 8), jnp.int32)
        >>> model.apply(model.init(jax.random.key(0)), tokens).shape
        (2, 6, 3, 5)
    """

    vocab: int
    length: int
    ahead: int
    kind: Literal["decoder", "heads"] = "decoder"
    width: int = 32
    depth: int = 2
    heads: int = 2
    hidden: int = 128
    slots: int = 2

    def __post_init__(self) -> None:
        check_counts("FutureTransformer", self, "vocab", "length", "ahead", "width", "slots")
        if self.kind not in KINDS:
            hint = nearest(str(self.kind), KINDS)
            raise ToylabError(f"FutureTransformer: kind = {self.kind!r}; {hint}")
        self.encoder()

    def _blocks(self, vocab: int, length: int, depth: int, positions: str) -> Transformer:
        sizes = (vocab, length, self.width, depth, self.heads)
        how = {"hidden": self.hidden, "norm": "layer", "biases": True, "positions": positions}
        return Transformer(*sizes, **how)  # type: ignore[arg-type]

    def encoder(self) -> Transformer:
        """The encoder; its unembedding is that of all predictions."""
        return self._blocks(self.vocab, self.length, self.depth, "learned")

    def block(self) -> Transformer:
        """The decoder's block, or that of one head."""
        if self.kind == "heads":
            return self._blocks(1, self.length, 1, "none")
        return self._blocks(1, self.slots + self.ahead, 1, "learned")

    @property
    def sites(self) -> tuple[str, ...]:
        """``encoded`` (B, T, D), ``ahead`` (B, T, N, D) and ``logits`` (B, T, N, V)."""
        return ("encoded", "ahead", "logits")

    def init(self, key: Array) -> Params:
        """Draw initial parameters: weights from N(0, 1 / fan_in), biases at 0."""
        keys = [random.fold_in(key, i) for i in range(3)]
        params = {"encoder": self.encoder().init(keys[0])}
        if self.kind == "heads":
            own = [random.fold_in(keys[1], j) for j in range(self.ahead)]
            return params | {"block": jax.vmap(self.block().init)(jnp.stack(own))}
        full = lambda *shape: jnp.full(shape, self.width**-0.5, jnp.float32)
        slots = {"expand": full(self.width, self.slots * self.width), "start": full(1, self.width)}
        return params | {"block": self.block().init(keys[1])} | draw_weights(slots, keys[2])

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B T N V"]:
        """Map tokens to logits of those ahead, calling ``tap`` at every site."""
        if inputs.ndim != 2 or inputs.shape[1] != self.length + self.ahead - 1:
            raise ToylabError(
                f"FutureTransformer: inputs of shape {inputs.shape}; give tokens "
                f"(B, {self.length + self.ahead - 1}), positions and those ahead but the last."
            )
        seen_BT = inputs[:, : self.length]
        h_BTD = tap("encoded", _streams(self.encoder(), params["encoder"], seen_BT))
        found = self._heads if self.kind == "heads" else self._decoder
        out_BTND = tap("ahead", found(params, h_BTD, inputs))
        return tap("logits", times(out_BTND, params["encoder"]["unembed"]["kernel"]))

    def _heads(self, params: Params, h_BTD: Array, inputs: Array) -> Array:
        block = self.block()
        tokens_BT = jnp.zeros(h_BTD.shape[:2], jnp.int32)
        one = lambda own: _streams(block, own, tokens_BT, h_BTD)
        return jnp.moveaxis(jax.vmap(one)(params["block"]), 0, 2)

    def _decoder(self, params: Params, h_BTD: Array, inputs: Array) -> Array:
        batch, length, ahead = len(inputs), self.length, self.ahead
        s_RMD = times(h_BTD, params["expand"]).reshape(-1, self.slots, self.width)
        embedded = look_up(params["encoder"]["embed"]["embedding"], inputs)
        # Position t reads tokens t + 1 to t + N - 1; the first token ahead follows a start vector.
        later = [embedded[:, j : j + length] for j in range(1, ahead)]
        start = jnp.broadcast_to(params["start"][:, None], h_BTD.shape)
        e_RND = jnp.stack([start, *later], 2).reshape(-1, ahead, self.width)
        places = params["block"]["positions"]["embedding"][None]
        x_RLD = jnp.concatenate([s_RMD, e_RND], 1) + places
        tokens = jnp.zeros(x_RLD.shape[:2], jnp.int32)
        out_RLD = _streams(self.block(), params["block"], tokens, x_RLD)
        return out_RLD[:, self.slots :].reshape(batch, length, ahead, self.width)


def _streams(
    model: Transformer, params: Params, tokens_BL: Array, x_BLD: Array | None = None
) -> Array:
    """Normed streams (B, L, D) after the last block, of tokens or of vectors in their place."""
    kept: dict[str, Array] = {}

    def tap(site: str, value: Array) -> Array:
        if site == "embed" and x_BLD is not None:
            return x_BLD
        if site == "final/norm":
            kept[site] = value
        return value

    model.apply(params, tokens_BL, tap)
    return kept["final/norm"]
