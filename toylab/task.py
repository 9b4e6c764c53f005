"""Tasks: synthetic worlds with rules, a sampler and named ground truth.

A task is a frozen dataclass. Its numeric fields may be replaced by one number per member of
a population (the engine does so inside ``vmap``), so a task's methods treat them as arrays and
its ``__post_init__`` checks them with :func:`toylab.errors.check_number`, which lets traced
values pass.
"""

import abc
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from jax import Array

from toylab.check.doubles import refuse_doubles

Number = float | int | np.number | np.ndarray | Array
"""A plain number, or an array (perhaps traced) that stands for one number per member."""


class Batch(NamedTuple):
    """Examples with their ground truth; every array has the leading axis B, or none for one.

    Attributes:
        inputs: what the model sees.
        targets: what the loss compares with.
        weights: importance of each target entry, broadcastable against the targets.
        latents: named ground truth a probe may be trained on, ``{name: array}``.
    """

    inputs: Array
    targets: Array
    weights: Array
    latents: dict[str, Array]


class Task(abc.ABC):
    """A synthetic world. Subclasses are frozen dataclasses and give at least ``example``.

    Attributes:
        version: bumped only when the task's behaviour changes.
    """

    version: ClassVar[str] = "v1"

    @abc.abstractmethod
    def example(self, key: Array) -> Batch:
        """Draw one example of fixed shape, without a batch axis."""

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` independent examples; override where a whole batch is cheaper."""
        return jax.vmap(self._example)(jax.random.split(key, size))

    def _example(self, key: Array) -> Batch:
        drawn = self.example(key)
        refuse_doubles(f"{type(self).__name__}.example", drawn)  # which vmap would round
        return drawn

    def enumerate(self) -> Batch | None:
        """Return every example of a finite task, or None for an infinite one."""
        return None

    def consistent(self, batch: Batch) -> Any:
        """Return, per example, whether the latents agree with the inputs and targets."""
        return np.ones(len(batch.inputs), bool)

    def bayes_loss(self) -> float | None:
        """Loss of the best possible predictor, where it is known."""
        return None

    def uniform_loss(self) -> float | None:
        """Loss of the predictor that knows nothing of the input, where it is known."""
        return None
