"""Optimisers whose numbers may differ per member.

An optimiser is a frozen dataclass with numeric fields and a method ``transform()`` that builds
an Optax transformation from them. The engine calls it inside ``vmap``, where each field may be one
member's number: the numbers are inputs of the compiled step, never constants baked into it.
A schedule is a normalised shape (at most 1) times the member's own peak.
"""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import jax.numpy as jnp
import optax
from jax import Array

from toylab.errors import check_number
from toylab.task import Number

Shape = Callable[[Array], Array]


class Optimizer(Protocol):
    """Anything with ``transform()``; numeric fields may be replaced per member."""

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax transformation."""
        ...


@dataclasses.dataclass(frozen=True)
class constant:
    """The schedule that stays at its peak."""

    def __call__(self, step: Array) -> Array:
        """Return 1."""
        return jnp.ones((), jnp.float32)


@dataclasses.dataclass(frozen=True)
class cosine:
    """Linear warm-up over ``warmup`` steps, then a half cosine down to ``floor``.

    Args:
        steps: length of the run.
        warmup: steps of linear warm-up from 0 to 1.
        floor: last value, as a share of the peak.
    """

    steps: int
    warmup: int = 0
    floor: float = 0.0

    def __call__(self, step: Array) -> Array:
        """Return the share of the peak at a step."""
        t = step.astype(jnp.float32)
        rise = t / max(self.warmup, 1)
        share = jnp.clip((t - self.warmup) / max(self.steps - self.warmup, 1), 0.0, 1.0)
        fall = self.floor + (1 - self.floor) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        return jnp.where(t < self.warmup, rise, fall)


@dataclasses.dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay; the numbers have no silent defaults that matter.

    ``w <- w - lr_t (m_hat / (sqrt(v_hat) + eps) + weight_decay w)``. Beware when comparing: Optax's
    own default decay is 1e-4, PyTorch's is 1e-2.

    Args:
        learning_rate: peak learning rate.
        weight_decay: decoupled decay, multiplied by the learning rate.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the denominator.
        schedule: normalised shape of the learning rate over steps.

    Source:
        Loshchilov & Hutter 2019, algorithm 2.
    """

    learning_rate: Number
    weight_decay: Number
    b1: Number = 0.9
    b2: Number = 0.999
    eps: float = 1e-8
    schedule: Shape = constant()

    def __post_init__(self) -> None:
        check_number("AdamW", "learning_rate", self.learning_rate, low=0)
        check_number("AdamW", "weight_decay", self.weight_decay, low=0)
        check_number("AdamW", "b1", self.b1, low=0, high=1)
        check_number("AdamW", "b2", self.b2, low=0, high=1)

    def transform(self) -> optax.GradientTransformation:
        """Build ``optax.adamw`` with this member's numbers."""
        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.adamw(
            rate, b1=self.b1, b2=self.b2, eps=self.eps, weight_decay=jnp.float32(self.weight_decay)
        )


@dataclasses.dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum: ``v <- momentum v + g; w <- w - lr_t v``.

    Args:
        learning_rate: peak learning rate.
        momentum: decay of the velocity.
        schedule: normalised shape of the learning rate over steps.
    """

    learning_rate: Number
    momentum: Number = 0.0
    schedule: Shape = constant()

    def __post_init__(self) -> None:
        check_number("SGD", "learning_rate", self.learning_rate, low=0)
        check_number("SGD", "momentum", self.momentum, low=0, high=1)

    def transform(self) -> optax.GradientTransformation:
        """Build ``optax.sgd`` with this member's numbers."""
        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.sgd(rate, momentum=self.momentum)
