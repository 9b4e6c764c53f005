"""Networks and counters run over groups of walks; and how far back a network's heads look."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attention_lags import attention_after_copies, attention_by_lag
from toylab.change import stream
from toylab.models import Transformer
from toylab.read.tables import labelled, long_table
from toylab.taps import Params
from toylab.taps import run as forward
from toylab.task import Batch
from toylab.tasks.in_context import ring_walks
from toylab.tasks.in_context.graph_tracing import GraphTracing

from .curves import COUNTERS, Curve, counter, score

MOST_AFTER = 20  # places after a visit


@functools.partial(jax.jit, static_argnames=("model", "task"))
def through(
    model: Transformer, task: GraphTracing, params: Params, batch: Batch
) -> tuple[Curve, Array]:
    """Curves, and the residual stream (S, B, L, D) before the first block and after each."""
    sites = stream(model)
    logits, acts = forward(model, params, batch.inputs, record=sites)
    rule_BLV = task.rule(batch, previous=False)
    curve = score(jax.nn.log_softmax(logits), batch.targets, rule_BLV)
    return curve, jnp.stack([acts[site] for site in sites])


@functools.partial(jax.jit, static_argnames=("task",))
def counters(task: GraphTracing, batch: Batch) -> dict[str, Curve]:
    """Curves of the counters."""
    return {name: counter(task, batch, *how) for name, how in COUNTERS.items()}


def over_groups(function: Callable[[Batch], Any], batch_G: Batch) -> Any:
    """Call a function on each group of walks and stack what it returns, on the host."""
    count = len(batch_G.inputs)
    groups = (jax.tree.map(lambda x, g=g: x[g], batch_G) for g in range(count))
    found = [jax.tree.map(np.asarray, function(group)) for group in groups]
    return jax.tree.map(lambda *parts: np.stack(parts), *found)


@functools.partial(jax.jit, static_argnames=("model",))
def _patterns(model: Transformer, params: Params, tokens_BL: Array) -> list[Array]:
    """Attention (B, H, L, L) of every block."""
    return list(forward(model, params, tokens_BL, record=("blocks/*/attn/pattern",))[1].values())


def attention_tables(
    model: Transformer, params: Params, tokens_BL: Array
) -> dict[str, pl.DataFrame]:
    """Attention of each head by lag, and by how many places after a visit to the present node."""
    lags, copies, tokens = [], [], np.asarray(tokens_BL)
    for block, pattern in enumerate(_patterns(model, params, tokens_BL), start=1):
        late_HT = attention_by_lag(np.asarray(pattern).mean(0))
        lags.append(
            labelled(long_table({"head": None, "lag": None}, attention=late_HT), block=block)
        )
        share_HT, chance_T = attention_after_copies(np.asarray(pattern), tokens, MOST_AFTER)
        found = {"attention": share_HT, "chance": np.broadcast_to(chance_T, share_HT.shape)}
        copies.append(labelled(long_table({"head": None, "after": None}, **found), block=block))
    return {"lags": pl.concat(lags), "copies": pl.concat(copies)}


def turned_table(model: Transformer, params: Params, walks: ring_walks.Walks) -> pl.DataFrame:
    """Masses soon after a turn on a ring, on the node ahead and on that not seen for longest."""
    logits_BLV, _ = forward(model, params, walks.tokens_BL)
    p_PBLV = np.asarray(jax.nn.softmax(logits_BLV))[None]
    return pl.DataFrame(ring_walks.after_turns(walks, p_PBLV))
