"""A causal transformer whose gradient from later positions to earlier ones has a dose.

Only keys and values carry anything from a position to later ones. With foresight b a query
sees keys and values of earlier positions as ``stop(k) + b (k - stop(k))``, its own as they are: the
outputs do not depend on b. At b = 1 this is ordinary training; at b = 0 training is myopic: the
loss at position t gives no gradient to what earlier positions compute, keys and values included.

As all positions share their weights, a myopic network learns W_K and W_V from each position's
attention to itself alone. That is a handicap besides myopia: with ``reading`` r these weights do
get the gradient of earlier positions, times r, and only what they read gets none.

Source: Wu, Morris and Levine 2024 (arXiv:2404.00859), myopic training; ``reading`` is this
laboratory's.

Shape suffixes: B batch, L length, X entries of a vector, D width, H heads, K head dim.
"""

import dataclasses
import math
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.products import times
from toylab.models.transformer import Transformer
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class ForesightTransformer:
    """Vectors (B, L, X) to numbers (B, L) by a causal pre-norm transformer.

    ``x_l = vector_l W_E + P_l``, then the blocks of :class:`toylab.models.Transformer` with ReLU
    and biases, then ``norm(x) W_U``. Parameters and sites are those of that model.

    Args:
        n_in: X.
        length: longest sequence.
        width: residual width D.
        depth: number of blocks.
        heads: attention heads.
        hidden: width of the MLP.
        norm: none or layer, as in that model.
        foresight: b; in [0, 1], may differ per member, as may ``reading``.
        reading: r; in [0, 1]. Needs ``norm="none"``.

    Raises:
        ToylabError: a setting out of range, ``reading`` with a norm, or inputs that are not
            (B, L, X).

    Example:
        >>> model = ForesightTransformer(n_in=2, length=5, width=8, heads=2, hidden=16)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.ones((3, 5, 2))).shape
        (3, 5)
    """

    n_in: int
    length: int
    width: int = 32
    depth: int = 2
    heads: int = 2
    hidden: int = 128
    norm: Literal["none", "layer"] = "none"
    foresight: Number = 1.0
    reading: Number = 0.0

    def __post_init__(self) -> None:
        check_number("ForesightTransformer", "n_in", self.n_in, 1, whole=True)
        check_number("ForesightTransformer", "foresight", self.foresight, 0, 1)
        check_number("ForesightTransformer", "reading", self.reading, 0, 1)
        if self.norm != "none" and not self._unread:
            raise ToylabError("ForesightTransformer: reading needs norm = 'none'.")
        self.inner()

    @property
    def _unread(self) -> bool:
        return isinstance(self.reading, int | float) and self.reading == 0

    def inner(self) -> Transformer:
        """The transformer within, whose embeddings of tokens are W_E."""
        sizes = (self.n_in, self.length, self.width, self.depth, self.heads)
        return Transformer(*sizes, hidden=self.hidden, n_out=1, norm=self.norm, biases=True)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        return self.inner().sites

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site."""
        return self.inner().axes

    def init(self, key: Array) -> Params:
        """Draw initial parameters: weights from N(0, 1 / fan_in)."""
        return self.inner().init(key)

    def apply(
        self, params: Params, inputs: Float[Array, "B L X"], tap: Tap = identity
    ) -> Float[Array, "B L"]:
        """Map vectors to a number at every position, calling ``tap`` at every site."""
        if inputs.ndim != 3 or inputs.shape[1] > self.length or inputs.shape[2] != self.n_in:
            raise ToylabError(
                f"ForesightTransformer: inputs of shape {inputs.shape}; give (B, L, {self.n_in}) "
                f"with L <= {self.length}."
            )
        places_LD = params["positions"]["embedding"][: inputs.shape[1]]
        x_BLD = times(inputs, params["embed"]["embedding"]) + places_LD[None]

        def embedded(site: str, value: Array) -> Array:
            return tap(site, x_BLD if site == "embed" else value)

        tokens_BL = jnp.zeros(inputs.shape[:2], jnp.int32)  # they give way to the vectors
        blocks = None if self._unread else params["blocks"]
        seen = past_gradient(embedded, self.foresight, self.reading, blocks)
        return self.inner().apply(params, tokens_BL, seen)[..., 0]


def past_gradient(
    tap: Tap, foresight: Number, reading: Number = 0.0, blocks: Params | None = None
) -> Tap:
    """Return a tap that also scales the gradient to keys and values of earlier positions.

    For any model with the attention sites of :class:`toylab.models.Transformer`, read at all
    positions. All keys and values are scaled; what the diagonal then lacks is added to it, to the
    scores and to z, as terms that are 0.

    Args:
        tap: records or edits the activation at each site; it sees what it would see otherwise.
        foresight: b, perhaps traced.
        reading: r, perhaps traced.
        blocks: parameters of the blocks of a model without norms; None for r = 0.
    """
    kept: dict[str, Array] = {}
    b, r = (jnp.asarray(share, jnp.float32) for share in (foresight, reading))
    stop = jax.lax.stop_gradient
    live = lambda x: x - stop(x)  # 0, with the gradient of x

    def read(block: str, name: str) -> Array:
        """Keys or values as functions of their weights alone."""
        if blocks is None:
            return jnp.zeros(())
        weights, x_BLD = blocks[block]["attn"], stop(kept["resid_pre"])
        w_DHK, b_HK = weights[f"w_{name}"], weights[f"b_{name}"]
        flat = times(x_BLD, w_DHK.reshape(len(w_DHK), -1))
        return r * live(flat.reshape(*x_BLD.shape[:2], *b_HK.shape) + b_HK[None, None])

    def scaling(site: str, value: Array) -> Array:
        name = site.rsplit("/", 1)[-1]
        if name == "scores":
            own_BLH = (1 - b) * jnp.sum(stop(kept["q"]) * kept["own k"], -1)
            own_BHL = own_BLH.swapaxes(1, 2) / math.sqrt(kept["q"].shape[-1])
            value = value + own_BHL[..., None] * jnp.eye(value.shape[-1])[None, None]
        if name == "z":
            share_BLH = jnp.diagonal(stop(kept["pattern"]), axis1=2, axis2=3).swapaxes(1, 2)
            value = value + (1 - b) * share_BLH[..., None] * kept["own v"]
        value = tap(site, value)
        if name in ("resid_pre", "q", "pattern"):
            kept[name] = value
        if name not in ("k", "v"):
            return value
        weights = read(site.split("/")[1], name)
        kept[f"own {name}"] = live(value) - weights
        return stop(value) + b * live(value) + (1 - b) * weights

    return scaling
