"""How far a policy has strayed among some of its tokens.

What a policy was meant to lose does not count: of tokens that should stay alike, the divergence
says whether they did.

Shape suffixes: B sequences, L positions, V tokens.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.taps import Model, Params

LEAST = -1e9  # a logit that is never chosen


def drift_among(
    model: Model,
    params: Params,
    first: Params,
    tokens_BL: Int[Array, "B L"],
    among_BV: Bool[Array, "B V"],
    counted_BL: Bool[Array, "B L"],
) -> Float[Array, ""]:
    """Mean nats per position, ``KL(p || p_first)`` of the next token if it is one of some.

    Args:
        model: gives logits (B, L, V).
        params: of the policy.
        first: of the policy that it is compared with.
        tokens_BL: sequences, of the policy where the divergence is to be its own.
        among_BV: which tokens count, per sequence.
        counted_BL: which positions count.
    """
    some = lambda logits_BLV: jnp.where(among_BV[:, None], logits_BLV, LEAST)
    law = lambda p: jax.nn.log_softmax(some(model.apply(p, tokens_BL)))
    now_BLV, then_BLV = law(params), law(first)
    each_BLV = jnp.where(among_BV[:, None], jnp.exp(now_BLV) * (now_BLV - then_BLV), 0.0)
    weights_BL = counted_BL.astype(each_BLV.dtype)
    return jnp.sum(each_BLV.sum(-1) * weights_BL) / jnp.sum(weights_BL)
