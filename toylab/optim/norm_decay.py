"""Adam with a decay of columns, towards 0 or towards length 1."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import optax

from toylab.errors import check_number
from toylab.optim import Shape, constant
from toylab.task import Number

STEADY = constant()


@dataclasses.dataclass(frozen=True)
class NormDecay:
    """Adam with a decay of the columns of the matrix ``W``: to 0 for gamma >= 0, else to norm 1.

    ``W_i <- W_i - lr gamma W_i``                    for gamma >= 0,
    ``W_i <- W_i - lr gamma W_i (1/||W_i|| - 1)``    for gamma < 0; biases do not decay.

    Args:
        learning_rate: peak learning rate.
        gamma: coefficient of the decay.
        schedule: normalised shape of the learning rate.

    Source:
        Liu et al. 2025 (arXiv:2505.10465), section 2.
    """

    learning_rate: Number
    gamma: Number
    schedule: Shape = STEADY

    def __post_init__(self) -> None:
        check_number("NormDecay", "learning_rate", self.learning_rate, low=0)
        check_number("NormDecay", "gamma", self.gamma)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax chain."""

        def decay(updates: Any, params: Any) -> Any:
            W_MN = params["W"]
            norm_N = jnp.sqrt(jnp.sum(W_MN**2, 0) + 1e-12)
            pull_N = jnp.where(jnp.float32(self.gamma) >= 0, 1.0, 1 / norm_N - 1)
            return updates | {"W": updates["W"] + self.gamma * pull_N[None] * W_MN}

        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.chain(
            optax.scale_by_adam(),
            optax.stateless(decay),
            optax.scale_by_learning_rate(rate),
        )
