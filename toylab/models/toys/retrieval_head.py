"""One attention head that reads a context for one query, without MLP, residual or norm."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.layers import draw_weights
from toylab.models.products import times
from toylab.taps import Params, Tap, identity


@dataclasses.dataclass(frozen=True)
class RetrievalHead:
    """A head: context and query (B, C + 1, D) to logits (B, Y); the query is the last row.

    ``q = x_q W_Q``, ``k = x W_K`` and ``p = softmax(q k / sqrt(K))`` over the C context tokens;
    ``read = sum_c p_c x_c``, ``z = read W_V`` and the logits are ``z W_O``. No biases. Weights
    start at N(0, 1 / fan_in).

    Args:
        width: D.
        head_dim: K.
        n_out: Y.

    Source: Lee et al. 2026 (arXiv:2602.04752), their code's model of payload retrieval.

    Example:
        >>> model = RetrievalHead(width=32, head_dim=16, n_out=10)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.ones((3, 17, 32))).shape
        (3, 10)
    """

    width: int = 32
    head_dim: int = 16
    n_out: int = 10

    def __post_init__(self) -> None:
        for name in ("width", "head_dim", "n_out"):
            check_number("RetrievalHead", name, getattr(self, name), low=1, whole=True)

    @property
    def sites(self) -> tuple[str, ...]:
        """q and z (B, K), k (B, C, K), scores and pattern (B, C), read (B, D), logits (B, Y)."""
        return ("q", "k", "scores", "pattern", "read", "z", "logits")

    def init(self, key: Array) -> Params:
        """Draw ``w_q``, ``w_k``, ``w_v`` (D, K) and ``w_o`` (K, Y)."""
        d, k = self.width, self.head_dim
        spreads = {n: jnp.full((d, k), d**-0.5, jnp.float32) for n in ("w_q", "w_k", "w_v")}
        spreads["w_o"] = jnp.full((k, self.n_out), k**-0.5, jnp.float32)
        return draw_weights(spreads, key)

    def apply(
        self, params: Params, inputs: Float[Array, "B C1 D"], tap: Tap = identity
    ) -> Float[Array, "B Y"]:
        """Answer the query, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, C + 1, width).
        """
        if inputs.ndim != 3 or inputs.shape[1] < 2 or inputs.shape[2] != self.width:
            raise ToylabError(
                f"RetrievalHead: inputs of shape {inputs.shape}; give (B, C + 1, {self.width})."
            )
        x_BCD = inputs[:, :-1]
        q_BK = tap("q", times(inputs[:, -1], params["w_q"]))
        k_BCK = tap("k", times(x_BCD, params["w_k"]))
        score_BC = jnp.einsum("bk,bck->bc", q_BK, k_BCK) / math.sqrt(self.head_dim)
        pattern_BC = tap("pattern", jax.nn.softmax(tap("scores", score_BC), axis=-1))
        read_BD = tap("read", jnp.einsum("bc,bcd->bd", pattern_BC, x_BCD))
        z_BK = tap("z", times(read_BD, params["w_v"]))
        return tap("logits", times(z_BK, params["w_o"]))
