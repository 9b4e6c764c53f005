"""AdamW on a sphere: the norm of all weights is held."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from toylab.errors import check_number
from toylab.optim import AdamW
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeldAdamW:
    """AdamW, after each step of which all weights are scaled back to their first norm.

    ``w <- w' (|w_0| / |w'|)^hold`` with ``w'`` the weights after AdamW's step and the norm over all
    parameters: ``hold = 1`` keeps the norm, ``hold = 0`` is AdamW.

    Args:
        learning_rate: learning rate.
        weight_decay: decoupled decay, multiplied by the rate.
        hold: 1 to hold the norm, 0 to let it go; may differ per member.
        b1: decay of the first moment.
        b2: decay of the second moment.

    Source:
        Liu et al. 2023, Omnigrok (arXiv:2210.01117), figure 7.
    """

    learning_rate: Number
    weight_decay: Number
    hold: Number = 0.0
    b1: float = 0.9
    b2: float = 0.98

    def __post_init__(self) -> None:
        check_number("HeldAdamW", "hold", self.hold, low=0, high=1)
        self._adam()

    def _adam(self) -> AdamW:
        return AdamW(self.learning_rate, self.weight_decay, b1=self.b1, b2=self.b2)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax transformation with this member's numbers."""
        return optax.chain(self._adam().transform(), hold_norm(self.hold))


class FirstNorm(NamedTuple):
    """Norm of all parameters before the first step."""

    norm: Array


def hold_norm(hold: Number) -> optax.GradientTransformation:
    """Turn an update into one that ends at weights scaled by ``(|w_0| / |w'|)^hold``."""

    def init(params: Any) -> FirstNorm:
        return FirstNorm(optax.tree.norm(params))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        ahead = jax.tree.map(lambda p, u: p + u, params, updates)
        ratio = state.norm / jnp.maximum(optax.tree.norm(ahead), 1e-12)
        scale = ratio ** jnp.float32(hold)
        return jax.tree.map(lambda a, p: scale * a - p, ahead, params), state

    return optax.GradientTransformation(init, update)
