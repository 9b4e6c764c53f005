"""AdamW with a learning rate of its own for the embedding."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from toylab.errors import check_number
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupedAdamW:
    """AdamW with a learning rate of its own, and no decay, for the embedding.

    Args:
        embed_rate: rate of the parameter ``embed``.
        learning_rate: rate of every other parameter.
        weight_decay: their decoupled decay, multiplied by their rate.
        b1: decay of the first moment.
        b2: decay of the second moment.

    Source:
        Liu et al. 2022 (arXiv:2205.10343), section 3: representation and decoder learn at
        different speeds.
    """

    embed_rate: Number
    learning_rate: Number = 1e-4
    weight_decay: Number = 0.0
    b1: float = 0.9
    b2: float = 0.999

    def __post_init__(self) -> None:
        for field in ("learning_rate", "weight_decay", "embed_rate"):
            check_number("GroupedAdamW", field, getattr(self, field), low=0)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax transformation with this member's numbers."""
        return optax.chain(optax.scale_by_adam(self.b1, self.b2), optax.stateless(self._scale))

    def _scale(self, updates: Any, params: Any) -> Any:
        rate, decay = jnp.float32(self.learning_rate), jnp.float32(self.weight_decay)
        step = lambda u, p: -rate * (u + decay * p)
        scaled = {name: jax.tree.map(step, u, params[name]) for name, u in updates.items()}
        own = lambda u: -jnp.float32(self.embed_rate) * u
        return scaled | {"embed": jax.tree.map(own, updates["embed"])}
