"""Two concentric spheres: a point of the inner one has label 0, of the outer one label 1.

Source: Gilmer et al. 2018, Adversarial Spheres (arXiv:1801.02774), section 3.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

TRAINING_SET = "spheres: training set"


@dataclass(frozen=True)
class Spheres(Task):
    """``x = r z / |z|`` with z normal in D dimensions, and r = 1 or ``radius``, half each.

    With ``pool`` = N > 0 examples come, with replacement, from a fixed training set of N, the
    first N points of a stream that ``pool_seed`` names: sets of different N are nested. With 0
    every example is fresh. A row of the set is a function of its number, so no set is stored.

    Attributes:
        dim: D, 2 at least.
        radius: of the outer sphere, above 1.
        pool: N, or 0; N D must be below 2^32.
        pool_seed: which training set.

    Example:
        >>> Spheres(dim=5).batch(jax.random.key(0), 64).inputs.shape
        (64, 5)
    """

    dim: int
    radius: Number = 1.3
    pool: Number = 0
    pool_seed: int | Array = 0

    def __post_init__(self) -> None:
        check_number("Spheres", "dim", self.dim, low=2, whole=True)
        check_number("Spheres", "radius", self.radius, above=1.0)
        check_number("Spheres", "pool", self.pool, low=0, high=2**32 / self.dim - 1, whole=True)
        check_number("Spheres", "pool_seed", self.pool_seed, low=0, whole=True)

    def example(self, key: Array) -> Batch:
        """Draw one example: inputs (D,), a label."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, D), labels (B,)."""
        pool = jnp.asarray(self.pool, jnp.float32)
        pick, fresh = jax.random.split(key)
        chosen_B = jnp.floor(random.uniform(pick, (size,)) * pool)
        chosen_B = jnp.minimum(chosen_B, jnp.maximum(pool - 1, 0))
        row_B = jnp.where(pool > 0, chosen_B.astype(jnp.uint32), jnp.arange(size, dtype=jnp.uint32))
        own = random.stream(self.pool_seed, TRAINING_SET)
        bits = jnp.where(pool > 0, jax.random.key_data(own), jax.random.key_data(fresh))
        return self.rows(jax.random.wrap_key_data(bits, impl="threefry2x32"), row_B)

    def rows(self, key: Array, row_B: Array) -> Batch:
        """Return the examples of these numbers in a key's stream."""
        place_D = jnp.arange(self.dim, dtype=jnp.uint32)
        place_BD = row_B[:, None] * np.uint32(self.dim) + place_D[None]
        # 23 bits and a half: never 0, so no point lies at the origin.
        u_BD = (random.bits_at(key, place_BD) >> np.uint32(9)).astype(jnp.float32) + 0.5
        z_BD = random.once(jax.scipy.special.erfinv(u_BD * np.float32(2.0**-22) - 1))
        label_B = (random.bits_at(random.fold_in(key, 1), row_B) >> np.uint32(31)).astype(jnp.int32)
        r_B = jnp.where(label_B == 1, jnp.asarray(self.radius, jnp.float32), 1.0)
        x_BD = z_BD * (r_B / jnp.linalg.norm(z_BD, axis=1))[:, None]
        ones_B = jnp.ones(len(row_B), jnp.float32)
        return Batch(x_BD, label_B, ones_B, {"radius": r_B})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the point lies on the sphere of its label."""
        length_B = np.linalg.norm(np.asarray(batch.inputs, np.float64), axis=-1)
        said_B = np.where(np.asarray(batch.targets) == 1, float(np.asarray(self.radius)), 1.0)
        right_B = np.abs(np.asarray(batch.latents["radius"]) - said_B) < 1e-5
        return right_B & (np.abs(length_B - said_B) < 1e-5)

    def bayes_loss(self) -> float:
        """0 nats: the length gives the label."""
        return 0.0

    def uniform_loss(self) -> float:
        """Nats of a guess."""
        return float(np.log(2))


def examples() -> tuple[Task, ...]:
    """Small instances, for ``toylab check spheres``."""
    return Spheres(5), Spheres(3, radius=2.0, pool=40, pool_seed=1)
