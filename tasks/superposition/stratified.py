"""Sparse features drawn in two strata, so that few examples are empty.

Source: Elhage et al. 2022 (arXiv:2209.10652), whose densities go down to 0.001.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from toylab import random
from toylab.task import Batch, Task

from .sparse import Sparse, first


@dataclass(frozen=True)
class Stratified(Sparse):
    """Sparse features: examples with an active feature, and the empty one.

    A batch holds ``size - 1`` examples given that some feature is active, and one empty example;
    weights make its mean loss an unbiased estimate of that under :class:`Sparse`. At density
    0.001 with 40 features, 96% of plain examples would be empty. The first active feature J is
    geometric, cut off at N; those before it are off, those after it independent.
    """

    def example(self, key: Array) -> Batch:
        """Draw one example of the first stratum, weighted by the probability of that stratum."""
        return first(self.batch(key, 2))._replace(weights=self._any_on() * self.importances())

    def _any_on(self) -> Array:
        log_off = jnp.log1p(-jnp.asarray(self.density, jnp.float32))
        return -jnp.expm1(self.n_features * log_off)

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (B, N), the last example empty."""
        some = size - 1
        s = jnp.asarray(self.density, jnp.float32)
        u_NB = random.uniform(key, (self.n_features + 1, some))
        log_off = jnp.log1p(-s)
        any_on = -jnp.expm1(self.n_features * log_off)
        first_B = jnp.floor(jnp.log1p(-u_NB[-1] * any_on) / log_off)
        first_B = jnp.minimum(first_B, self.n_features - 1.0)
        place_N1 = jnp.arange(self.n_features, dtype=jnp.float32)[:, None]
        u_NB, is_first_NB = u_NB[:-1], place_N1 == first_B[None]
        active_NB = is_first_NB | ((place_N1 > first_B[None]) & (u_NB <= s))
        v_NB = jnp.where(is_first_NB, u_NB, u_NB / s)
        x_NB = jnp.where(active_NB, 2 * v_NB - 1 if self.signed else v_NB, jnp.float32(0))
        x_BN = jnp.pad(x_NB, ((0, 0), (0, 1))).T
        active_BN = jnp.pad(active_NB, ((0, 0), (0, 1))).T
        share_B = jnp.append(jnp.full(some, any_on * size / some), (1 - any_on) * size)
        target_BN = jnp.abs(x_BN) if self.target == "abs" else x_BN
        latents = {"active": active_BN, "magnitude": jnp.abs(x_BN)}
        return Batch(x_BN, target_BN, share_B[:, None] * self.importances()[None], latents)


def examples() -> tuple[Task, ...]:
    """A small instance, for ``toylab check stratified``."""
    return (Stratified(4, density=0.2, importance=0.9, signed=True, target="abs"),)
