"""Facts: ``subject filler relation -> value``, each of which has to be learned by heart.

The relation stands last, where the answer is read, and the filler says nothing: an answer needs the
subject moved, once.

Source: after the questions of Geva et al. 2023 (2304.14767); the sizes are this laboratory's.

Shape suffixes: F facts (relations vary fastest).
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

SUBJECT, FILLER, RELATION = 0, 1, 2  # positions


@dataclasses.dataclass(frozen=True)
class Facts(Task):
    """Facts about subjects. Inputs (3,): subject, filler, relation; the target is the value, ().

    Tokens are the subjects, then the relations, then the fillers. A filler is drawn anew each time.
    Latents: ``fact``, ().

    Args:
        subjects, relations, fillers, values: how many there are.
        world: number of the world, from which values are drawn; may differ per member.

    Example:
        >>> Facts().example(jax.random.key(0)).inputs.shape
        (3,)
    """

    subjects: int = 24
    relations: int = 4
    fillers: int = 4
    values: int = 16
    world: Number = 0

    def __post_init__(self) -> None:
        for name, low in (("subjects", 2), ("relations", 1), ("fillers", 1), ("values", 2)):
            check_number("Facts", name, getattr(self, name), low, 10_000, whole=True)
        check_number("Facts", "world", self.world, 0, 2**24, whole=True)

    @property
    def size(self) -> int:
        """Number of facts F."""
        return self.subjects * self.relations

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.subjects + self.relations + self.fillers

    def values_of_facts(self) -> Int[Array, " F"]:
        """Return the value of every fact; the world may be traced."""
        key = random.stream(jnp.asarray(self.world).astype(jnp.uint32), "values of facts")
        u_F = random.once(random.uniform(key, (self.size,)))
        return random.pick(u_F, jnp.int32(self.values))

    def example(self, key: Array) -> Batch:
        """Draw a fact, and a filler."""
        u_2 = random.once(random.uniform(key, (2,)))
        fact, filler = (
            random.pick(u_2[i], jnp.int32((self.size, self.fillers)[i])) for i in (0, 1)
        )
        return self._tell(fact, filler)

    def _tell(self, fact: Array, filler: Array) -> Batch:
        relation = self.subjects + fact % self.relations
        tokens = (fact // self.relations, self.subjects + self.relations + filler, relation)
        inputs = jnp.stack(tokens, -1).astype(jnp.int32)
        value = self.values_of_facts()[fact]
        return Batch(inputs, value, jnp.ones(value.shape, jnp.float32), {"fact": fact})

    def enumerate(self) -> Batch:
        """Every fact with every filler."""
        fact, filler = np.divmod(np.arange(self.size * self.fillers, dtype=np.int32), self.fillers)
        return self._tell(jnp.asarray(fact), jnp.asarray(filler))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the tokens spell the fact, and the target is its value."""
        x_B3, fact_B = np.asarray(batch.inputs), np.asarray(batch.latents["fact"])
        spelt = (x_B3[:, 2] - self.subjects) + x_B3[:, 0] * self.relations == fact_B
        filled = (x_B3[:, 1] >= self.subjects + self.relations) & (x_B3[:, 1] < self.vocab)
        return spelt & filled & (np.asarray(self.values_of_facts())[fact_B] == batch.targets)

    def bayes_loss(self) -> float:
        """0: a fact has one value."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of values."""
        return math.log(self.values)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Facts(5, 2, 3, 4, world=1),)
