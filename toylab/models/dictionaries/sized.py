"""Dictionaries of different sizes in one population."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import check_number
from toylab.models.dictionaries.sparse import SparseDictionary
from toylab.taps import Params
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class SizedDictionary(SparseDictionary):
    """A dictionary of whose atoms only the first ``size`` can ever be active.

    The others have no gradient and stay where they began; leave them out of every score.

    Args:
        size: atoms in use, all of them where it is 0; may differ per member.
        centred: 1 learns the centre c, 0 leaves it at 0; may differ per member. Where inputs are
            sums of a fixed number of atoms, a centre that is learned leaves the atoms open: all may
            move by one vector, which the centre takes back.

    Raises:
        ToylabError: a size above the number of features.

    Example:
        >>> model = SizedDictionary(width=4, features=8, k=2, size=3)
        >>> codes = model.encode(model.init(jax.random.key(0)), jnp.ones((5, 4)))
        >>> bool((codes[:, 3:] == 0).all())
        True
    """

    size: Number = 0
    centred: Number = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("SizedDictionary", "size", self.size, 0, self.features, whole=True)
        check_number("SizedDictionary", "centred", self.centred, 0, 1, whole=True)

    def pre(self, params: Params, x: Float[Array, "*n D"]) -> Float[Array, "*n F"]:
        """Return z; below 0 for every atom that is not in use."""
        size = jnp.asarray(self.size).astype(jnp.int32)
        used_F = (jnp.arange(self.features, dtype=jnp.int32) < size) | (size == 0)
        return jnp.where(used_F, super().pre(params, x), np.float32(-1))

    def objective(self, params: Params, x: Float[Array, "B *n D"]) -> Float[Array, " B"]:
        """Return what is minimised; without a gradient of the centre where it is not learned."""
        held_D = jax.lax.stop_gradient(params["centre"])
        moved_D = jnp.asarray(self.centred, jnp.float32) * (params["centre"] - held_D)
        return super().objective(params | {"centre": held_D + moved_D}, x)
