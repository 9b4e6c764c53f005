"""A policy over a few responses: a network, or a table of free logits."""

import dataclasses

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.models.mlp import MLP
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class Policy:
    """One-hot prompts (B, P) to logits (B, R), by a network or by a table of free logits.

    ``logits = (1 - free) mlp(x) + free x T``: at ``free = 1`` every prompt has logits of its own,
    no two of which share a parameter; the network then has no gradient.

    Args:
        prompts: P.
        responses: R.
        hidden: width of both hidden layers.
        free: 0 for the network, 1 for the table; may differ per member.
    """

    prompts: int = 4
    responses: int = 10
    hidden: int = 64
    free: Number = 0.0

    @property
    def network(self) -> MLP:
        """The network."""
        return MLP((self.prompts, self.hidden, self.hidden, self.responses))

    @property
    def sites(self) -> tuple[str, ...]:
        """The one site."""
        return ("logits",)

    def init(self, key: Array) -> Params:
        """Draw the network; the table starts at 0."""
        table = jnp.zeros((self.prompts, self.responses), jnp.float32)
        return {"mlp": self.network.init(key), "table": table}

    def apply(
        self, params: Params, inputs: Float[Array, "B P"], tap: Tap = identity
    ) -> Float[Array, "B R"]:
        """Map prompts to logits, calling ``tap`` at ``logits``."""
        free = jnp.asarray(self.free, jnp.float32)
        shared = self.network.apply(params["mlp"], inputs)
        return tap("logits", (1 - free) * shared + free * (inputs @ params["table"]))
