"""An MLP on every token, then heads with which the last token reads the others: nothing else.

Shape suffixes: B batch, L length, D width, H heads, K head dimension, V logits.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number
from toylab.models.layers import NORM_EPS, draw_weights
from toylab.models.products import look_up, times
from toylab.taps import Params, Tap, identity


@dataclasses.dataclass(frozen=True)
class ReadingHeads:
    """Tokens (B, L) to logits (B, V) at the last position, by attention that cannot be bypassed.

    ``x = E[token]``; ``e = x + relu(N(x) W_up) W_down`` at every position; the last position's
    heads read ``N(e)``; ``logits = N(e_last + sum_h z_h W_O[h]) W_U``. N is LayerNorm with gain and
    bias. There are no positions: only the last token, the query, knows where it stands. Weights
    start at N(0, 1 / fan_in). Sites are those of a transformer whose block 0 has no attention and
    whose block 1 has no MLP.

    Args:
        vocab: tokens.
        n_out: logits V.
        width: D.
        heads: H.
        head_dim: K.
        hidden: width of the MLP.

    Source: the form of the circuit in Gould et al. 2023 (arXiv:2312.09230): the first MLP, then the
    successor head's OV map, then the unembedding.

    Example:
        >>> model = ReadingHeads(vocab=9, n_out=7, width=8, heads=2, head_dim=4, hidden=16)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.zeros((3, 5), jnp.int32)).shape
        (3, 7)
    """

    vocab: int
    n_out: int
    width: int = 48
    heads: int = 1
    head_dim: int = 8
    hidden: int = 192

    def __post_init__(self) -> None:
        for name in ("vocab", "n_out", "width", "heads", "head_dim", "hidden"):
            check_number("ReadingHeads", name, getattr(self, name), low=1, whole=True)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        mlp = ("resid_pre", "mlp/pre", "mlp/post", "mlp/out", "resid_post")
        attention = (*(f"attn/{n}" for n in ("q", "k", "v", "scores", "pattern", "z", "out")),)
        first, second = (f"blocks/0/{s}" for s in mlp), (f"blocks/1/{s}" for s in attention)
        return (*first, *second, "blocks/1/resid_post", "final/norm", "final/logits")

    def init(self, key: Array) -> Params:
        """Draw parameters, e.g. ``params["blocks"]["1"]["attn"]["w_q"]`` (D, H, K)."""
        d, h, k = self.width, self.heads, self.head_dim
        full = lambda shape, fan_in: jnp.full(shape, fan_in**-0.5, jnp.float32)
        norm = lambda: {"scale": jnp.ones(d, jnp.float32), "bias": jnp.zeros(d, jnp.float32)}
        inward = {f"w_{n}": full((d, h, k), d) for n in "qkv"}
        mlp = {"up": full((d, self.hidden), d), "down": full((self.hidden, d), self.hidden)}
        blocks = {
            "0": {"norm": norm(), "mlp": mlp},
            "1": {"norm": norm(), "attn": inward | {"w_o": full((h, k, d), h * k)}},
        }
        spreads = {
            "embed": full((self.vocab, d), d),
            "blocks": blocks,
            "norm": norm(),
            "unembed": full((d, self.n_out), d),
        }
        return draw_weights(spreads, key)

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B V"]:
        """Answer the last token, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, L).
        """
        if inputs.ndim != 2:
            raise ToylabError(f"ReadingHeads: inputs of shape {inputs.shape}; give tokens (B, L).")
        x_BLD = tap("blocks/0/resid_pre", look_up(params["embed"], inputs))
        first, second = params["blocks"]["0"], params["blocks"]["1"]
        pre = tap("blocks/0/mlp/pre", times(layer_norm(x_BLD, first["norm"]), first["mlp"]["up"]))
        post = tap("blocks/0/mlp/post", jax.nn.relu(pre))
        x_BLD = x_BLD + tap("blocks/0/mlp/out", times(post, first["mlp"]["down"]))
        x_BLD = tap("blocks/0/resid_post", x_BLD)
        read = self._attend(second["attn"], layer_norm(x_BLD, second["norm"]), tap)
        x_B1D = tap("blocks/1/resid_post", x_BLD[:, -1:] + read)
        x_B1D = tap("final/norm", layer_norm(x_B1D, params["norm"]))
        return tap("final/logits", times(x_B1D, params["unembed"]))[:, 0]

    def _attend(self, weights: Params, x_BLD: Array, tap: Tap) -> Array:
        inward = lambda x, n: times(x, weights[f"w_{n}"].reshape(self.width, -1)).reshape(
            *x.shape[:2], self.heads, self.head_dim
        )
        q_B1HK = tap("blocks/1/attn/q", inward(x_BLD[:, -1:], "q"))
        k_BLHK, v_BLHK = (tap(f"blocks/1/attn/{n}", inward(x_BLD, n)) for n in "kv")
        scores = jnp.einsum("bqhk,blhk->bhql", q_B1HK, k_BLHK) / math.sqrt(self.head_dim)
        pattern = tap(
            "blocks/1/attn/pattern", jax.nn.softmax(tap("blocks/1/attn/scores", scores), axis=-1)
        )
        z_B1HK = tap("blocks/1/attn/z", jnp.einsum("bhql,blhk->bqhk", pattern, v_BLHK))
        flat = z_B1HK.reshape(*z_B1HK.shape[:2], -1)
        return tap("blocks/1/attn/out", times(flat, weights["w_o"].reshape(-1, self.width)))

    def written(self, params: Params, inputs: Float[Array, "N D"]) -> Float[Array, "H N V"]:
        """Effective OV map: what each head adds to the logits for attending to an input.

        ``centre(N(e) W_V W_O) g W_U`` with the gain g of the last norm; its division by a spread
        scales all logits of an input alike and its bias is the same for every input: both are left
        out.

        Args:
            params: of one member.
            inputs: rows ``e``, as at ``blocks/0/resid_post``.
        """
        second = params["blocks"]["1"]
        normed = layer_norm(inputs, second["norm"])
        v_NHK = jnp.einsum("nd,dhk->nhk", normed, second["attn"]["w_v"])
        out_HND = jnp.einsum("nhk,hkd->hnd", v_NHK, second["attn"]["w_o"])
        out_HND = (out_HND - out_HND.mean(-1, keepdims=True)) * params["norm"]["scale"][None, None]
        return jnp.einsum("hnd,dv->hnv", out_HND, params["unembed"])


def layer_norm(x: Float[Array, "*N D"], weights: Params) -> Float[Array, "*N D"]:
    """Return ``g (x - mean) / sqrt(var + 1e-5) + b``."""
    x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + NORM_EPS)
    wide = lambda v: v.reshape((1,) * (x.ndim - 1) + (-1,))
    return x * wide(weights["scale"]) + wide(weights["bias"])
