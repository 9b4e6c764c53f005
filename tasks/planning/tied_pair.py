"""Two tokens ahead that are tied: each alone says nothing, together one gives the other.

Heads that predict each token by itself lose the pair's mutual information, which is exact here; a
decoder that reads the first before it predicts the second loses nothing.

Source: this laboratory's, on what sets Walker 2024 (arXiv:2410.18160) apart from Gloeckle et al.
2024 (arXiv:2404.19737).
"""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task


@dataclasses.dataclass(frozen=True)
class TiedPair(Task):
    """A context, then a pair: inputs (2,), targets (1, 2), seen from the context.

    The first token is uniform; the second is the first moved on by the context and one, modulo the
    symbols, with probability ``1 - noise``, else uniform. Tokens are symbols, then contexts.

    Latents: ``context`` ().

    Args:
        symbols: A.
        contexts: number of contexts, at most A.
        noise: in [0, 1].

    Raises:
        ToylabError: a number out of range.
    """

    symbols: int = 8
    contexts: int = 3
    noise: float = 0.1

    def __post_init__(self) -> None:
        check_number("TiedPair", "symbols", self.symbols, low=2, whole=True)
        check_number("TiedPair", "contexts", self.contexts, 1, self.symbols, whole=True)
        check_number("TiedPair", "noise", self.noise, low=0, high=1)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.symbols + self.contexts

    def example(self, key: Array) -> Batch:
        """Draw one context and pair."""
        u_4 = random.once(random.uniform(key, (4,)))
        pick = lambda u, count: random.pick(u, jnp.int32(count))
        context, first = pick(u_4[0], self.contexts), pick(u_4[1], self.symbols)
        tied = (first + context + 1) % self.symbols
        second = jnp.where(u_4[2] < self.noise, pick(u_4[3], self.symbols), tied)
        inputs = jnp.stack([self.symbols + context, first]).astype(jnp.int32)
        targets = jnp.stack([first, second])[None].astype(jnp.int32)
        return Batch(inputs, targets, jnp.ones((1, 2), jnp.float32), {"context": context})

    def consistent(self, batch: Batch) -> Any:
        """Whether the context is the first input, and the second the first target."""
        inputs, context = np.asarray(batch.inputs), np.asarray(batch.latents["context"])
        pair = np.asarray(batch.targets)[:, 0]
        tied = (pair[:, 0] + context + 1) % self.symbols == pair[:, 1]
        fits = (inputs[:, 0] == self.symbols + context) & (inputs[:, 1] == pair[:, 0])
        return fits & (tied | (self.noise > 0))

    def information(self) -> float:
        """Mutual information of the pair given its context, in nats: ``log A - H(x2 | x1)``."""
        return math.log(self.symbols) - self._second()

    def _second(self) -> float:
        """Entropy of the second token given context and first."""
        other = self.noise / self.symbols
        tied = 1 - self.noise + other
        rest = -(self.symbols - 1) * other * math.log(other) if other else 0.0
        return rest - tied * math.log(tied)

    def bayes_loss(self) -> float:
        """Mean entropy of the two tokens, the second given the first."""
        return (math.log(self.symbols) + self._second()) / 2

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (TiedPair(), TiedPair(3, 2, 0.0))
