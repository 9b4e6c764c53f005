"""A transformer with BERT's output: the token embedding transposed, and a bias for each token."""

import dataclasses

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError
from toylab.models.wide_transformer import WideTransformer
from toylab.taps import Params, Tap, identity


@dataclasses.dataclass(frozen=True)
class MaskedLM(WideTransformer):
    """A :class:`WideTransformer` with tied embeddings and ``logits = final/logits + bias``.

    The bias is the parameter ``decoder_bias`` (V,), 0 at first; the site ``final/logits`` has it
    not. For what BERT is, set ``causal=False`` and ``tied_unembed=True``; there a further layer
    stands before the output, and norms stand after the parts of a block.

    Raises:
        ToylabError: embeddings are not tied, or only the last position is read.

    Source: the decoder of Devlin et al. 2019 (arXiv:1810.04805).

    Example:
        >>> import jax
        >>> model = MaskedLM(9, 7, 8, 1, 2, causal=False, tied_unembed=True)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.zeros((3, 7), jnp.int32)).shape, params["decoder_bias"].shape
        ((3, 7, 9), (9,))
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tied_unembed or self.read != "all":
            raise ToylabError(
                "MaskedLM: its output is the token embedding at every position; give "
                "tied_unembed=True and read='all'."
            )

    def init(self, key: Array) -> Params:
        """Draw initial parameters; ``decoder_bias`` is 0."""
        return super().init(key) | {"decoder_bias": jnp.zeros(self.vocab, jnp.float32)}

    def apply(
        self, params: Params, inputs: Int[Array, "B L"], tap: Tap = identity
    ) -> Float[Array, "B L V"]:
        """Map tokens to logits, calling ``tap`` at every site."""
        inner = {name: leaf for name, leaf in params.items() if name != "decoder_bias"}
        return super().apply(inner, inputs, tap) + params["decoder_bias"][None, None]
