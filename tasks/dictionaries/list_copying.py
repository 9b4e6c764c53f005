"""Lists of two digits, to be copied from what one token in between holds of them.

    [d1, d2, SEP, m, m] -> d1, d2 at the two masked places

The places of the answer see the separator and each other but not the digits, so that the
separator must hold both and their order.

Source: Farrell, Leask & Al Moubayed 2025 (Order by scale) and their public code: 100 digits, all
10,000 pairs, of which a fifth is held out.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@functools.lru_cache(maxsize=256)
def order_of_pairs(digits: int, number: int) -> np.ndarray:
    """All pairs, numbered ``d1 * digits + d2``, in a random order; the last are held out."""
    return np.random.default_rng((number, digits)).permutation(digits**2).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class ListCopying(Task):
    """Copy two digits. Inputs (5,), targets (2,). Tokens: the digits, the mask, the separator.

    Latents: ``first`` and ``second``, the digits, each ().

    Args:
        digits: N.
        held_out: pairs that are never drawn; a fifth of all where it is 0.
        worlds: how many ways of dividing the pairs there are.
        first_world: number of the first.
        world: which of them; may differ per member.

    Raises:
        ToylabError: nothing left to train on.

    Example:
        >>> ListCopying(digits=10).example(jax.random.key(0)).inputs[2:].tolist()
        [11, 10, 10]
    """

    digits: int = 100
    held_out: int = 0
    worlds: int = 8
    first_world: int = 0
    world: Number = 0

    def __post_init__(self) -> None:
        check_number("ListCopying", "digits", self.digits, 3, 1_000, whole=True)
        check_number("ListCopying", "held_out", self.held_out, 0, whole=True)
        if self.held_out >= self.digits**2:
            raise ToylabError(
                f"ListCopying: held_out = {self.held_out} of {self.digits**2} pairs leaves none to "
                "train on; give fewer."
            )
        check_number("ListCopying", "worlds", self.worlds, 1, 10_000, whole=True)
        check_number("ListCopying", "first_world", self.first_world, 0, whole=True)
        check_number("ListCopying", "world", self.world, 0, self.worlds - 1, whole=True)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.digits + 2

    @property
    def training(self) -> int:
        """Number of pairs that are drawn."""
        return self.digits**2 - (self.held_out or self.digits**2 // 5)

    def spell(self, pairs: Array) -> Batch:
        """Return the examples of pairs by their numbers."""
        first, second = pairs // self.digits, pairs % self.digits
        fixed = [jnp.full_like(first, self.digits + (place == 2)) for place in (2, 3, 4)]
        inputs = jnp.stack([first, second, *fixed], -1)
        targets = jnp.stack([first, second], -1)
        latents = {"first": first, "second": second}
        return Batch(inputs, targets, jnp.ones(targets.shape, jnp.float32), latents)

    def example(self, key: Array) -> Batch:
        """Draw a pair."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw pairs that are not held out, evenly."""
        numbers = range(self.first_world, self.first_world + self.worlds)
        order_WT = np.stack([order_of_pairs(self.digits, n)[: self.training] for n in numbers])
        place_B = random.pick(random.uniform(key, (size,)), jnp.int32(self.training))
        return self.spell(jnp.asarray(order_WT)[jnp.asarray(self.world).astype(jnp.int32), place_B])

    def split(self) -> dict[str, Batch]:
        """The pairs that are drawn, and those held out."""
        order = order_of_pairs(self.digits, self.first_world + int(np.asarray(self.world)))
        parts = {"train": order[: self.training], "test": order[self.training :]}
        return {name: self.spell(jnp.asarray(part)) for name, part in parts.items()}

    def enumerate(self) -> Batch:
        """Every pair that is drawn."""
        return self.split()["train"]

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether inputs and targets are those of the pair, and it is not held out."""
        first_B, second_B = (np.asarray(batch.latents[name]) for name in ("first", "second"))
        told = self.spell(jnp.asarray(first_B * self.digits + second_B))
        order = order_of_pairs(self.digits, self.first_world + int(np.asarray(self.world)))
        drawn_B = np.isin(first_B * self.digits + second_B, order[: self.training])
        same_B = (np.asarray(batch.inputs) == np.asarray(told.inputs)).all(-1)
        return drawn_B & same_B & (np.asarray(batch.targets) == np.asarray(told.targets)).all(-1)

    def bayes_loss(self) -> float:
        """0: the list is in the input."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (ListCopying(5, worlds=2, world=1), ListCopying(4, held_out=3, first_world=2))
