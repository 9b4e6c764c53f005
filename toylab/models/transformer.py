"""A pre-norm decoder or encoder whose every intermediate is a named site.

The layers are Flax NNX modules (:mod:`toylab.models.network`); the model itself is a frozen
dataclass, and a run is a pure function of a plain nested dict of arrays. Nothing is folded: norms
keep their gains, biases stay apart from weights, and each site has one equation (docs/sites.md).
There is no dropout and no padding mask: toy sequences have one length and no gaps.

Shape suffixes: B batch, L length, D width, V vocabulary or logits.
"""

import dataclasses
import functools
from typing import Literal

import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.attention import KeyValues
from toylab.models.layers import built, draw_weights
from toylab.models.network import Cache, Network
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number

CHOICES = {
    "activation": ("relu", "gelu", "gelu_exact", "silu"),
    "positions": ("learned", "rope", "none"),
    "norm": ("none", "layer", "rms"),
    "attention": ("softmax", "relu"),
    "read": ("all", "last"),
    "products": ("float32", "bfloat16"),
}
ATTN_SITES = tuple(f"attn/{s}" for s in ("q", "k", "v", "scores", "pattern", "z", "out"))
MLP_SITES = ("mlp/pre", "mlp/post", "mlp/out")


@dataclasses.dataclass(frozen=True)
class Transformer(ModelCard):
    """A transformer: tokens (B, L) to logits (B, L, V), or (B, V) at the last position.

    Each block computes ``x <- x + attn(norm(x))`` and then ``x <- x + mlp(norm(x))`` on the
    residual stream ``x``; after the last block the logits are ``norm(x) W_U``.
    Weight matrices and embeddings start as ``init_scale * N(0, 1 / fan_in)`` (for an embedding
    the fan-in is the width), biases at 0, gains at 1.

    Args:
        vocab: number of tokens.
        length: longest sequence.
        width: residual width D.
        depth: number of blocks.
        heads: attention heads H.
        head_dim: width K of a head; ``width / heads`` when None.
        hidden: MLP width; 0 leaves the MLP out.
        n_out: number of logits V; ``vocab`` when None.
        gated: the MLP multiplies its activation with a second linear map.
        activation: relu, gelu (tanh form), gelu_exact or silu.
        positions: learned (added to the embedding), rope (rotates q and k) or none.
        norm: none, layer or rms: before attention, before the MLP and before the logits.
        causal: a query sees only keys at its own and earlier positions.
        attention: softmax, or relu: ``relu(scores) / number of visible keys``.
        biases: biases in attention and MLP.
        read: "all" gives logits at every position (B, L, V). "last" gives them at the last alone
            (B, V), and the last block computes queries, MLP and what follows for it alone: its
            sites have length 1, but for ``resid_pre``, keys and values.
        products: float32, or bfloat16: operands of the products inside blocks are rounded to it,
            forwards and backwards, and summed in float32. Residual stream, norms, softmax and
            logits stay float32.
        tied_unembed: unembed with the transposed token embedding; needs ``n_out == vocab``.
        unembed_bias: the logits are ``norm(x) W_U + b_U``, with ``b_U`` (V,) 0 at first.
        init_scale: factor on every initial weight; may differ per member.
        attention_mix: ``pattern = mix * pattern + (1 - mix) / number of visible keys``; in
            [0, 1], may differ per member. At 0 attention is constant.

    Raises:
        ToylabError: a setting is out of range, or two settings do not fit together.

    Source:
        Vaswani et al. 2017 (1706.03762); pre-norm: Xiong et al. 2020 (2002.04745); rope: Su et al.
        2021 (2104.09864); rms: Zhang & Sennrich 2019 (1910.07467); gated: Shazeer 2020
        (2002.05202); relu attention: Wortsman et al. 2023 (2309.08586); attention_mix: after
        Zhong et al. 2023 (2306.17844).

    Example:
        >>> import jax
        >>> from toylab.taps import run
        >>> model = Transformer(vocab=7, length=4, width=8, depth=1, heads=2, hidden=16)
        >>> tokens = jax.numpy.zeros((3, 4), "int32")
        >>> params = model.init(jax.random.key(0))
        >>> logits, acts = run(model, params, tokens, record=("blocks/0/attn/pattern",))
        >>> logits.shape, acts["blocks/0/attn/pattern"].shape
        ((3, 4, 7), (3, 2, 4, 4))
    """

    vocab: int
    length: int
    width: int
    depth: int
    heads: int
    head_dim: int | None = None
    hidden: int = 0
    n_out: int | None = None
    gated: bool = False
    activation: Literal["relu", "gelu", "gelu_exact", "silu"] = "relu"
    positions: Literal["learned", "rope", "none"] = "learned"
    norm: Literal["none", "layer", "rms"] = "none"
    causal: bool = True
    attention: Literal["softmax", "relu"] = "softmax"
    biases: bool = False
    tied_unembed: bool = False
    unembed_bias: bool = False
    read: Literal["all", "last"] = "all"
    products: Literal["float32", "bfloat16"] = "float32"
    init_scale: Number = 1.0
    attention_mix: Number = 1.0

    def __post_init__(self) -> None:
        for field in ("vocab", "length", "width", "depth", "heads", "head_dim", "n_out"):
            if getattr(self, field) is not None:
                check_number("Transformer", field, getattr(self, field), 1, whole=True)
        check_number("Transformer", "hidden", self.hidden, 0, whole=True)
        check_number("Transformer", "init_scale", self.init_scale, 0)
        check_number("Transformer", "attention_mix", self.attention_mix, 0, 1)
        for field, known in CHOICES.items():
            value = getattr(self, field)
            if value not in known:
                hint = nearest(str(value), known)
                raise ToylabError(f"Transformer: {field} = {value!r}; {hint}")
        if self.head_dim is None and self.width % self.heads:
            raise ToylabError(
                f"Transformer: width = {self.width} is not a multiple of heads = {self.heads}; "
                "change one of them or give head_dim."
            )
        if self.positions == "rope" and self.key_dim % 2:
            raise ToylabError(f"Transformer: rope needs an even head_dim, not {self.key_dim}.")
        if self.tied_unembed and self.out_dim != self.vocab:
            raise ToylabError(
                f"Transformer: tied_unembed makes n_out = {self.vocab}, not {self.n_out}; "
                "leave n_out out or untie."
            )
        if self.gated and not self.hidden:
            raise ToylabError("Transformer: gated = True without an MLP; give hidden >= 1.")

    @property
    def key_dim(self) -> int:
        """Width K of a head, with its default filled in."""
        return self.width // self.heads if self.head_dim is None else self.head_dim

    @property
    def out_dim(self) -> int:
        """Number of logits V, with its default filled in."""
        return self.vocab if self.n_out is None else self.n_out

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        mlp = MLP_SITES if self.hidden else ()
        block = ("resid_pre", *ATTN_SITES, "resid_mid", *mlp, "resid_post")
        inner = (f"blocks/{i}/{site}" for i in range(self.depth) for site in block)
        return ("embed", *inner, "final/norm", "final/logits")

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site, for people to read."""
        return {site: _axes(site.split("/", 2)[-1]) for site in self.sites}

    def init(self, key: Array) -> Params:
        """Draw initial parameters, e.g. ``params["blocks"]["0"]["attn"]["w_q"]`` (D, H, K)."""
        return draw_weights(built(Network, self._static()), key, self.init_scale)

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B *L V"]:
        """Map tokens to logits, calling ``tap`` at every site; (B, V) with ``read="last"``.

        Args:
            params: parameters of one member, as ``init`` gives them.
            inputs: tokens in ``[0, vocab)``, at most ``length`` of them.
            tap: records or edits the activation at each site.

        Raises:
            ToylabError: the inputs are not (B, L), or longer than ``length``.
        """
        if inputs.ndim != 2 or inputs.shape[1] > self.length:
            raise ToylabError(
                f"Transformer: inputs of shape {inputs.shape}; give tokens (B, L) with "
                f"L <= {self.length}, or build the model with a larger length."
            )
        return self._network(params)(inputs, self.attention_mix, tap)[0]

    def cache(self, batch: int, length: int | None = None) -> Cache:
        """Return an empty context: per block, room for keys and values of every position.

        Args:
            batch: number of sequences B.
            length: positions that it has room for; the model's ``length`` when None.
        """
        empty = jnp.zeros((batch, self.heads, length or self.length, self.key_dim), jnp.float32)
        return {str(i): KeyValues(empty, empty) for i in range(self.depth)}

    def extend(
        self,
        params: Params,
        cache: Cache,
        tokens: Int[Array, "B S"],
        first: int | Int[Array, ""],
        tap: Tap = identity,
    ) -> tuple[Float[Array, "B *S V"], Cache]:
        """Map the next tokens of a context to their logits, without computing it anew.

        It is ``apply`` on the whole sequence, for the sites at positions ``first`` and later alone.
        Scores and pattern are (B, H, S, M) with one column for each place of the cache; the
        pattern is 0 at the places not yet filled.

        Args:
            params: parameters of one member.
            cache: the context so far, positions 0 to ``first - 1`` filled.
            tokens: the next tokens; several at once where a prompt is read.
            first: position of the first of them, perhaps traced. Hazard: a traced position
                beyond the cache cannot be refused, and gives wrong logits.
            tap: records or edits the activation at each site.

        Returns:
            The logits, (B, S, V), or (B, V) with ``read="last"``; and the longer context.

        Raises:
            ToylabError: the tokens are not (B, S), there is no room for them, or the model is
                not causal.
        """
        if not self.causal:
            raise ToylabError("Transformer: only a causal model can extend a context.")
        batch, _, room, _ = cache["0"].k_BHMK.shape
        fits = tokens.ndim == 2 and len(tokens) == batch
        ahead = first if isinstance(first, int) else 0
        if not fits or ahead + tokens.shape[1] > min(room, self.length):
            raise ToylabError(
                f"Transformer: tokens of shape {tokens.shape} after position {ahead}; the context "
                f"has room for {batch} sequences of {min(room, self.length)} tokens."
            )
        return self._network(params)(tokens, self.attention_mix, tap, cache, first)

    def _network(self, params: Params) -> Network:
        return nnx.merge(_graph(self._static()), params)

    def _static(self) -> "Transformer":
        """Return these settings without the per-member numbers: hashable, fit for a cache."""
        return dataclasses.replace(self, init_scale=1.0, attention_mix=1.0)


def _axes(site: str) -> tuple[str, ...]:
    """Names of the axes of a site, its block aside."""
    if site in ("attn/scores", "attn/pattern"):
        return ("batch", "head", "query", "key")
    last = {"attn/q": 2, "attn/k": 2, "attn/v": 2, "attn/z": 2, "mlp/pre": 3, "mlp/post": 3}
    ends = (("width",), ("logit",), ("head", "head dim"), ("neuron",))
    return ("batch", "position", *ends[last.get(site, int(site.endswith("logits")))])


@functools.lru_cache(maxsize=64)
def _graph(model: Transformer) -> nnx.GraphDef:
    """Structure of the network, built from shapes alone."""
    return nnx.split(nnx.eval_shape(lambda: Network(model, nnx.Rngs(0))))[0]
