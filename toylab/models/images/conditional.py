"""A decoder of concepts: an embedding of what is asked for, then an image of it at a place."""

import dataclasses
import functools

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.mlp import MLP
from toylab.random import fold_in
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConditionalDecoder(ModelCard):
    """``e = encoder(c)``, ``image = decoder(e, u)``: two perceptrons with GELU between layers.

    The inputs are ``(c, u)``: concepts that are embedded, and nuisances that are not.

    Args:
        concepts: length of c.
        nuisances: length of u.
        embed: width E of the embedding, and of the layer before it.
        hidden: widths of the decoder's hidden layers.
        outputs: pixels of the image.

    Raises:
        ToylabError: a size below its least.

    Example:
        >>> import jax
        >>> model = ConditionalDecoder(outputs=5, embed=4, hidden=(8,))
        >>> model.apply(model.init(jax.random.key(0)), jax.numpy.ones((3, 4))).shape
        (3, 5)
    """

    concepts: int = 2
    nuisances: int = 2
    embed: int = 64
    hidden: tuple[int, ...] = (64, 64)
    outputs: int

    def __post_init__(self) -> None:
        for name, low in (("concepts", 1), ("nuisances", 0), ("embed", 1), ("outputs", 1)):
            check_number("ConditionalDecoder", name, getattr(self, name), low=low, whole=True)
        for width in self.hidden:
            check_number("ConditionalDecoder", "hidden", width, low=1, whole=True)

    @property
    def parts(self) -> dict[str, MLP]:
        """The perceptrons, by name."""
        return _parts(self)

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        return tuple(_site(name, site) for name, part in self.parts.items() for site in part.sites)

    def init(self, key: Array) -> Params:
        """Draw initial parameters: ``encoder`` and ``decoder``, each as an MLP has them."""
        parts = enumerate(self.parts.items())
        return {name: part.init(fold_in(key, i)) for i, (name, part) in parts}

    def apply(
        self, params: Params, inputs: Float[Array, "B n"], tap: Tap = identity
    ) -> Float[Array, "B X"]:
        """Map concepts and nuisances to images, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, concepts + nuisances).
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.concepts + self.nuisances:
            raise ToylabError(
                f"ConditionalDecoder: inputs of shape {inputs.shape}; give (B, "
                f"{self.concepts + self.nuisances})."
            )
        for name, part in self.parts.items():
            own = lambda site, value, n=name: tap(_site(n, site), value)
            c, u = inputs[:, : self.concepts], inputs[:, self.concepts :]
            if name == "encoder":
                inputs = jnp.concatenate([part.apply(params[name], c, own), u], 1)
            else:
                inputs = part.apply(params[name], inputs, own)
        return inputs

    def encode(self, params: Params, concepts: Float[Array, "B c"]) -> Float[Array, "B E"]:
        """Return the embeddings of concepts."""
        return self.parts["encoder"].apply(params["encoder"], concepts)

    def decode(
        self, params: Params, e: Float[Array, "B E"], nuisances: Float[Array, "B u"]
    ) -> Float[Array, "B X"]:
        """Return the images of embeddings, which need not be of any concept."""
        return self.parts["decoder"].apply(params["decoder"], jnp.concatenate([e, nuisances], 1))


def _site(part: str, site: str) -> str:
    ends = {"encoder": "embed", "decoder": "image"}
    return ends[part] if site == "logits" else f"{part}/{site}"


@functools.lru_cache(maxsize=64)
def _parts(model: ConditionalDecoder) -> dict[str, MLP]:
    decoder = (model.embed + model.nuisances, *model.hidden, model.outputs)
    return {
        "encoder": MLP(sizes=(model.concepts, model.embed, model.embed), activation="gelu"),
        "decoder": MLP(sizes=decoder, activation="gelu"),
    }
