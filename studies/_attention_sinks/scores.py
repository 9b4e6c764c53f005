"""What a head does with ``<s>``: one number per network for each symptom of a sink.

B batch, L queries, M keys, K head dimension, D width, V vocabulary, P members.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tasks.backcopy import BigramBackcopy
from toylab.interventions import zero_ablate
from toylab.models import Transformer
from toylab.taps import Edit, run
from toylab.task import Batch

HEAD = "blocks/0/attn"
SITES = (f"{HEAD}/v", f"{HEAD}/scores", f"{HEAD}/pattern", "blocks/0/resid_post")
CONDITIONS = (
    "whole",
    "no attention",
    "no MLP",
    "sink closed",
    "no value of <s>",
    "symbol in first place",
)


def _mean(x_BL: Array, where_BL: Array) -> Array:
    """Mean over the places where the mask holds; NaN where it never does."""
    return jnp.sum(jnp.where(where_BL, x_BL, 0)) / jnp.sum(where_BL, dtype=jnp.float32)


def queries(batch: Batch, n_frequent: int) -> tuple[Array, Array]:
    """Masks (B, L) of queries on one of the frequent symbols, and on any other.

    Only places from a quarter of the length on: before, an even pattern too gives ``<s>`` much.
    """
    length = batch.inputs.shape[1]
    late_L = jnp.arange(length) >= max(1, length // 4)
    is_frequent_BL = batch.inputs < n_frequent
    return is_frequent_BL & late_L[None], ~is_frequent_BL & late_L[None]


def symptoms(acts: dict[str, Array], w_o_KD: Array, masks: tuple[Array, Array]) -> dict[str, Array]:
    """The symptoms of a sink, from one head's recorded activations.

    ``logit_gap`` is the score of ``<s>`` less the mean score of the other keys in view.

    Args:
        acts: at ``SITES``.
        w_o_KD: the head's output weights.
        masks: of queries on triggers and on others (B, L).
    """
    on_BL, off_BL = masks
    pattern_BLM, score_BLM = acts[SITES[2]][:, 0], acts[SITES[1]][:, 0]
    length = pattern_BLM.shape[1]
    place_L = jnp.arange(length, dtype=jnp.float32)
    seen_LM = jnp.tril(jnp.ones((length, length), jnp.float32)).at[:, 0].set(0)
    others_BL = jnp.sum(score_BLM * seen_LM[None], -1) / jnp.maximum(place_L, 1)[None]
    before_BL = jnp.pad(jnp.diagonal(pattern_BLM, -1, 1, 2), ((0, 0), (1, 0)))
    even_BL = jnp.broadcast_to(1 / (place_L + 1)[None], on_BL.shape)
    value_BL = jnp.linalg.norm(acts[SITES[0]][:, :, 0] @ w_o_KD[None], axis=-1)
    resid_BL = jnp.linalg.norm(acts[SITES[3]], axis=-1)
    return {
        "sink_off": _mean(pattern_BLM[..., 0], off_BL),
        "sink_on": _mean(pattern_BLM[..., 0], on_BL),
        "second_off": _mean(pattern_BLM[..., 1], off_BL),
        "before_on": _mean(before_BL, on_BL),
        "even": _mean(even_BL, off_BL),
        "logit_gap": _mean(score_BLM[..., 0] - others_BL, off_BL),
        "value_start": value_BL[:, 0].mean(),
        "value_other": value_BL[:, 1:].mean(),
        "resid_start": resid_BL[:, 0].mean(),
        "resid_other": resid_BL[:, 1:].mean(),
    }


def risks(logits_BLV: Array, oracle_BLV: Array, masks: tuple[Array, Array]) -> dict[str, Array]:
    """Cross-entropy to the oracle's probabilities on triggers and elsewhere, and its floors."""
    on_BL, off_BL = masks
    risk_BL = -jnp.sum(oracle_BLV * jax.nn.log_softmax(logits_BLV), -1)
    floor_BL = jnp.sum(jax.scipy.special.entr(oracle_BLV), -1)
    return {
        "bigram_risk": _mean(risk_BL, off_BL),
        "bigram_floor": _mean(floor_BL, off_BL),
        "backcopy_risk": _mean(risk_BL, on_BL),
        "backcopy_floor": _mean(floor_BL, on_BL),
    }


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def scores(
    model: Transformer, task: BigramBackcopy, n_frequent: int, params_P: Any, batch: Batch
) -> dict[str, Array]:
    """All scores of every member of a population, ``{name: (P,)}``."""
    masks, oracle_BLV = queries(batch, n_frequent), task.oracle(batch)

    def one(params: Any) -> dict[str, Array]:
        logits_BLV, acts = run(model, params, batch.inputs, record=SITES)
        w_o_KD = params["blocks"]["0"]["attn"]["w_o"][0]
        return symptoms(acts, w_o_KD, masks) | risks(logits_BLV, oracle_BLV, masks)

    return jax.vmap(one)(params_P)


def edits_of(condition: str, length: int) -> tuple[Edit, ...]:
    """The edits that make a condition; an ablation sets a site to zero."""
    first_L = np.arange(length) == 0
    if condition == "no attention":
        return (zero_ablate(f"{HEAD}/out"),)
    if condition == "no MLP":
        return (zero_ablate("blocks/0/mlp/out"),)
    if condition == "no value of <s>":
        return (zero_ablate(f"{HEAD}/v", first_L[None, :, None, None]),)
    if condition == "sink closed":
        # The first query has no other key, so it keeps its own.
        shut_LM = first_L[None] & ~first_L[:, None]
        return (Edit(f"{HEAD}/scores", "set", np.float32(-1e9), shut_LM[None, None]),)
    return ()


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def conditions(
    model: Transformer, task: BigramBackcopy, n_frequent: int, params_P: Any, batch: Batch
) -> dict[str, dict[str, Array]]:
    """Sink and risks of every member under each condition, ``{condition: {name: (P,)}}``.

    ``symbol in first place`` shows the rarest symbol where ``<s>`` stood.
    """
    masks, oracle_BLV = queries(batch, n_frequent), task.oracle(batch)
    other_BL = batch.inputs.at[:, 0].set(task.n_symbols - 1)

    def one(params: Any, condition: str) -> dict[str, Array]:
        inputs_BL = other_BL if condition == "symbol in first place" else batch.inputs
        edits = edits_of(condition, batch.inputs.shape[1])
        logits_BLV, acts = run(model, params, inputs_BL, record=SITES[2:3], edits=edits)
        on_first_BL = acts[SITES[2]][:, 0, :, 0]
        sinks = {
            f"sink_{n}": _mean(on_first_BL, m) for n, m in zip(("on", "off"), masks, strict=True)
        }
        return sinks | risks(logits_BLV, oracle_BLV, masks)

    return {c: jax.vmap(functools.partial(one, condition=c))(params_P) for c in CONDITIONS}


@functools.partial(jax.jit, static_argnums=0)
def pattern(model: Transformer, params: Any, tokens_L: Array) -> Array:
    """The head's pattern (L, M) of one network on one sequence."""
    _, acts = run(model, params, tokens_L[None], record=SITES[2:3])
    return acts[SITES[2]][0, 0]
