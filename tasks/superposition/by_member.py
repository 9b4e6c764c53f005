"""Worlds that differ from member to member of one population, behind arrays of one shape.

Sources: Elhage et al. 2022 (arXiv:2209.10652), correlated and anticorrelated features and the
octahedron of learning dynamics; Chen et al. 2023 (arXiv:2310.06301), the one-hot limit.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

from .sparse import Sparse, as_batch, first, latents_agree
from .superposition import OneHot

__all__ = ["FirstFeatures", "OneOf", "Tied"]


@dataclasses.dataclass(frozen=True)
class OneOf(Task):
    """One of several worlds of one shape.

    Attributes:
        worlds: the worlds.
        which: position of this one among them, from 0.
        density: replaces the density of every world.
    """

    worlds: tuple[Sparse, ...]
    which: Number = 0
    density: Number = 1.0

    def __post_init__(self) -> None:
        check_number("OneOf", "which", self.which, low=0, high=len(self.worlds) - 1)
        check_number("OneOf", "density", self.density, above=0.0, high=1.0)

    @property
    def world(self) -> Sparse:
        """The world that ``which`` names, once it is a number."""
        return dataclasses.replace(self.worlds[int(self.which)], density=self.density)

    def example(self, key: Array) -> Batch:
        """Draw one example."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples from every world and keep those of this one."""
        which = jnp.asarray(self.which, jnp.float32)
        worlds = [dataclasses.replace(w, density=self.density) for w in self.worlds]
        chosen, *others = [world.batch(key, size) for world in worlds]
        for i, other in enumerate(others, start=1):
            # A loop variable would be read too late in the lambda.
            keep = lambda old, new, here=which == i: jnp.where(here, new, old)
            chosen = jax.tree.map(keep, chosen, other)
        return chosen

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: as the world says."""
        return self.world.consistent(batch)

    def bayes_loss(self) -> float:
        """0, as for :class:`~toylab.tasks.superposition.sparse.Sparse`."""
        return 0.0

    def uniform_loss(self) -> float | None:
        """As the world says."""
        return self.world.uniform_loss()


@dataclasses.dataclass(frozen=True)
class Tied(Task):
    """Two sets of correlated features, or the same features independent.

    With ``tied = 1`` the world is ``Sparse(n, density, groups=2, correlation="correlated")``, with
    0 ``Sparse(n, density)``.

    Attributes:
        n_features: N, even; the first half is one set, the second the other.
        density: probability that a feature is active.
        tied: 1 where one draw decides all features of a set, 0 where each has its own.
    """

    n_features: int
    density: Number
    tied: Number = 1.0

    def __post_init__(self) -> None:
        check_number("Tied", "n_features", self.n_features, low=2, whole=True)
        check_number("Tied", "density", self.density, above=0.0, high=1.0)
        check_number("Tied", "tied", self.tied, low=0.0, high=1.0)

    def example(self, key: Array) -> Batch:
        """Draw one example; all arrays are (N,)."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N)."""
        half = self.n_features // 2
        own_NB, magnitude_NB = random.uniform(key, (2, self.n_features, size))
        set_NB = jnp.repeat(own_NB[::half], half, axis=0)
        tied = jnp.asarray(self.tied, jnp.float32) > 0.5
        active_NB = jnp.where(tied, set_NB, own_NB) <= jnp.asarray(self.density, jnp.float32)
        x_NB = jnp.where(active_NB, magnitude_NB, jnp.float32(0))
        weight_N = jnp.ones(self.n_features, jnp.float32)
        return as_batch(x_NB.T, active_NB.T, x_NB.T, weight_N)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: latents agree, the target is the input, a tied set is active as one."""
        same = np.all(np.asarray(batch.targets) == np.asarray(batch.inputs), -1)
        active_B2K = np.asarray(batch.latents["active"]).reshape(len(same), 2, -1)
        as_one = np.all(active_B2K == active_B2K[..., :1], axis=(1, 2))
        return latents_agree(batch) & same & (as_one | (float(np.asarray(self.tied)) <= 0.5))

    def bayes_loss(self) -> float:
        """0: the target is a function of the input."""
        return 0.0

    def uniform_loss(self) -> float:
        """Loss of the best constant outputs, N (s/3 - s^2/4)."""
        s = float(np.asarray(self.density))
        return self.n_features * (s / 3 - s**2 / 4)


@dataclasses.dataclass(frozen=True)
class FirstFeatures(OneHot):
    """One-hot features of which only the first ``n_used`` exist.

    Attributes:
        n_used: c, features that occur and count; the others weigh nothing.
    """

    n_used: Number = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("FirstFeatures", "n_used", self.n_used, low=1, high=self.n_features)

    def used(self) -> Float[Array, " N"]:
        """1 for a feature that exists."""
        return (jnp.arange(self.n_features, dtype=jnp.float32) < self.n_used).astype(jnp.float32)

    def importances(self) -> Float[Array, " N"]:
        """Weight of each feature in the loss; 0 for one that does not exist."""
        return super().importances() * self.used()

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N)."""
        which_B, magnitude_B = random.uniform(key, (2, size))
        which_B = jnp.minimum(jnp.floor(which_B * self.n_used), self.n_used - 1.0)
        members_N = jnp.arange(self.n_features, dtype=jnp.float32)
        active_BN = which_B[:, None] == members_N[None]
        x_BN = jnp.where(active_BN, magnitude_B[:, None], jnp.float32(0))
        return as_batch(x_BN, active_BN, x_BN, self.importances())

    def uniform_loss(self) -> float:
        """Loss of the best constant outputs: sum_i I_i (s/3 - s^2/4) with s = 1/c."""
        s = 1 / float(np.asarray(self.n_used))
        return float(self.importances().sum()) * (s / 3 - s**2 / 4)


def examples() -> tuple[Task, ...]:
    """Small instances of every world here, for ``toylab check by_member``."""
    sets = Sparse(4, 0.3, groups=2, correlation="correlated")
    return (
        OneOf((Sparse(4, 0.3), sets), which=1, density=0.3),
        Tied(4, density=0.3),
        Tied(4, density=0.3, tied=0.0),
        FirstFeatures(6, n_used=4),
    )
