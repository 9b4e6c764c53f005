"""Shifts: pairs of a symbol and its image under one shift, which the pairs alone tell.

A symbol is a point of a torus of N x N; shift (i, j) moves all points by i and j. So shifts add up,
and what stands for them may add up too.

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
    """Inputs (2 K - 1,): x1 y1 ... xK; the targets, at each x, are its image under the shift.

    The x are different; images have tokens of their own. Latents: ``shift`` (), ``N i + j``.

    Args:
        side: N.
        pairs: K, at most N x N.

    Example:
        >>> import jax
        >>> Shifts().example(jax.random.key(0)).inputs.shape
        (9,)
    """

    side: int = 4
    pairs: int = 5

    def __post_init__(self) -> None:
        check_number("Shifts", "side", self.side, 2, 100, whole=True)
        check_number("Shifts", "pairs", self.pairs, 1, self.symbols, whole=True)

    @property
    def symbols(self) -> int:
        """Number of symbols, of images and of shifts."""
        return self.side**2

    @property
    def vocab(self) -> int:
        """Number of tokens: symbols, then images."""
        return 2 * self.symbols

    def image(self, x: Array, shift: Array) -> Array:
        """Return the number of the image of a symbol; arrays of one shape."""
        n = self.side
        return (x // n + shift // n) % n * n + (x + shift) % n

    def example(self, key: Array) -> Batch:
        """Draw a shift, and different symbols."""
        u_N1 = random.once(random.uniform(key, (self.symbols + 1,)))
        shift = random.pick(u_N1[0], jnp.int32(self.symbols))
        return self.tell(jnp.argsort(u_N1[1:])[: self.pairs].astype(jnp.int32), shift)

    def tell(self, x_K: Array, shift: Array) -> Batch:
        """Return the example of given symbols and shift."""
        y_K = self.image(x_K, shift)
        inputs = jnp.stack([x_K, self.symbols + y_K], -1).reshape(-1)[:-1]
        targets = jnp.repeat(y_K, 2)[:-1]
        asked = jnp.arange(2 * self.pairs - 1) % 2 == 0
        return Batch(inputs, targets, asked.astype(jnp.float32), {"shift": shift})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether every image is its symbol moved by the shift."""
        x, y = (np.asarray(part)[:, ::2] for part in (batch.inputs, batch.targets))
        n, shift = self.side, np.asarray(batch.latents["shift"])[:, None]
        down, right = (y // n - x // n - shift // n) % n, (y % n - x % n - shift % n) % n
        told = np.asarray(batch.inputs)[:, 1::2] == self.symbols + y[:, :-1]
        return (down == 0).all(1) & (right == 0).all(1) & told.all(1)

    def bayes_loss(self) -> float:
        """The first answer is a guess; the others are told."""
        return math.log(self.symbols) / self.pairs

    def uniform_loss(self) -> float:
        """The log of the number of images."""
        return math.log(self.symbols)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Shifts(side=2, pairs=3),)
