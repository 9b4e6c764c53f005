"""The transformer as Flax NNX modules: blocks, and the network that they form.

:mod:`toylab.models.transformer` gives the settings and says what is computed.

Shape suffixes: B batch, L length, D width, V logits.
"""

import functools
from typing import TYPE_CHECKING

from flax import nnx
from jax import Array

from toylab.models.attention import KeyValues, MultiHeadAttention, window
from toylab.models.layers import MlpLayer, Shift, linear, norm, spread
from toylab.models.products import ONE_HOT_MAX_VOCAB, look_up, repeated
from toylab.taps import Tap
from toylab.task import Number

if TYPE_CHECKING:
    from toylab.models.transformer import Transformer

Cache = dict[str, KeyValues]


class Block(nnx.Module):
    """``x <- x + attn(norm(x))``, then ``x <- x + mlp(norm(x))``."""

    def __init__(self, model: "Transformer", rngs: nnx.Rngs) -> None:
        rounded = model.products == "bfloat16"
        self.norm_attn = norm(model.norm, model.width, rngs)
        self.attn = MultiHeadAttention(
            *(model.width, model.heads, model.key_dim, model.biases, rngs),
            kind=model.attention,
            causal=model.causal,
            rope=model.positions == "rope",
            rounded=rounded,
        )
        self.hidden = model.hidden
        if model.hidden:
            self.norm_mlp = norm(model.norm, model.width, rngs)
            sizes = (model.width, model.hidden, model.biases, rngs)
            how = {"activation": model.activation, "gated": model.gated, "rounded": rounded}
            self.mlp = MlpLayer(*sizes, **how)

    def __call__(
        self,
        x_BLD: Array,
        mix: Number,
        tap: Tap,
        last: bool,
        kept: KeyValues | None,
        first: int | Array,
    ) -> tuple[Array, KeyValues | None]:
        """Return the residual stream after the block, and the context with these positions."""
        x_BLD = tap("resid_pre", x_BLD)
        normed_BLD = x_BLD if self.norm_attn is None else self.norm_attn(x_BLD)
        read_BLD = x_BLD[:, -1:] if last else x_BLD
        out_BLD, kept = self.attn(normed_BLD, mix, tap, last, kept, first)
        x_BLD = tap("resid_mid", read_BLD + out_BLD)
        if self.hidden:
            normed_BLD = x_BLD if self.norm_mlp is None else self.norm_mlp(x_BLD)
            x_BLD = x_BLD + self.mlp(normed_BLD, tap)
        return tap("resid_post", x_BLD), kept


class Network(nnx.Module):
    """Embedding, blocks and unembedding of a model's settings."""

    def __init__(self, model: "Transformer", rngs: nnx.Rngs) -> None:
        self.model = model
        embed = functools.partial(
            nnx.Embed, features=model.width, embedding_init=spread(model.width), rngs=rngs
        )
        self.embed = embed(model.vocab)
        if model.positions == "learned":
            self.positions = embed(model.length)
        # String keys, so that parameters flatten to "blocks/0/...".
        self.blocks = nnx.Dict({str(i): Block(model, rngs) for i in range(model.depth)})
        self.norm = norm(model.norm, model.width, rngs)
        if not model.tied_unembed:
            self.unembed = linear(model.width, model.out_dim, model.unembed_bias, rngs)
        elif model.unembed_bias:
            self.unembed = Shift(model.out_dim)

    def _embed(self, tokens_BL: Array) -> Array:
        if self.model.vocab > ONE_HOT_MAX_VOCAB:
            return self.embed(tokens_BL)
        return look_up(self.embed.embedding[...], tokens_BL)

    def _unembed(self, x_BLD: Array) -> Array:
        if not self.model.tied_unembed:
            return self.unembed(x_BLD)
        logits_BLV = self.embed.attend(x_BLD)
        return self.unembed(logits_BLV) if self.model.unembed_bias else logits_BLV

    def __call__(
        self,
        tokens_BL: Array,
        mix: Number,
        tap: Tap,
        cache: Cache | None = None,
        first: int | Array = 0,
    ) -> tuple[Array, Cache]:
        """Return the logits, and the context with these tokens (empty without a cache).

        Args:
            tokens_BL: tokens at consecutive positions.
            mix: see :func:`toylab.models.attention.attention_pattern`.
            tap: records or edits each site.
            cache: keys and values of earlier positions, for each block, with room for these.
            first: position of the first token; 0 without a cache.
        """
        x_BLD = self._embed(tokens_BL)
        if self.model.positions == "learned":
            table = self.positions.embedding[...]
            x_BLD = x_BLD + repeated(window(table, first, tokens_BL.shape[1]), tokens_BL.shape[:1])
        x_BLD = tap("embed", x_BLD)
        only_last, longer = self.model.read == "last", {}
        for i in range(self.model.depth):
            inner = lambda site, value, i=i: tap(f"blocks/{i}/{site}", value)
            last = only_last and i == self.model.depth - 1
            kept = None if cache is None else cache[str(i)]
            x_BLD, kept = self.blocks[str(i)](x_BLD, mix, inner, last, kept, first)
            longer |= {} if kept is None else {str(i): kept}
        x_BLD = tap("final/norm", x_BLD if self.norm is None else self.norm(x_BLD))
        logits_BLV = tap("final/logits", self._unembed(x_BLD))
        return (logits_BLV[:, -1] if only_last else logits_BLV), longer
