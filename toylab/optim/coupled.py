"""Adam with L2 regularisation: the decay passes through Adam's moments."""

import dataclasses

import jax.numpy as jnp
import optax

from toylab.errors import check_number
from toylab.optim import Shape, constant
from toylab.task import Number

STEADY = constant()


@dataclasses.dataclass(frozen=True)
class CoupledAdam:
    """Adam on the gradient of ``loss + weight_decay ||w||^2 / 2``.

    ``g <- g + weight_decay w``, then ``w <- w - lr_t m_hat / (sqrt(v_hat) + eps)`` with the moments
    m and v of that sum. Where the loss has no gradient left, the decay alone is normalised, and
    weights shrink by ``lr_t`` a step whatever ``weight_decay`` is: unlike
    :class:`toylab.optim.AdamW`.

    Args:
        learning_rate: peak learning rate.
        weight_decay: coefficient of the penalty, as ``weight_decay`` of PyTorch's ``Adam``.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the denominator.
        schedule: normalised shape of the learning rate over steps.

    Source:
        Loshchilov & Hutter 2019, algorithm 2, the L2 variant.
    """

    learning_rate: Number
    weight_decay: Number
    b1: Number = 0.9
    b2: Number = 0.999
    eps: float = 1e-8
    schedule: Shape = STEADY

    def __post_init__(self) -> None:
        check_number("CoupledAdam", "learning_rate", self.learning_rate, low=0)
        check_number("CoupledAdam", "weight_decay", self.weight_decay, low=0)
        check_number("CoupledAdam", "b1", self.b1, low=0, high=1)
        check_number("CoupledAdam", "b2", self.b2, low=0, high=1)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax chain with this member's numbers."""
        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.chain(
            optax.add_decayed_weights(jnp.float32(self.weight_decay)),
            optax.adam(rate, b1=self.b1, b2=self.b2, eps=self.eps),
        )
