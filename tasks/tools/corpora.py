"""Patterns of two corpora, and units that are to tell them: some units have one, some have two.

A unit of two patterns, one of each corpus, means one thing in either and both are known. Patterns
are orthogonal directions at random, so that what a detector looks for can be compared with them.

Source: this laboratory, as ground truth for the interpretability illusion (Bolukbasi et al. 2021,
2104.07143) and for feature visualisation.

Shape suffixes: F features, each with a pattern of F pixels; U units.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab.errors import check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class Corpora(Task):
    """Inputs (F,): a sum of patterns; targets (U,): how much of each unit's patterns there is.

    ``x = s Q`` with Q orthogonal and features s, each 0 or uniform in [1/2, 1]; a feature that the
    corpus has is there with chance ``density``. Features are those of both corpora, the first's
    own, the second's own. The first units have one shared feature each; unit ``shared + i`` has
    the i-th own feature of both corpora. Latents: ``corpus`` () and ``features`` (F,).

    Args:
        shared: features of both corpora.
        own: features of each alone.
        density: chance of a feature.
        second: chance of the second corpus; 0 or 1 draw from one. It and the density may differ per
            member.
        world: number of the patterns.

    Example:
        >>> batch = Corpora(second=1.0).batch(jax.random.key(0), 50)
        >>> bool((batch.latents["features"][:, 6:12] == 0).all())
        True
    """

    shared: int = 6
    own: int = 6
    density: Number = 0.1
    second: Number = 0.5
    world: int = 0

    def __post_init__(self) -> None:
        check_number("Corpora", "shared", self.shared, 0, 1_000, whole=True)
        check_number("Corpora", "own", self.own, 1, 1_000, whole=True)
        check_number("Corpora", "density", self.density, 0.001, 1)
        check_number("Corpora", "second", self.second, 0, 1)
        check_number("Corpora", "world", self.world, 0, 2**32 - 1, whole=True)

    @property
    def size(self) -> int:
        """Number of features F."""
        return self.shared + 2 * self.own

    @property
    def units(self) -> int:
        """Number of units U."""
        return self.shared + self.own

    def in_corpus(self, corpus: int) -> Bool[np.ndarray, " F"]:
        """Which features a corpus has."""
        place = np.arange(self.size)
        return (place < self.shared) | ((place - self.shared) // self.own == corpus)

    def patterns(self) -> Float[np.ndarray, "F F"]:
        """Pattern of each feature, of length 1, a row each."""
        return _patterns(self.size, int(self.world))

    def owned(self) -> Float[np.ndarray, "F U"]:
        """1 where a unit has a feature."""
        unit = np.arange(self.size)
        unit = np.where(unit < self.units, unit, unit - self.own)
        return np.eye(self.units)[unit]

    def example(self, key: Array) -> Batch:
        """Draw a corpus, and its features."""
        k_corpus, k_there, k_size = jax.random.split(key, 3)
        corpus = (jax.random.uniform(k_corpus) < self.second).astype(jnp.int32)
        has = jnp.asarray(np.stack([self.in_corpus(0), self.in_corpus(1)]))[corpus]
        there = jax.random.uniform(k_there, (self.size,)) < self.density
        s = jnp.where(there & has, (1 + jax.random.uniform(k_size, (self.size,))) / 2, 0.0)
        x, y = (s @ jnp.asarray(m, jnp.float32) for m in (self.patterns(), self.owned()))
        return Batch(x, y, jnp.ones(self.units), {"corpus": corpus, "features": s})

    def consistent(self, batch: Batch) -> Any:
        """Whether every feature that is there is one of the corpus, and makes input and target."""
        has = np.stack([self.in_corpus(0), self.in_corpus(1)])[np.asarray(batch.latents["corpus"])]
        s = np.asarray(batch.latents["features"])
        there = np.abs(s @ self.patterns() - np.asarray(batch.inputs)) < 1e-5
        told = np.isclose(s @ self.owned(), np.asarray(batch.targets), atol=1e-5)
        return ((s == 0) | has).all(1) & there.all(1) & told.all(1)

    def uniform_loss(self) -> float:
        """Squared error of an output of 0, summed over units."""
        return float(np.asarray(self.density)) * self.units * 7 / 12


@functools.cache
def _patterns(size: int, world: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(world).normal(size=(size, size)))[0]


def examples() -> tuple[Task, ...]:
    """A small pair of corpora, for the conformance suite."""
    return (Corpora(shared=1, own=2, density=0.5),)
