"""Where the atoms of a dictionary begin: centroids of the data, by k-means.

Shape suffixes: N points, C centroids, D width.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Number, Task


def k_means(x_ND: Float[Array, "N D"], first_CD: Float[Array, "C D"], rounds: int) -> Array:
    """Return the centroids (C, D) that Lloyd's rounds lead to; one without points stays.

    It is written in JAX since it runs inside a population's first step, for every member at once;
    :class:`sklearn.cluster.KMeans` gives the same from the same first centroids.

    Args:
        x_ND: points.
        first_CD: first centroids.
        rounds: how often points are dealt out anew.
    """

    def step(_: Array, at_CD: Array) -> Array:
        far_NC = jnp.sum(at_CD**2, -1)[None] - 2 * x_ND @ at_CD.T
        own_NC = jax.nn.one_hot(jnp.argmin(far_NC, 1), len(at_CD), dtype=jnp.float32)
        count_C1 = jnp.sum(own_NC, 0)[:, None]
        mean_CD = own_NC.T @ x_ND / jnp.maximum(count_C1, 1)
        return jnp.where(count_C1 > 0, mean_CD, at_CD)

    return jax.lax.fori_loop(0, rounds, step, first_CD)


@dataclasses.dataclass(frozen=True)
class Centroids:
    """Centroids of a task's inputs, in random order.

    Args:
        task: whose inputs; one with a field ``world``.
        count: C.
        points: N, inputs drawn.
        rounds: of Lloyd's.

    Raises:
        ToylabError: fewer points than centroids.
    """

    task: Task
    count: int
    points: int = 4_096
    rounds: int = 20

    def __post_init__(self) -> None:
        check_number("Centroids", "count", self.count, low=1, whole=True)
        check_number("Centroids", "points", self.points, low=1, whole=True)
        check_number("Centroids", "rounds", self.rounds, low=0, whole=True)
        if self.points < self.count:
            raise ToylabError(
                f"Centroids: {self.points} points have no {self.count} centroids; draw more points."
            )

    def __call__(self, key: Array, world: Number, shared: Number = 0.0) -> Float[Array, "C D"]:
        """Return centroids.

        Args:
            key: a member's.
            world: in which inputs are drawn.
            shared: 1 draws the inputs and their order by the world alone, so that its members
                begin alike; 0 by the member's key.
        """
        task: Any = self.task
        task = dataclasses.replace(task, world=world)
        common = random.stream(jnp.asarray(world, jnp.uint32), "centroids")
        own, common = (jax.random.key_data(k) for k in (key, common))
        key = jax.random.wrap_key_data(jnp.where(shared > 0, common, own), impl="threefry2x32")
        x_ND = task.batch(random.fold_in(key, 1), self.points).inputs.reshape(self.points, -1)
        # Inputs are drawn independently: the first of them are a random choice.
        return k_means(x_ND, x_ND[: self.count], self.rounds)
