"""Preference tuning: summed log-probabilities of pairs, and the DPO loss on them.

A batch of pairs has the chosen response first and the rejected one second, on axis 1: inputs
(B, 2, ...) are what the model sees of each, targets (B, 2, ...) the response's tokens, and weights,
broadcastable to the targets, are 1 where a target belongs to the response and 0 in the prompt and
after the end. A response of one token has targets (B, 2), one of many has (B, 2, L); everything
here serves both. Inputs of a categorical response are the prompt, twice.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy_from_logits
from toylab.taps import Model, Params
from toylab.task import Batch, Number


def pair_log_probs(model: Model, params: Params, batch: Batch) -> Float[Array, "B 2"]:
    """Log-probability of both responses, ``log p(y | x) = sum_t w_t log p(y_t | x, y_<t)``.

    Args:
        model: gives logits (2B, ..., V) for inputs (2B, ...).
        params: its parameters.
        batch: pairs, as the module describes them.

    Returns:
        Chosen and rejected, in nats.

    Raises:
        ToylabError: inputs or targets without the axis of the pair.
    """
    shapes = [jnp.shape(leaf)[1:2] for leaf in (batch.inputs, batch.targets)]
    if any(shape != (2,) for shape in shapes):
        raise ToylabError(
            f"Preference pairs: inputs {jnp.shape(batch.inputs)}, targets "
            f"{jnp.shape(batch.targets)}; give (B, 2, ...), the chosen response first."
        )
    merged = lambda leaf: leaf.reshape(-1, *leaf.shape[2:])
    logits = model.apply(params, merged(batch.inputs))
    nats = cross_entropy_from_logits(logits, merged(batch.targets)).reshape(batch.targets.shape)
    weights = jnp.broadcast_to(batch.weights, nats.shape).astype(nats.dtype)
    return -jnp.sum(weights * nats, tuple(range(2, nats.ndim)))


def logistic_preference(reward_B2: Float[Array, "B 2"]) -> Float[Array, " B"]:
    """Loss of a reward model, ``-log sigma(r_chosen - r_rejected)``.

    Source:
        Bradley and Terry 1952; as the loss of reward models, Ouyang et al. 2022 (2203.02155).
    """
    return jax.nn.softplus(reward_B2[:, 1] - reward_B2[:, 0])


@dataclasses.dataclass(frozen=True)
class DPO:
    """Direct preference optimisation, its gradients uneven or its chosen response held if asked.

    With ``r = beta log(p(y | x) / p_ref(y | x))`` for each response and its own beta,
    ``l = -log sigma(r_chosen - r_rejected) - sft log p(y_chosen | x)``.

    The loss of a pair is that of a reward model whose reward is ``r``. Its derivatives by the two
    probabilities are in the ratio ``|dl/dp_rejected| / |dl/dp_chosen| = p_chosen / p_rejected`` (at
    equal betas, without the last term). A response of one token has ``log p = z - log Z``: at equal
    betas the two ``log Z`` cancel, and the derivatives by the two logits are even.

    Args:
        beta_chosen: beta of the chosen response.
        beta_rejected: beta of the rejected one; smaller than ``beta_chosen`` in Flex-DPO.
        sft: weight of the chosen response's summed negative log-likelihood.
        reference: parameters of the reference, the member's first; the engine binds them.

    Raises:
        ToylabError: a number below 0, or a call without a reference.

    Source:
        Rafailov et al. 2023 (2305.18290); Flex-DPO and the ratio: Yan et al. 2024 (2406.07327).

    Example:
        >>> from toylab.tasks.countdown.preferences import Preferences
        >>> from toylab.models import MLP
        >>> model, pairs = MLP((4, 10)), Preferences().enumerate()
        >>> params = model.init(jax.random.key(0))
        >>> DPO(reference=params)(model, params, pairs).shape
        (8,)
    """

    beta_chosen: Number = 0.1
    beta_rejected: Number = 0.1
    sft: Number = 0.0
    reference: Params | None = None
    lagged: ClassVar[Mapping[str, int]] = {"reference": 0}

    def __post_init__(self) -> None:
        for name in ("beta_chosen", "beta_rejected", "sft"):
            check_number("DPO", name, getattr(self, name), low=0)

    def bind(self, model: Model, batch: Batch, lagged: Mapping[str, Params]) -> tuple["DPO", Batch]:
        """Return the loss with its reference, the member's first parameters."""
        return dataclasses.replace(self, **lagged), batch

    def rewards(self, model: Model, params: Params, batch: Batch) -> Float[Array, "B 2"]:
        """Implicit rewards ``beta log(p / p_ref)`` of chosen and rejected."""
        return self._rewards(model, pair_log_probs(model, params, batch), batch)

    def __call__(self, model: Model, params: Params, batch: Batch) -> Float[Array, " B"]:
        """Loss of each pair."""
        logp_B2 = pair_log_probs(model, params, batch)
        loss_B = logistic_preference(self._rewards(model, logp_B2, batch))
        return loss_B - jnp.asarray(self.sft, logp_B2.dtype) * logp_B2[:, 0]

    def _rewards(self, model: Model, logp_B2: Array, batch: Batch) -> Array:
        if self.reference is None:
            raise ToylabError("DPO: no reference; give reference = parameters of the reference.")
        known_B2 = jax.lax.stop_gradient(pair_log_probs(model, self.reference, batch))
        betas = [jnp.asarray(b, logp_B2.dtype) for b in (self.beta_chosen, self.beta_rejected)]
        return jnp.stack(betas)[None] * (logp_B2 - known_B2)
