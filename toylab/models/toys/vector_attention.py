"""A small attention network on sequences of vectors, which answers at the last one.

Shape suffixes: B batch, L length, X entries of a vector and width, V labels, H hidden.
"""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.attention import attention_pattern
from toylab.models.layers import draw_weights
from toylab.models.products import times
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class VectorAttention:
    """Vectors (B, L, X) to logits (B, V): attention layers of one head, then an MLP.

    Each layer computes ``x <- x + softmax_causal(x W_q (x W_k)^T / sqrt(X)) x W_v``, without norms;
    the last is computed for the last vector alone. Its result goes through ``layers`` ReLU layers,
    ``h <- relu(h W + b)``, and a linear map to the logits. Weights start as
    ``init_scale * N(0, 1 / fan_in)``, biases at 0.

    Args:
        width: X.
        n_out: V.
        depth: attention layers.
        hidden: width of the MLP.
        layers: its hidden layers.
        init_scale: factor on every initial weight; may differ per member.

    Raises:
        ToylabError: a size out of range, or inputs of another width.

    Source: Reddy 2023 (arXiv:2312.03002): 2 attention layers, 3 ReLU layers of 128.

    Example:
        >>> model = VectorAttention(width=6, n_out=3, hidden=4)
        >>> model.apply(model.init(jax.random.key(0)), jnp.ones((2, 5, 6))).shape
        (2, 3)
    """

    width: int
    n_out: int
    depth: int = 2
    hidden: int = 128
    layers: int = 3
    init_scale: Number = 1.0

    def __post_init__(self) -> None:
        for name in ("width", "n_out", "depth", "hidden", "layers"):
            check_number("VectorAttention", name, getattr(self, name), low=1, whole=True)
        check_number("VectorAttention", "init_scale", self.init_scale, low=0)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        block = ("resid_pre", "attn/scores", "attn/pattern", "attn/out", "resid_post")
        inner = tuple(f"blocks/{i}/{site}" for i in range(self.depth) for site in block)
        return (*inner, *(f"mlp/{i}/post" for i in range(self.layers)), "final/logits")

    def init(self, key: Array) -> Params:
        """Draw initial parameters, e.g. ``params["blocks"]["0"]["w_q"]`` (X, X)."""
        wide = (self.width, self.width)
        sizes = [self.width, *([self.hidden] * self.layers), self.n_out]
        filled = lambda shape: jnp.full(shape, 1 / math.sqrt(shape[0]), jnp.float32)
        spreads = {
            "blocks": {
                str(i): {name: filled(wide) for name in ("w_q", "w_k", "w_v")}
                for i in range(self.depth)
            },
            "mlp": {
                str(i): {"w": filled(pair), "b": jnp.zeros(pair[1:], jnp.float32)}
                for i, pair in enumerate(itertools.pairwise(sizes))
            },
        }
        return draw_weights(spreads, key, self.init_scale)

    def apply(
        self, params: Params, inputs: Float[Array, "B L X"], tap: Tap = identity
    ) -> Float[Array, "B V"]:
        """Map vectors to the logits of the last one's label."""
        if inputs.ndim != 3 or inputs.shape[2] != self.width:
            raise ToylabError(
                f"VectorAttention: inputs of shape {inputs.shape}; give (B, L, {self.width})."
            )
        x_BLX = inputs
        for i in range(self.depth):
            block, last = params["blocks"][str(i)], i == self.depth - 1
            x_BLX = self._attend(block, x_BLX, f"blocks/{i}/", tap, last)
        h_BH = x_BLX[:, -1]
        for i in range(self.layers):
            layer = params["mlp"][str(i)]
            h_BH = tap(f"mlp/{i}/post", jax.nn.relu(times(h_BH, layer["w"]) + layer["b"][None]))
        top = params["mlp"][str(self.layers)]
        return tap("final/logits", times(h_BH, top["w"]) + top["b"][None])

    def _attend(self, block: Params, x_BLX: Array, site: str, tap: Tap, last: bool) -> Array:
        x_BLX = tap(site + "resid_pre", x_BLX)
        length = x_BLX.shape[1]
        asks = slice(length - 1 if last else 0, length)
        q_BLX = times(x_BLX[:, asks], block["w_q"])
        k_BMX, v_BMX = (times(x_BLX, block[name]) for name in ("w_k", "w_v"))
        scores_BLM = jnp.einsum("blx,bmx->blm", q_BLX, k_BMX) / math.sqrt(self.width)
        scores_BHLM = tap(site + "attn/scores", scores_BLM[:, None])
        visible_LM = jnp.tril(jnp.ones((length, length), bool))[asks]
        pattern_BHLM = tap(site + "attn/pattern", attention_pattern(scores_BHLM, visible_LM))
        out_BLX = jnp.einsum("blm,bmx->blx", pattern_BHLM[:, 0], v_BMX)
        return tap(site + "resid_post", x_BLX[:, asks] + tap(site + "attn/out", out_BLX))
