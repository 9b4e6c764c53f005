"""Maximum likelihood of whole sequences, and reward models trained on comparisons."""

import jax.numpy as jnp
from jax import Array

from toylab.losses import cross_entropy_from_logits
from toylab.rl.preference import logistic_preference
from toylab.taps import Model, Params
from toylab.task import Batch


def sequence_nats(model: Model, params: Params, batch: Batch) -> Array:
    """Negative log-likelihood of each sequence in nats, summed over its tokens by weight, (B,).

    Its mean over data is least at the data's own law. A mean over each sequence's tokens
    (:func:`toylab.losses.cross_entropy`) is not, where lengths differ: it counts the tokens of
    short sequences for more.

    Args:
        model: gives logits (B, L, V).
        params: its parameters.
        batch: targets (B, L), weights broadcastable to them.
    """
    nats_BL = cross_entropy_from_logits(model.apply(params, batch.inputs), batch.targets)
    return jnp.sum(jnp.broadcast_to(batch.weights, nats_BL.shape) * nats_BL, 1)


def comparison_nats(model: Model, params: Params, batch: Batch) -> Array:
    """Loss of a reward model on each pair, ``-w log sigma(r_first - r_second)``, (B,).

    Args:
        model: gives one number (N, 1) for each sequence.
        params: its parameters.
        batch: inputs (B, 2, L), the preferred sequence first; weights (B, 1), 0 where neither is.

    Source:
        Bradley and Terry 1952; as the loss of reward models, Ouyang et al. 2022 (2203.02155).
    """
    flat = batch.inputs.reshape(-1, batch.inputs.shape[-1])
    reward_B2 = model.apply(params, flat).reshape(-1, 2)
    return batch.weights[:, 0] * logistic_preference(reward_B2)
