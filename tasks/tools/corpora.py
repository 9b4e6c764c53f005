"""Sparse features of two corpora: some occur in both, the others in one alone.

A network with fewer units than features lets features that never meet share units. Such a unit
means one thing in one corpus and another in the other, and both are known.

Source: this laboratory, as ground truth for the interpretability illusion (Bolukbasi et al. 2021,
2104.07143); the features are those of Elhage et al. 2022, "Toy models of superposition".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool

from toylab.errors import check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class Corpora(Task):
    """Inputs and targets (F,): features, each 0 or uniform in [1/2, 1]. Latent: ``corpus``.

    Features are those of both corpora, the first's own, the second's own. A feature that the corpus
    has is there with chance ``density``.

    Args:
        shared: features of both corpora.
        own: features of each alone.
        density: chance of a feature.
        second: chance of the second corpus; 0 or 1 draw from one. It and the density may differ per
            member.

    Example:
        >>> batch = Corpora(second=1.0).batch(jax.random.key(0), 50)
        >>> bool((batch.inputs[:, 4:14] == 0).all())
        True
    """

    shared: int = 4
    own: int = 10
    density: Number = 0.1
    second: Number = 0.5

    def __post_init__(self) -> None:
        check_number("Corpora", "shared", self.shared, 0, 10_000, whole=True)
        check_number("Corpora", "own", self.own, 1, 10_000, whole=True)
        check_number("Corpora", "density", self.density, 0.001, 1)
        check_number("Corpora", "second", self.second, 0, 1)

    @property
    def size(self) -> int:
        """Number of features F."""
        return self.shared + 2 * self.own

    def in_corpus(self, corpus: int) -> Bool[np.ndarray, " F"]:
        """Which features a corpus has."""
        place = np.arange(self.size)
        return (place < self.shared) | ((place - self.shared) // self.own == corpus)

    def example(self, key: Array) -> Batch:
        """Draw a corpus, and its features."""
        k_corpus, k_there, k_size = jax.random.split(key, 3)
        corpus = (jax.random.uniform(k_corpus) < self.second).astype(jnp.int32)
        has = jnp.asarray(np.stack([self.in_corpus(0), self.in_corpus(1)]))[corpus]
        there = jax.random.uniform(k_there, (self.size,)) < self.density
        x = jnp.where(there & has, (1 + jax.random.uniform(k_size, (self.size,))) / 2, 0.0)
        return Batch(x, x, jnp.ones(self.size), {"corpus": corpus})

    def consistent(self, batch: Batch) -> Any:
        """Whether every feature that is there is one of the corpus, and the target is the input."""
        has = np.stack([self.in_corpus(0), self.in_corpus(1)])[np.asarray(batch.latents["corpus"])]
        x = np.asarray(batch.inputs)
        return ((x == 0) | has).all(1) & (x == np.asarray(batch.targets)).all(1)

    def uniform_loss(self) -> float:
        """Squared error of an output of 0, summed over features."""
        second = float(np.asarray(self.second))
        seen = self.shared + self.own * (second + (1 - second))
        return float(np.asarray(self.density)) * seen * 7 / 12


def examples() -> tuple[Task, ...]:
    """A small pair of corpora, for the conformance suite."""
    return (Corpora(shared=1, own=2, density=0.5),)
