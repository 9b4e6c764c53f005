"""A transformer whose heads also say a number each, by a linear map of what they read.

Shape suffixes: H heads, K head dimension, B batch, L length.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.models.network import Network
from toylab.models.transformer import Transformer
from toylab.random import fold_in, normal
from toylab.taps import Params


@dataclasses.dataclass(frozen=True)
class Regressing(Transformer):
    """A :class:`Transformer` with one linear map more per head of its last block.

    Its logits and sites are those of the transformer. The maps ``readout`` (H, K), without biases,
    start at N(0, 1 / K) and serve a loss that asks heads for numbers.

    Source: the auxiliary model of Bai et al. 2025 (arXiv:2510.00184).

    Example:
        >>> import jax
        >>> model = Regressing(vocab=7, length=4, width=8, depth=1, heads=2)
        >>> model.init(jax.random.key(0))["readout"].shape
        (2, 4)
    """

    @property
    def read_site(self) -> str:
        """Site of the activations that the maps read, (B, L, H, K)."""
        return f"blocks/{self.depth - 1}/attn/z"

    def init(self, key: Array) -> Params:
        """Draw initial parameters: the transformer's, and ``readout``."""
        maps_HK = normal(fold_in(key, 1), (self.heads, self.key_dim))
        return {**super().init(key), "readout": maps_HK * np.float32(self.key_dim**-0.5)}

    def said(self, params: Params, z_BLHK: Float[Array, "B L H K"]) -> Float[Array, "B L H"]:
        """Return the number that each head says at each position."""
        return jnp.einsum("blhk,hk->blh", z_BLHK, params["readout"])

    def _network(self, params: Params) -> Network:
        return super()._network({name: leaf for name, leaf in params.items() if name != "readout"})
