"""Copies: different tokens, and again from the start, at a distance that differs each time.

No fixed distance tells where to look: a token has to be found by what stood before it, which is
induction.

Source: Olsson et al. 2022 (2209.11895); distances that differ are this laboratory's.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Task


@dataclasses.dataclass(frozen=True)
class Copies(Task):
    """Inputs (L,) with ``x_t = x_{t - S}``; targets are the next tokens, (L,).

    They weigh 1 from position S on, where the past decides them. Latents: ``distance`` S, ().

    Args:
        vocab: tokens, as many as the longest distance at least.
        length: positions L.
        least, most: distances, drawn evenly.

    Raises:
        ToylabError: distances that the vocabulary or the length do not allow.

    Example:
        >>> import jax
        >>> x = Copies(vocab=5, length=6, least=3, most=3).example(jax.random.key(0)).inputs
        >>> bool((x[3:] == x[:3]).all())
        True
    """

    vocab: int = 16
    length: int = 24
    least: int = 6
    most: int = 14

    def __post_init__(self) -> None:
        for name in ("vocab", "length", "least", "most"):
            check_number("Copies", name, getattr(self, name), 2, 10_000, whole=True)
        if not self.least <= self.most <= min(self.vocab, self.length - 1):
            raise ToylabError(
                f"Copies: distances from {self.least} to {self.most} with {self.vocab} tokens and "
                f"{self.length} positions; give least <= most <= both, the length less one."
            )

    def example(self, key: Array) -> Batch:
        """Draw a sequence."""
        u_V1 = random.once(random.uniform(key, (self.vocab + 1,)))
        distance = self.least + random.pick(u_V1[0], jnp.int32(self.most - self.least + 1))
        tokens_V = jnp.argsort(u_V1[1:]).astype(jnp.int32)
        place_L = jnp.arange(self.length, dtype=jnp.int32)
        inputs, targets = (tokens_V[(place_L + on) % distance] for on in (0, 1))
        weights = (place_L >= distance).astype(jnp.float32)
        return Batch(inputs, targets, weights, {"distance": distance})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether each target that weighs followed its token where it stood before."""
        x, s = np.asarray(batch.inputs), np.asarray(batch.latents["distance"])[:, None]
        place = np.arange(self.length)[None]
        again = np.take_along_axis(x, np.maximum(place - s, 0), 1) == x
        after = np.take_along_axis(x, np.maximum(place - s + 1, 0), 1) == batch.targets
        return ((again & after) | (place < s)).all(1) & (
            (place >= s) == np.asarray(batch.weights)
        ).all(1)

    def bayes_loss(self) -> float:
        """0: what weighs is decided by what came before."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the vocabulary."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Copies(vocab=5, length=8, least=3, most=5),)
