"""Shifts: examples of a symbol and its image under one shift, which they alone tell.

A symbol is a point of a torus of N x N; shift (i, j) moves all points by i and j. So shifts add up,
and what stands for them may add up too. An example, symbol and image, is one token; some are blank.

Source: after the tasks of Todd et al. 2023 (2310.15213); the torus is this laboratory's.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task


@dataclasses.dataclass(frozen=True)
class Shifts(Task):
    """Inputs (K,): K - 1 examples and the symbol asked for; the target is its image, ().

    Tokens are the symbols, the examples (images vary fastest), and a blank. The symbols of an input
    are different. Latents, each (): ``shift``, ``N i + j``; ``shown``, examples that are not blank,
    none to all with even odds.

    Args:
        side: N.
        length: K, at most N x N.

    Example:
        >>> import jax
        >>> Shifts().example(jax.random.key(0)).inputs.shape
        (5,)
    """

    side: int = 3
    length: int = 5

    def __post_init__(self) -> None:
        check_number("Shifts", "side", self.side, 2, 100, whole=True)
        check_number("Shifts", "length", self.length, 1, self.symbols, whole=True)

    @property
    def symbols(self) -> int:
        """Number of symbols, of images and of shifts."""
        return self.side**2

    @property
    def vocab(self) -> int:
        """Number of tokens: symbols, examples, and a blank, which is the last."""
        return self.symbols * (self.symbols + 1) + 1

    def image(self, x: Array, shift: Array) -> Array:
        """Return the number of the image of a symbol; arrays of one shape."""
        n = self.side
        return (x // n + shift // n) % n * n + (x + shift) % n

    def example(self, key: Array) -> Batch:
        """Draw a shift, different symbols, and how many examples are shown."""
        u_N2 = random.once(random.uniform(key, (self.symbols + 2,)))
        shift = random.pick(u_N2[0], jnp.int32(self.symbols))
        shown = random.pick(u_N2[1], jnp.int32(self.length))
        return self.tell(jnp.argsort(u_N2[2:])[: self.length].astype(jnp.int32), shift, shown)

    def tell(self, x_K: Array, shift: Array, shown: Array | int) -> Batch:
        """Return the input of given symbols, of which the last is asked for, and shift."""
        y_K, shown = self.image(x_K, shift), jnp.asarray(shown, jnp.int32)
        blank_K = jnp.arange(self.length) < self.length - 1 - shown
        told_K = jnp.where(blank_K, self.vocab - 1, self.symbols * (1 + x_K) + y_K)
        inputs = told_K.at[-1].set(x_K[-1])
        return Batch(inputs, y_K[-1], jnp.ones(()), {"shift": shift, "shown": shown})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether every image is its symbol moved by the shift."""
        x, y = np.divmod(np.asarray(batch.inputs) - self.symbols, self.symbols)
        x, y = x.copy(), y.copy()
        x[:, -1], y[:, -1] = np.asarray(batch.inputs)[:, -1], np.asarray(batch.targets)
        n, shift = self.side, np.asarray(batch.latents["shift"])[:, None]
        blank = (
            np.arange(self.length) < self.length - 1 - np.asarray(batch.latents["shown"])[:, None]
        )
        down, right = (y // n - x // n - shift // n) % n, (y % n - x % n - shift % n) % n
        moved = (down == 0) & (right == 0)
        return np.where(blank, np.asarray(batch.inputs) == self.vocab - 1, moved).all(1)

    def bayes_loss(self) -> float:
        """A guess where no example is shown, else 0."""
        return math.log(self.symbols) / self.length

    def uniform_loss(self) -> float:
        """The log of the number of images."""
        return math.log(self.symbols)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Shifts(side=2, length=3),)
