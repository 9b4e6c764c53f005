"""Attention sinks: what a head does with the first token, one number for each symptom.

Masks say at which queries; none should be so early that uniform attention too gives the first
token much. B batch, L queries, M keys, K head dimension, D width.

Source: Guo et al. 2024, Active-dormant attention heads (arXiv:2410.13835).
"""

import jax.numpy as jnp
from jax import Array


def sink_sites(block: int) -> tuple[str, ...]:
    """Return the sites of a block that :func:`sink_symptoms` reads."""
    of = lambda part: f"blocks/{block}/{part}"
    return (of("attn/v"), of("attn/scores"), of("attn/pattern"), of("resid_post"))


def masked_mean(x_BL: Array, where_BL: Array) -> Array:
    """Return the mean over the positions where a mask holds; NaN where it never does."""
    return jnp.sum(jnp.where(where_BL, x_BL, 0)) / jnp.sum(where_BL, dtype=jnp.float32)


def sink_share(pattern_BLM: Array) -> Array:
    """Return the first token's share (B, L) of a query's attention; 0 where there is none.

    A softmax pattern sums to 1, so that the share is the attention. A ReLU pattern does not.
    """
    sum_BL = pattern_BLM.sum(-1)
    return jnp.where(sum_BL == 0, 0, pattern_BLM[..., 0] / jnp.where(sum_BL == 0, 1, sum_BL))


def sink_symptoms(
    acts: dict[str, Array], w_o_KD: Array, masks: tuple[Array, Array], block: int = 0, head: int = 0
) -> dict[str, Array]:
    """Return the symptoms of a sink, from one head's recorded activations.

    ========== ================================================================================
    sink       attention to the first token, at queries of either mask (``_on``, ``_off``)
    share      its share of the pattern's sum, likewise
    second_off attention to the second token; ``even``: what a uniform pattern gives the first
    logit_gap  score of the first token minus the mean score of the other keys in view
    value      norm of what the head writes for the first token (``_start``) and for others
    resid      norm of the residual stream after the block, likewise
    ========== ================================================================================

    Args:
        acts: at :func:`sink_sites` of the block.
        w_o_KD: the head's output weights.
        masks: of the queries at which the head should be on, and off, (B, L) each.
        block: which block.
        head: which head of it.
    """
    on_BL, off_BL = masks
    value, score, pattern, resid = (acts[site] for site in sink_sites(block))
    pattern_BLM, score_BLM = pattern[:, head], score[:, head]
    length = pattern_BLM.shape[1]
    position_L = jnp.arange(length, dtype=jnp.float32)
    seen_LM = jnp.tril(jnp.ones((length, length), jnp.float32)).at[:, 0].set(0)
    others_BL = jnp.sum(score_BLM * seen_LM[None], -1) / jnp.maximum(position_L, 1)[None]
    even_BL = jnp.broadcast_to(1 / (position_L + 1)[None], on_BL.shape)
    value_BL = jnp.linalg.norm(value[:, :, head] @ w_o_KD[None], axis=-1)
    resid_BL = jnp.linalg.norm(resid, axis=-1)
    return {
        "sink_off": masked_mean(pattern_BLM[..., 0], off_BL),
        "sink_on": masked_mean(pattern_BLM[..., 0], on_BL),
        "share_off": masked_mean(sink_share(pattern_BLM), off_BL),
        "share_on": masked_mean(sink_share(pattern_BLM), on_BL),
        "second_off": masked_mean(pattern_BLM[..., 1], off_BL),
        "even": masked_mean(even_BL, off_BL),
        "logit_gap": masked_mean(score_BLM[..., 0] - others_BL, off_BL),
        "value_start": value_BL[:, 0].mean(),
        "value_other": value_BL[:, 1:].mean(),
        "resid_start": resid_BL[:, 0].mean(),
        "resid_other": resid_BL[:, 1:].mean(),
    }
