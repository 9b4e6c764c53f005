"""Sparse features of which some are rarer or more frequent than the others by a factor.

Source: the question of Li et al. 2025 (arXiv:2505.04741), section 2, in the world of Elhage et al.
2022 (arXiv:2209.10652), where the loss needs every feature.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task


@dataclass(frozen=True)
class RareFeatures(Task):
    """Features that are 0 with probability ``1 - s_i`` and otherwise U[0, 1].

    The target is the input. ``s_i = density`` for the common features, which come first, and
    ``share * density`` for the ``rare`` last ones. With share 1 all are alike.

    Attributes:
        n_features: N.
        rare: how many of them are rare, below N.
        density: of the common features, in (0, 1].
        share: above 0; ``share * density`` is at most 1.
    """

    n_features: int
    rare: int
    density: Number
    share: Number = 1.0

    def __post_init__(self) -> None:
        check_number("RareFeatures", "n_features", self.n_features, low=2, whole=True)
        check_number("RareFeatures", "rare", self.rare, low=1, high=self.n_features - 1, whole=True)
        check_number("RareFeatures", "density", self.density, above=0.0, high=1.0)
        check_number("RareFeatures", "share", self.share, above=0.0)
        if not any(isinstance(v, Tracer) for v in (self.density, self.share)):
            product = np.max(np.asarray(self.density) * np.asarray(self.share))
            check_number("RareFeatures", "share * density", float(product), high=1.0)

    def densities(self) -> Float[Array, " N"]:
        """Probability of each feature."""
        is_rare = jnp.arange(self.n_features) >= self.n_features - self.rare
        share = jnp.where(is_rare, jnp.asarray(self.share, jnp.float32), 1.0)
        return jnp.asarray(self.density, jnp.float32) * share

    def example(self, key: Array) -> Batch:
        """Draw one example; all arrays are (N,)."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N)."""
        # One draw decides whether a feature is active and how much, as in the papers' world.
        u_NB = random.uniform(key, (self.n_features, size))
        v_BN = (u_NB * (1 / self.densities())[:, None]).T
        x_BN = jnp.where(v_BN <= 1, v_BN, jnp.float32(0))
        weight_1N = jnp.ones((1, self.n_features), jnp.float32)
        return Batch(x_BN, x_BN, weight_1N, {"active": v_BN <= 1})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the target is the input, and only active features are nonzero."""
        x_BN, active_BN = np.asarray(batch.inputs), np.asarray(batch.latents["active"])
        same_B = np.all(np.asarray(batch.targets) == x_BN, -1)
        return same_B & np.all(active_BN == (x_BN > 0), -1)

    def bayes_loss(self) -> float:
        """0: the target is the input."""
        return 0.0

    def uniform_loss(self) -> float:
        """Loss of the best constant outputs, ``sum_i s_i / 3 - s_i^2 / 4``."""
        s_N = np.asarray(self.densities(), np.float64)
        return float((s_N / 3 - s_N**2 / 4).sum())


def examples() -> tuple[Task, ...]:
    """A small instance, for ``toylab check rare``."""
    return (RareFeatures(5, 2, density=0.4, share=0.5),)
