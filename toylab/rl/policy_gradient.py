"""Parts of policy gradients on sampled tokens: advantages, ratios, divergences, masks.

Shape suffixes: B prompts, G completions of a prompt, N sequences, S tokens of a completion.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.task import Number

EPS = 1e-6
MAX_LOG_RATIO = 20.0
MAX_K3 = 10.0


def group_advantages(reward_BG: Float[Array, "B G"], scale: bool = True) -> Float[Array, "B G"]:
    """Advantages within each group: ``r - mean(r)``, divided by ``std(r) + 1e-6`` if scaled.

    They sum to 0 in each group, and are exactly 0 where all its rewards are equal. The standard
    deviation is that of a sample (G - 1).

    Args:
        reward_BG: rewards of the completions of each prompt; one that is not finite makes its
            group NaN.
        scale: whether to divide.
    """
    # Equal rewards must cancel exactly, which their rounded mean may not.
    past_BG = reward_BG - reward_BG[:, :1]
    centred_BG = past_BG - jnp.mean(past_BG, 1, keepdims=True)
    if not scale:
        return centred_BG
    return centred_BG / (jnp.std(centred_BG, 1, keepdims=True, ddof=1) + EPS)


def clipped_surrogate(
    logp: Float[Array, "*N"], old: Float[Array, "*N"], advantage: Float[Array, "*N"], clip: Number
) -> Float[Array, "*N"]:
    """``min(rho A, clip(rho, 1 - c, 1 + c) A)`` with ``rho = exp(logp - old)``, to be made large.

    Args:
        logp: log-probability of each token under the policy.
        old: the same under the behaviour that it was sampled from.
        advantage: broadcastable.
        clip: c.
    """
    past = jnp.clip(logp - old, -MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio, clip = jnp.exp(past), jnp.asarray(clip, logp.dtype)
    advantage = jnp.broadcast_to(advantage, ratio.shape)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


def k3(logp: Float[Array, "*N"], reference: Float[Array, "*N"]) -> Float[Array, "*N"]:
    """``exp(d) - 1 - d`` with ``d = reference - logp``, at most 10: the divergence, token by token.

    Where tokens are sampled from the policy its mean is the divergence KL(policy || reference); it
    is never below 0, and 0 where the two agree. A token that the cap has reached, one that the
    reference holds e^2.6 times likelier, has no gradient: it pulls nowhere. trl has no cap.

    Args:
        logp: log-probability of each token under the policy.
        reference: the same under the reference.

    Source:
        Schulman 2020, "Approximating KL divergence"; the cap is that of verl.
    """
    past = jnp.clip(reference - logp, -MAX_LOG_RATIO, MAX_LOG_RATIO)
    return jnp.clip(jnp.expm1(past) - past, 0, MAX_K3)


def until_stop(tokens_NS: Int[Array, "N S"], stop: int | None) -> Bool[Array, "N S"]:
    """Whether each token belongs to its completion: those up to the first stop, and it too."""
    if stop is None:
        return jnp.ones(tokens_NS.shape, bool)
    stops_NS = (tokens_NS == stop).astype(jnp.int32)
    return jnp.cumsum(stops_NS, 1) - stops_NS == 0
