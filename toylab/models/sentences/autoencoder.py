"""An autoencoder of sentences: a code of some numbers, from which the sentence is written again.

Shape suffixes: B batch, L length, D width, C numbers of the code, V vocabulary.
"""

import dataclasses
import functools
from typing import Literal, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.layers import built, draw_weights, linear, spread
from toylab.models.products import look_up
from toylab.models.sentences.layers import AttentionLayer, RecurrentLayer
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number

LAYERS = {"recurrent": RecurrentLayer, "attention": AttentionLayer}


class Code(NamedTuple):
    """What the encoder says of sentences: a point each, and how far a code may lie from it.

    Attributes:
        mean: (B, C).
        log_spread: logarithm of the standard deviation (B, C).
    """

    mean: Array
    log_spread: Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceAutoencoder(ModelCard):
    """Tokens (B, L) to a code (B, C), and from the code to logits (B, L, V) of the same tokens.

    Inputs are a sentence behind a start token: the encoder reads them all, the decoder is asked at
    each position for the next token, given those before and the code. The encoder's summary is the
    last state (recurrent), or the mean of all (attention); two linear maps of it are ``mean`` and
    ``log_spread``. The decoder has ``E[token] + code W_in`` at each position, and
    ``tanh(code W_start)`` as its first state.

    Args:
        vocab: number of tokens V.
        length: tokens L of a sentence.
        width: D.
        code: numbers of the code C.
        layer: recurrent, or attention, of encoder and decoder.
        heads: of attention.
        bounded: 1 puts the mean through tanh and leaves the spread out, as a plain autoencoder
            with codes in a cube; 0 takes both as they are. May differ per member.
        dims: numbers of the code that are used, the others being 0; 0 uses all. May differ per
            member.

    Raises:
        ToylabError: a size below its least, an unknown layer, or more numbers used than there are.

    Source: Bowman et al. 2016 (1511.06349), with the code at every step; the peers of Celotti et
        al. 2020 (2003.13600), whose sizes are not public.

    Example:
        >>> import jax
        >>> model = SentenceAutoencoder(vocab=5, length=4, width=8, code=3)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((2, 4), "int32")).shape
        (2, 4, 5)
    """

    vocab: int
    length: int
    width: int = 32
    code: int = 16
    layer: Literal["recurrent", "attention"] = "recurrent"
    heads: int = 2
    bounded: Number = 0
    dims: Number = 0

    def __post_init__(self) -> None:
        for field in ("vocab", "length", "width", "code", "heads"):
            check_number("SentenceAutoencoder", field, getattr(self, field), 1, whole=True)
        check_number("SentenceAutoencoder", "bounded", self.bounded, 0, 1, whole=True)
        check_number("SentenceAutoencoder", "dims", self.dims, 0, self.code, whole=True)
        if self.layer not in LAYERS:
            hint = nearest(str(self.layer), LAYERS)
            raise ToylabError(f"SentenceAutoencoder: layer = {self.layer!r}; {hint}")
        if self.width % self.heads:
            raise ToylabError(
                f"SentenceAutoencoder: width = {self.width} is not a multiple of heads = "
                f"{self.heads}."
            )

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        inner = LAYERS[self.layer].sites
        encoder = ("encoder/embed", *(f"encoder/{site}" for site in inner))
        decoder = ("decoder/embed", *(f"decoder/{site}" for site in inner))
        return (*encoder, "mean", "log_spread", "code", *decoder, "logits")

    def init(self, key: Array) -> Params:
        """Draw initial parameters, weights from N(0, 1 / fan-in)."""
        return draw_weights(built(_Network, self._static()), key)

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B L V"]:
        """Map sentences to logits of themselves, by the mean code, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, L) of the model's length.
        """
        code_BC = tap("code", self.point(self.encode(params, inputs, tap)))
        return self.decode(params, code_BC, inputs, tap)

    def encode(self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity) -> Code:
        """Return mean and spread of the codes of sentences."""
        if inputs.ndim != 2 or inputs.shape[1] != self.length:
            raise ToylabError(
                f"SentenceAutoencoder: inputs of shape {inputs.shape}; give (B, {self.length})."
            )
        mean_BC, log_spread_BC = self._network(params).encode(inputs, tap)
        bounded = jnp.asarray(self.bounded, mean_BC.dtype)
        mean_BC = bounded * jnp.tanh(mean_BC) + (1 - bounded) * mean_BC
        return Code(tap("mean", mean_BC), tap("log_spread", log_spread_BC))

    def point(self, code: Code, noise: Float[Array, "B C"] | None = None) -> Float[Array, "B C"]:
        """Return codes: the means, or with noise points that far from them; unused numbers are 0.

        ``(mean + (1 - bounded) exp(log_spread) noise) used``
        """
        point_BC = code.mean
        if noise is not None:
            free = 1 - jnp.asarray(self.bounded, code.mean.dtype)
            point_BC = point_BC + free * jnp.exp(code.log_spread) * noise
        return point_BC * self.used().astype(code.mean.dtype)[None]

    def used(self) -> Array:
        """Return which numbers of the code are used (C,)."""
        dims = jnp.asarray(self.dims).astype(jnp.int32)
        return jnp.arange(self.code, dtype=jnp.int32) < jnp.where(dims == 0, self.code, dims)

    def decode(
        self,
        params: Params,
        code: Float[Array, "B C"],
        inputs: Int[Array, "B L"],
        tap: Tap = identity,
    ) -> Float[Array, "B L V"]:
        """Return the logits of each next token, of codes that need not be of any sentence."""
        return tap("logits", self._network(params).decode(code, inputs, tap))

    def _network(self, params: Params) -> "_Network":
        return nnx.merge(_graph(self._static()), params)

    def _static(self) -> "SentenceAutoencoder":
        """These settings without the per-member numbers: hashable, fit for a cache."""
        return dataclasses.replace(self, bounded=0, dims=0)


@functools.lru_cache(maxsize=64)
def _graph(model: SentenceAutoencoder) -> nnx.GraphDef:
    """Structure of the network, built from shapes alone."""
    return nnx.split(nnx.eval_shape(lambda: _Network(model, nnx.Rngs(0))))[0]


class _Network(nnx.Module):
    def __init__(self, model: SentenceAutoencoder, rngs: nnx.Rngs) -> None:
        d, c = model.width, model.code
        embed = functools.partial(nnx.Embed, features=d, embedding_init=spread(d), rngs=rngs)
        self.reads, self.writes = embed(model.vocab), embed(model.vocab)
        self.recurrent = model.layer == "recurrent"
        sizes = model.length, d, model.heads
        layer = lambda causal: (
            RecurrentLayer(d, rngs) if self.recurrent else AttentionLayer(sizes, causal, rngs)
        )
        self.encoder, self.decoder = layer(False), layer(True)
        self.mean, self.log_spread = linear(d, c, True, rngs), linear(d, c, True, rngs)
        self.inside, self.start = linear(c, d, True, rngs), linear(c, d, True, rngs)
        self.unembed = linear(d, model.vocab, True, rngs)

    def encode(self, tokens_BL: Array, tap: Tap) -> tuple[Array, Array]:
        x_BLD = tap("encoder/embed", look_up(self.reads.embedding[...], tokens_BL))
        first_BD = jnp.zeros_like(x_BLD[:, 0])
        states_BLD = self.encoder(x_BLD, first_BD, lambda site, x: tap(f"encoder/{site}", x))
        summary_BD = states_BLD[:, -1] if self.recurrent else states_BLD.mean(1)
        return self.mean(summary_BD), self.log_spread(summary_BD)

    def decode(self, code_BC: Array, tokens_BL: Array, tap: Tap) -> Array:
        x_BLD = look_up(self.writes.embedding[...], tokens_BL)
        x_BLD = tap("decoder/embed", x_BLD + self.inside(code_BC)[:, None])
        first_BD = jnp.tanh(self.start(code_BC))
        states_BLD = self.decoder(x_BLD, first_BD, lambda site, x: tap(f"decoder/{site}", x))
        return self.unembed(states_BLD)
