"""Places on a map that is never shown: only which places lie near each other, and on which side.

``place relation -> place``: the answer to "north of A" is a place about one step north of A. A
place's token says nothing of where it is. Some tokens are never seen, for what hunts those.

Source: this laboratory, as ground truth for probes of space (Gurnee and Tegmark 2023, 2310.02207)
and for the geometry of embeddings (Lee et al. 2025, 2503.21073).

Shape suffixes: N places, R relations.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import check_number
from toylab.task import Batch, Task

RELATIONS = ("near", "north", "east", "south", "west")
WAYS = np.array([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)], np.float64)


@dataclasses.dataclass(frozen=True)
class Places(Task):
    """Places in a square, and a relation; the target is another place, or the same.

    With A at ``y_A``, a step of length s along the relation's way ``o_r`` and a reach c,
    ``p(B given A, r) ~ exp(-|y_B - y_A - s o_r|^2 / 2 c^2)``. Inputs (2,): place, relation; the
    target is a place, (). Tokens are places, relations, and those never seen. Latents: ``place``
    and ``relation``, each ().

    Args:
        side: places along each side; each lies at random in its own cell of size 1.
        reach: c.
        step: s, 0 for the relation ``near``.
        unseen: tokens that never occur.
        world: number of the map.

    Example:
        >>> world = Places(side=4)
        >>> world.example(jax.random.key(0)).inputs.shape, world.vocab
        ((2,), 33)
    """

    side: int = 10
    reach: float = 0.8
    step: float = 2.0
    unseen: int = 12
    world: int = 0

    def __post_init__(self) -> None:
        check_number("Places", "side", self.side, 3, 100, whole=True)
        check_number("Places", "reach", self.reach, 0.01, 1e3)
        check_number("Places", "step", self.step, 0, 1e3)
        check_number("Places", "unseen", self.unseen, 0, 10_000, whole=True)
        check_number("Places", "world", self.world, 0, 2**32 - 1, whole=True)

    @property
    def size(self) -> int:
        """Number of places N."""
        return self.side**2

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.size + len(RELATIONS) + self.unseen

    def map(self) -> Float[np.ndarray, "N 2"]:
        """Where each place is: east, north."""
        return _map(self.side, int(self.world))

    def blocks(self, count: int = 3) -> np.ndarray:
        """Number of the block, of ``count * count``, that each place is in, (N,)."""
        across, up = (self.map() * count / self.side).astype(int).T
        return up * count + across

    def table(self) -> Float[np.ndarray, "N R N"]:
        """Chance of every answer to every question."""
        y_N2 = self.map()
        aim_NR2 = y_N2[:, None] + self.step * WAYS
        square_NRN = ((y_N2 - aim_NR2[:, :, None]) ** 2).sum(-1) / (2 * self.reach**2)
        odds_NRN = np.exp(square_NRN.min(-1, keepdims=True) - square_NRN)
        return odds_NRN / odds_NRN.sum(-1, keepdims=True)

    def chances(self, batch: Batch) -> Float[Array, "B N"]:
        """Chance of each place as the answer."""
        table = jnp.asarray(self.table(), jnp.float32)
        return table[batch.inputs[:, 0], batch.inputs[:, 1] - self.size]

    def example(self, key: Array) -> Batch:
        """Draw one question, all alike, and one answer."""
        k_question, k_answer = jax.random.split(key)
        question = jax.random.randint(k_question, (), 0, self.size * len(RELATIONS))
        place, relation = jnp.divmod(question, len(RELATIONS))
        odds = jnp.log(jnp.asarray(self.table(), jnp.float32) + 1e-30)[place, relation]
        answer = jax.random.categorical(k_answer, odds).astype(jnp.int32)
        inputs = jnp.stack([place, self.size + relation])
        return Batch(inputs, answer, jnp.float32(1), {"place": place, "relation": relation})

    def questions(self) -> Batch:
        """Every question once, with its likeliest answer; relations vary fastest."""
        place, relation = np.indices((self.size, len(RELATIONS))).reshape(2, -1)
        inputs = jnp.asarray(np.stack([place, self.size + relation], 1), jnp.int32)
        best = jnp.asarray(self.table().reshape(-1, self.size).argmax(1), jnp.int32)
        latents = {"place": jnp.asarray(place), "relation": jnp.asarray(relation)}
        return Batch(inputs, best, jnp.ones(len(inputs)), latents)

    def consistent(self, batch: Batch) -> Any:
        """Whether the tokens are the latents', and the answer is one that can be."""
        place, relation = (np.asarray(batch.latents[n]) for n in ("place", "relation"))
        x = np.asarray(batch.inputs)
        same = (x[:, 0] == place) & (x[:, 1] == self.size + relation)
        return same & (self.table()[place, relation, np.asarray(batch.targets)] > 1e-12)

    def bayes_loss(self) -> float:
        """Mean entropy of the answers, in nats."""
        table = self.table()
        return float(-(table * np.log(np.where(table > 0, table, 1))).sum(-1).mean())

    def uniform_loss(self) -> float:
        """Cross-entropy of even odds over the places, in nats."""
        return float(np.log(self.size))


@functools.cache
def _map(side: int, world: int) -> np.ndarray:
    cell = np.stack(np.divmod(np.arange(side**2), side)[::-1], 1)
    return cell + np.random.default_rng(world).uniform(0.1, 0.9, (side**2, 2))


def examples() -> tuple[Task, ...]:
    """A small map, for the conformance suite."""
    return (Places(side=3, unseen=2),)
