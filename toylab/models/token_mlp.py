"""A multilayer perceptron on a few tokens: embed each, join, and map to logits.

The network of the grokking papers that have no attention. A first layer on one-hot tokens is a
look-up table per position (``embed=None``); with embeddings, the look-up is factored.
"""

import dataclasses
import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.layers import ACTIVATIONS, draw_weights
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenMLP(ModelCard):
    """Tokens (B, L) to logits (B, V).

    ``e_l = E_l[t_l]``; ``h_0 = concat_l e_l`` or ``sum_l e_l``; ``pre_i = h_i W_i + b_i`` and
    ``h_{i+1} = f(pre_i)``; the last layer gives the logits without ``f``. Weights start as
    ``init_scale * N(0, 1 / fan_in)``, embeddings as ``init_scale * N(0, 1 / E)``, biases at 0.
    With ``embed=None``, ``e_l`` is the one-hot token; its fan-in is L, the number of ones.

    Args:
        vocab: number of tokens.
        length: tokens per input L.
        hidden: widths of the hidden layers; at least one.
        n_out: number of logits V; ``vocab`` when None.
        embed: width of an embedding E; None for one-hot tokens.
        shared: one embedding for all positions; else one each.
        combine: concat or sum.
        activation: relu, gelu (tanh form), silu, tanh, quadratic (``x^2``) or identity.
        biases: biases in every layer.
        init_scale: factor on every initial weight; may differ per member.

    Raises:
        ToylabError: a setting is out of range, or two settings do not fit together.

    Source:
        Gromov 2023 (2301.02679): one-hot, quadratic; Chughtai et al. 2023 (2302.03025): separate
        embeddings, concatenated; Liu et al. 2022 (2205.10343): shared embedding, summed.

    Example:
        >>> model = TokenMLP(vocab=7, hidden=(16,), embed=8)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.zeros((5, 2), "int32")).shape
        (5, 7)
    """

    vocab: int
    hidden: tuple[int, ...]
    length: int = 2
    n_out: int | None = None
    embed: int | None = None
    shared: bool = False
    combine: Literal["concat", "sum"] = "concat"
    activation: Literal["relu", "gelu", "silu", "tanh", "quadratic", "identity"] = "relu"
    biases: bool = False
    init_scale: Number = 1.0

    def __post_init__(self) -> None:
        for field in ("vocab", "length", "n_out", "embed"):
            if getattr(self, field) is not None:
                check_number("TokenMLP", field, getattr(self, field), 1, whole=True)
        if not isinstance(self.hidden, tuple) or not self.hidden:
            raise ToylabError(f"TokenMLP: hidden = {self.hidden!r}; give a tuple of widths.")
        for i, size in enumerate(self.hidden):
            check_number("TokenMLP", f"hidden[{i}]", size, 1, whole=True)
        check_number("TokenMLP", "init_scale", self.init_scale, 0)
        known = {"combine": ("concat", "sum"), "activation": tuple(ACTIVATIONS)}
        for field, choices in known.items():
            value = getattr(self, field)
            if value not in choices:
                hint = nearest(str(value), choices)
                raise ToylabError(f"TokenMLP: {field} = {value!r}; {hint}")
        if self.shared and self.embed is None:
            raise ToylabError("TokenMLP: shared = True shares an embedding; give embed its width.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of the joined input, the hidden layers and the logits."""
        one = self.vocab if self.embed is None else self.embed
        joined = one * self.length if self.combine == "concat" else one
        return (joined, *self.hidden, self.vocab if self.n_out is None else self.n_out)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        inner = (f"layers/{i}/{s}" for i in range(len(self.hidden)) for s in ("pre", "post"))
        return ("embed", *inner, "logits")

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site, for people to read."""
        inner = {site: ("batch", "neuron") for site in self.sites[1:-1]}
        embed = ("batch", "position", "token" if self.embed is None else "width")
        return {"embed": embed, **inner, "logits": ("batch", "logit")}

    def init(self, key: Array) -> Params:
        """Draw parameters ``embed`` (L, V, E) or (V, E), ``layers/{i}/kernel`` and ``bias``."""
        fan_in = list(self.sizes[:-1])
        if self.embed is None:
            fan_in[0] = self.length
        layers = {}
        for i, (n, m) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            layers[str(i)] = {"kernel": jnp.full((n, m), 1 / math.sqrt(fan_in[i]), jnp.float32)}
            if self.biases:
                layers[str(i)]["bias"] = jnp.zeros(m, jnp.float32)
        spreads: Params = {"layers": layers}
        if self.embed is not None:
            shape = (self.vocab, self.embed)
            shape = shape if self.shared else (self.length, *shape)
            spreads["embed"] = jnp.full(shape, 1 / math.sqrt(self.embed), jnp.float32)
        return draw_weights(spreads, key, self.init_scale)

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B V"]:
        """Map tokens to logits, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, length).
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.length:
            raise ToylabError(f"TokenMLP: inputs of shape {inputs.shape}; give (B, {self.length}).")
        x = self._join(tap("embed", self._embed(params, inputs)))
        for i in range(len(self.hidden) + 1):
            layer = params["layers"][str(i)]
            x = x @ layer["kernel"]
            if self.biases:
                x = x + layer["bias"][None]
            if i < len(self.hidden):
                x = tap(f"layers/{i}/pre", x)
                x = tap(f"layers/{i}/post", ACTIVATIONS[self.activation](x))
        return tap("logits", x)

    def _embed(self, params: Params, tokens_BL: Array) -> Array:
        """Look up every token, (B, L, E); as a product, whose gradient needs no scatter."""
        one_hot_BLV = jax.nn.one_hot(tokens_BL, self.vocab, dtype=jnp.float32)
        if self.embed is None:
            return one_hot_BLV
        if self.shared:
            return one_hot_BLV @ params["embed"]
        return jnp.einsum("blv,lve->ble", one_hot_BLV, params["embed"])

    def _join(self, e_BLE: Array) -> Array:
        if self.combine == "sum":
            return jnp.sum(e_BLE, axis=1)
        return e_BLE.reshape(len(e_BLE), int(np.prod(e_BLE.shape[1:])))
