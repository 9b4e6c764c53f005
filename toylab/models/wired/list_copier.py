"""An attention-only transformer that can copy a list only through one token.

Shape suffixes: B batch, L length, M keys, D width, V tokens.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError, check_number
from toylab.models.attention import attention_pattern
from toylab.models.layers import draw_weights
from toylab.models.products import times
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class ListCopier:
    """Tokens [d_1 .. d_n, SEP, m .. m] (B, 2n + 1) to logits at the n masks (B, n, V).

    Each block adds ``softmax(x W_Q (x W_K)^T / sqrt(D)) x O`` to the stream x, by one head without
    norms, biases or MLP; ``O`` is the identity if ``tied``, else ``W_V W_O``.
    A position sees those before it but not itself (the first, which has none, sees itself), and
    the masks see no digit. In the first block masks read nothing. So what they say of the digits
    has come through the separator.

    Args:
        vocab: V.
        width: D.
        depth: number of blocks.
        items: n.
        tied: fix O at the identity.
        init_scale: factor on every initial weight, which is N(0, 1 / D); may differ per member.

    Raises:
        ToylabError: a size out of range, or inputs of another length.

    Source: Farrell, Leask & Al Moubayed 2025 (Order by scale), section 3 and their public code.

    Example:
        >>> import jax
        >>> model = ListCopier(vocab=7, width=8)
        >>> tokens = jnp.array([[0, 3, 6, 5, 5]])
        >>> model.apply(model.init(jax.random.key(0)), tokens).shape
        (1, 2, 7)
    """

    vocab: int
    width: int
    depth: int = 2
    items: int = 2
    tied: bool = True
    init_scale: Number = 1.0

    def __post_init__(self) -> None:
        for field in ("vocab", "width", "depth", "items"):
            check_number("ListCopier", field, getattr(self, field), 1, 100_000, whole=True)
        check_number("ListCopier", "init_scale", self.init_scale, 0)

    @property
    def length(self) -> int:
        """L, digits, separator and masks."""
        return 2 * self.items + 1

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        block = ("resid_pre", "attn/scores", "attn/pattern", "attn/out", "resid_post")
        inner = (f"blocks/{i}/{site}" for i in range(self.depth) for site in block)
        return ("embed", *inner, "final/logits")

    def visible(self) -> Bool[np.ndarray, "L M"]:
        """Which keys a query sees."""
        seen_LM = np.tri(self.length, k=-1, dtype=bool)
        seen_LM[0, 0] = True
        seen_LM[self.items + 1 :, : self.items] = False
        return seen_LM

    def init(self, key: Array) -> Params:
        """Draw ``embed`` and ``unembed`` (V, D), ``positions`` (L, D), and blocks of (D, D)."""
        filled = lambda *shape: jnp.full(shape, 1 / math.sqrt(self.width), jnp.float32)
        names = ("w_q", "w_k") if self.tied else ("w_q", "w_k", "w_v", "w_o")
        block = {name: filled(self.width, self.width) for name in names}
        spreads = {
            "embed": filled(self.vocab, self.width),
            "positions": filled(self.length, self.width),
            "unembed": filled(self.width, self.vocab),
            "blocks": {str(i): block for i in range(self.depth)},
        }
        return draw_weights(spreads, key, self.init_scale)

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B n V"]:
        """Map tokens to logits at the masks, calling ``tap`` at every site."""
        if inputs.ndim != 2 or inputs.shape[1] != self.length:
            raise ToylabError(
                f"ListCopier: inputs of shape {inputs.shape}; give tokens (B, {self.length})."
            )
        x_BLD = tap("embed", params["embed"][inputs] + params["positions"][None])
        for i in range(self.depth):
            x_BLD = self._block(params["blocks"][str(i)], x_BLD, i, tap)
        return tap("final/logits", times(x_BLD[:, self.items + 1 :], params["unembed"]))

    def _block(self, block: Params, x_BLD: Array, i: int, tap: Tap) -> Array:
        site, masks = f"blocks/{i}/", np.arange(self.length) > self.items
        x_BLD = tap(site + "resid_pre", x_BLD)
        scores_BHLM = tap(site + "attn/scores", self._scores(block, x_BLD)[:, None])
        pattern_BHLM = attention_pattern(scores_BHLM, jnp.asarray(self.visible()))
        reads_L1 = jnp.asarray(~masks if i == 0 else np.ones_like(masks), jnp.float32)[:, None]
        pattern_BHLM = tap(site + "attn/pattern", pattern_BHLM * reads_L1[None, None])
        out_BLD = jnp.einsum("blm,bmd->bld", pattern_BHLM[:, 0], x_BLD)
        if not self.tied:
            out_BLD = times(out_BLD, block["w_v"] @ block["w_o"])
        out_BLD = tap(site + "attn/out", out_BLD)
        return tap(site + "resid_post", x_BLD + out_BLD)

    def _scores(self, block: Params, x_BLD: Array) -> Array:
        """Scores (B, L, M), left at 0 for queries that see one key and so have no choice."""
        choose = np.flatnonzero(self.visible().sum(1) > 1)
        asked_BCD = times(x_BLD[:, choose], block["w_q"] @ block["w_k"].T)
        scores_BCM = jnp.einsum("bcd,bmd->bcm", asked_BCD, x_BLD) / math.sqrt(self.width)
        rows_CL = jnp.asarray(np.eye(self.length, dtype=np.float32)[choose])
        return jnp.einsum("bcm,cl->blm", scores_BCM, rows_CL)
