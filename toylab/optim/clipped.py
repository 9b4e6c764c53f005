"""Gradient descent whose gradient may not be longer than a given length."""

import dataclasses

import jax.numpy as jnp
import optax

from toylab.errors import check_number
from toylab.optim import Shape, constant
from toylab.task import Number

STEADY = constant()


@dataclasses.dataclass(frozen=True)
class ClippedSGD:
    """``w <- w - lr_t g min(1, longest / |g|)``, with the norm over all parameters.

    Args:
        learning_rate: peak learning rate.
        longest: length beyond which a gradient is scaled down to it.
        schedule: normalised shape of the learning rate over steps.

    Source:
        Pascanu, Mikolov and Bengio 2013 (arXiv:1211.5063), algorithm 1.
    """

    learning_rate: Number
    longest: Number = 1.0
    schedule: Shape = STEADY

    def __post_init__(self) -> None:
        check_number("ClippedSGD", "learning_rate", self.learning_rate, low=0)
        check_number("ClippedSGD", "longest", self.longest, above=0)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax chain."""
        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.chain(optax.clip_by_global_norm(self.longest), optax.sgd(rate))
