"""Archetypal dictionaries: atoms that are mixtures of data, or near them.

    D = e^m (W C + Lambda),    W >= 0 with rows of sum 1,    ||Lambda_f|| <= delta,

with C candidate points. Every atom is then, but for delta, in the convex hull of the candidates.

Source: Fel et al. 2025, Archetypal SAE (arXiv:2502.12892), and its public code for the
start at ``W = I`` and the projection outside of the gradient.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.dictionaries.sparse import SparseDictionary, unit
from toylab.taps import Params
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class ArchetypalDictionary(SparseDictionary):
    """A relaxed archetypal dictionary; train it with :class:`toylab.optim.projected.ProjectedAdam`.

    ``ProjectedAdam(..., project=model.project)``. The candidates and delta are parameters without
    a gradient, ``points`` (C, D) and ``delta``. Atom f starts at candidate f.

    Args:
        start: the candidates; needed.
        delta: how far from the hull atoms may be; may differ per member.

    Raises:
        ToylabError: no candidates, fewer than atoms, delta below 0.
    """

    delta: Number = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("ArchetypalDictionary", "delta", self.delta, low=0)
        if self.start is None:
            raise ToylabError(
                "ArchetypalDictionary: start = None gives no candidates; give Centroids(...)."
            )

    def init(self, key: Array) -> Params:
        """Begin with every atom at a candidate, its encoder in the same direction."""
        assert self.start is not None
        points_CD = self.start(key, self.world, self.shared)
        return self._beside(unit(points_CD[: self.features])) | {
            "points": points_CD,
            "mixture": jnp.eye(self.features, len(points_CD), dtype=jnp.float32),
            "away": jnp.zeros((self.features, self.width), jnp.float32),
            "log_scale": jnp.zeros((), jnp.float32),
            "delta": jnp.asarray(self.delta, jnp.float32),
        }

    def decoder(self, params: Params) -> Float[Array, "F D"]:
        """Return D, which codes are multiplied with."""
        points_CD = jax.lax.stop_gradient(params["points"])
        return jnp.exp(params["log_scale"]) * (params["mixture"] @ points_CD + params["away"])

    def atoms(self, params: Params) -> Float[Array, "F D"]:
        """Return the rows of D at length 1."""
        return unit(self.decoder(params))

    def project(self, params: Params) -> Params:
        """Return parameters whose mixtures are convex and whose steps away are within delta."""
        mixture_FC = jnp.maximum(params["mixture"], 0)
        mixture_FC = mixture_FC / jnp.maximum(jnp.sum(mixture_FC, 1, keepdims=True), 1e-12)
        norm_F1 = jnp.linalg.norm(params["away"], axis=1, keepdims=True)
        within = jnp.minimum(1, params["delta"] / jnp.maximum(norm_F1, np.float32(1e-12)))
        return params | {"mixture": mixture_FC, "away": params["away"] * within}
