"""What a head does with ``<s>``: one number per network for each symptom of a sink.

B batch, L queries, M keys, K head dimension, D width, V vocabulary, P members.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from toylab.analysis.sinks import masked_mean, sink_sites, sink_symptoms
from toylab.change import NOTHING, Change, at, knock_out, run_changes, zero
from toylab.models import Transformer
from toylab.taps import run
from toylab.task import Batch
from toylab.tasks.in_context.backcopy import BigramBackcopy

HEAD = "blocks/0/attn"


def queries(batch: Batch, n_frequent: int) -> tuple[Array, Array]:
    """Masks (B, L) of queries on one of the frequent symbols, and on any other.

    Only from a quarter of the length on: before, uniform attention too gives ``<s>`` much.
    """
    length = batch.inputs.shape[1]
    late_L = jnp.arange(length) >= max(1, length // 4)
    is_frequent_BL = batch.inputs < n_frequent
    return is_frequent_BL & late_L[None], ~is_frequent_BL & late_L[None]


def risks(logits_BLV: Array, oracle_BLV: Array, masks: tuple[Array, Array]) -> dict[str, Array]:
    """Cross-entropy to the oracle's probabilities on triggers and elsewhere, and its floors."""
    on_BL, off_BL = masks
    risk_BL = -jnp.sum(oracle_BLV * jax.nn.log_softmax(logits_BLV), -1)
    floor_BL = jnp.sum(jax.scipy.special.entr(oracle_BLV), -1)
    return {
        "bigram_risk": masked_mean(risk_BL, off_BL),
        "bigram_floor": masked_mean(floor_BL, off_BL),
        "backcopy_risk": masked_mean(risk_BL, on_BL),
        "backcopy_floor": masked_mean(floor_BL, on_BL),
    }


class Exam(NamedTuple):
    """Sequences that networks are judged on, with what the oracle and the masks say of them."""

    batch: Batch
    oracle_BLV: Array
    masks: tuple[Array, Array]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def draw_exam(
    task: BigramBackcopy, n_frequent: int, size: int, n_triggers: Array, key: Array
) -> Exam:
    """Draw ``size`` sequences with that number of triggers, and mark the ``n_frequent`` symbols."""
    task = dataclasses.replace(task, n_triggers=n_triggers)
    batch = task.batch(key, size)
    return Exam(batch, task.oracle(batch), queries(batch, n_frequent))


def changes(length: int) -> dict[str, Change]:
    """What is ablated under each condition."""
    return {
        "whole": NOTHING,
        "no attention": zero(f"{HEAD}/out"),
        "no MLP": zero("blocks/0/mlp/out"),
        "sink closed": knock_out(0, queries=range(1, length), keys=0),
        "no value of <s>": zero(at(f"{HEAD}/v", 0)),
    }


def risks_under(
    model: Transformer, params_P: Any, exam: Exam, rarest: int
) -> dict[str, dict[str, Array]]:
    """Risks of every member by condition, ``{condition: {name: (P,)}}``.

    Under ``symbol in first place`` the rarest symbol stands where ``<s>`` stood.
    """
    conditions, inputs_BL = changes(exam.batch.inputs.shape[1]), exam.batch.inputs
    logits_CPBLV = run_changes(model, params_P, inputs_BL, list(conditions.values()))
    other_BL = inputs_BL.at[:, 0].set(rarest)
    other_1PBLV = run_changes(model, params_P, other_BL, [NOTHING])
    every = jnp.concatenate([logits_CPBLV, other_1PBLV])
    judge = lambda logits_BLV: risks(logits_BLV, exam.oracle_BLV, exam.masks)
    found_CP = jax.jit(jax.vmap(jax.vmap(judge)))(every)
    names = [*conditions, "symbol in first place"]
    return {c: {n: v_CP[i] for n, v_CP in found_CP.items()} for i, c in enumerate(names)}


@functools.partial(jax.jit, static_argnums=0)
def scores(model: Transformer, params_P: Any, exam: Exam) -> tuple[dict[str, Array], Array]:
    """All scores of every member, ``{name: (P,)}``; patterns on the first sequence (P, L, M)."""

    def one(params: Any) -> tuple[dict[str, Array], Array]:
        logits_BLV, acts = run(model, params, exam.batch.inputs, record=sink_sites(0))
        w_o_KD = params["blocks"]["0"]["attn"]["w_o"][0]
        found = sink_symptoms(acts, w_o_KD, exam.masks)
        return found | risks(logits_BLV, exam.oracle_BLV, exam.masks), acts[f"{HEAD}/pattern"][0, 0]

    return jax.vmap(one)(params_P)
