"""The toy policy of four prompts and ten responses, and what is recorded while it learns."""

import dataclasses
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.models import MLP
from toylab.rl.preference import pair_log_probs
from toylab.taps import Params, Tap, identity
from toylab.task import Number, Task
from toylab.tasks.countdown.preferences import Answers, Preferences

BETA = 0.1


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


def readings(model: Policy, params: Params, task: Task) -> Mapping[str, Array]:
    """Probabilities, logits and derivatives, averaged over prompts (or pairs).

    ========== ================================================================================
    chosen     probability of the prompt's two chosen responses together; rejected, unseen alike
    raw_chosen mean logit of a chosen response; raw_rejected, raw_unseen alike
    d_chosen   mean over pairs of log10 ``|dl/dp(chosen)|``, plain DPO; d_rejected alike
    distance   total variation distance from the given reference (before DPO)
    ========== ================================================================================
    """
    if not isinstance(task, Preferences):
        return {"distance": _distance(model, params, task)}
    pairs = task.enumerate()
    logits_PR = model.apply(params, jnp.eye(task.prompts, dtype=jnp.float32))
    p_PR = jax.nn.softmax(logits_PR, axis=-1)
    target_P22 = pairs.targets.reshape(task.prompts, 2, 2)  # prompt, pair, (chosen, rejected)
    hot_P2R = jax.nn.one_hot(target_P22, task.responses, dtype=jnp.float32).sum(1)
    kinds_P3R = jnp.concatenate([hot_P2R, 1 - hot_P2R.sum(1, keepdims=True)], axis=1)
    mass_3 = jnp.einsum("pkr,pr->k", kinds_P3R, p_PR) / task.prompts
    raw_3 = jnp.einsum("pkr,pr->k", kinds_P3R, logits_PR) / kinds_P3R.sum((0, 2))
    names = ("chosen", "rejected", "unseen")
    found = dict(zip(names, mass_3, strict=True))
    found |= dict(zip([f"raw_{n}" for n in names], raw_3, strict=True))
    logp_B2 = pair_log_probs(model, params, pairs)
    reward_B2 = BETA * (logp_B2 - jnp.log(pairs.latents["reference"]))
    # dl/dr is the same for both but for its sign, and dr/dp = beta / p.
    slope_B = jax.nn.log_sigmoid(reward_B2[:, 1] - reward_B2[:, 0])
    size_2 = (slope_B[:, None] - logp_B2).mean(0) + math.log(BETA)
    return found | dict(zip(("d_chosen", "d_rejected"), size_2 / math.log(10), strict=True))


def _distance(model: Policy, params: Params, task: Task) -> Array:
    """Half the summed difference between the policy and the given distribution."""
    assert isinstance(task, Answers)
    rows = task.enumerate()
    p_BR = jax.nn.softmax(model.apply(params, rows.inputs), axis=-1)
    told_B = jnp.take_along_axis(p_BR, rows.targets[:, None], axis=1)[:, 0]
    return jnp.abs(told_B - rows.weights / task.responses).sum() / (2 * task.prompts)
