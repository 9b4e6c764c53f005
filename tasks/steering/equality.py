"""Hierarchical equality: is the equality of one pair the equality of another?

Source: Geiger et al. 2023 (arXiv:2303.02536), after Premack 1983; width 4 and entries from -1 to 1
as in the tutorial of pyvene.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task


@dataclasses.dataclass(frozen=True)
class HierarchicalEquality(Task):
    """Four vectors w, x, y, z; the target is ``(w == x) == (y == z)``, as 0 or 1.

    Entries are uniform in [-1, 1] and new in every example, so that no vector can be
    memorised; each pair is equal with probability 1/2. Inputs (4 D,): w, x, y, z one after another.
    Latents: ``left``, whether w == x, and ``right``, whether y == z.

    Args:
        width: D, numbers per vector.

    Raises:
        ToylabError: no width.

    Example:
        >>> HierarchicalEquality(4).batch(jax.random.key(0), 3).inputs.shape
        (3, 16)
    """

    width: int = 4

    def __post_init__(self) -> None:
        check_number("HierarchicalEquality", "width", self.width, low=1, whole=True)

    def example(self, key: Array) -> Batch:
        """Sample one example."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Sample ``size`` examples."""
        u = jax.lax.optimization_barrier(random.uniform(key, (size, 4 * self.width + 2)))
        left_B, right_B = (u[:, i] < 0.5 for i in range(2))
        w, x, y, z = jnp.split(2 * u[:, 2:] - 1, 4, axis=1)
        x = jnp.where(left_B[:, None], w, x)
        z = jnp.where(right_B[:, None], y, z)
        latents = {"left": left_B.astype(jnp.int32), "right": right_B.astype(jnp.int32)}
        target_B = (left_B == right_B).astype(jnp.int32)
        inputs = jnp.concatenate([w, x, y, z], axis=1)
        return Batch(inputs, target_B, jnp.ones(size, jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the latents and the target are what the vectors say."""
        w, x, y, z = np.split(np.asarray(batch.inputs), 4, axis=1)
        left, right = (w == x).all(1), (y == z).all(1)
        agree = [np.asarray(batch.latents[n]) == v for n, v in (("left", left), ("right", right))]
        return agree[0] & agree[1] & (np.asarray(batch.targets) == (left == right))

    def bayes_loss(self) -> float:
        """0: the target follows from the inputs."""
        return 0.0

    def uniform_loss(self) -> float:
        """``log 2``."""
        return float(np.log(2))


class Pairs(NamedTuple):
    """Inputs of two runs (N, 4 D), and the answers (2, N) after an interchange of a variable."""

    base: Array
    source: Array
    answers: Array

    def part(self, start: int, stop: int) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.base[start:stop], self.source[start:stop], self.answers[:, start:stop])


@functools.partial(jax.jit, static_argnums=0)
def interchange_pairs(n: int, key: Array) -> Pairs:
    """Sample pairs with their answers under two causal models, of vectors of width 4.

    The base gets from the source ``w == x``, which the rule needs, or, in the wrong model, the sign
    of w's first number in its place, which the rule does not need.
    """
    both = HierarchicalEquality().batch(key, 2 * n)
    base, source = (jax.tree.map(lambda x, i=i: x[i * n : (i + 1) * n], both) for i in (0, 1))
    true = source.latents["left"] == base.latents["right"]
    wrong = (source.inputs[:, 0] > 0) == (base.latents["right"] == 1)
    return Pairs(base.inputs, source.inputs, jnp.stack([true, wrong]).astype(jnp.int32))


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return HierarchicalEquality(), HierarchicalEquality(2)
