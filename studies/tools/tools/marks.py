"""Marks for tools: what they find of the planted circuit.

Shape suffixes: P members, R readers, W writers, E edges.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from jax.tree_util import Partial
from scipy.stats import rankdata

from toylab.analysis.circuits import (
    Edges,
    composition,
    edge_attribution,
    edge_effects,
    keep_edges,
    logit_difference,
    score_heads,
)
from toylab.models.toys.planted import PlantedInduction
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.tools.recall import CORRUPTIONS, Recall

# What a corruption of one token passes through, edge by edge.
PATHS = {
    "key": (("embed", "a0.h0<v>"), ("a0.h0", "a1.h0<k>"), ("a1.h0", "logits")),
    "query": (("embed", "a1.h0<q>"), ("a1.h0", "logits")),
    "answer": (("embed", "a1.h0<v>"), ("a1.h0", "logits")),
}
RANKED = 10  # edges whose order is compared; the others are noise


def edge_scores(
    model: PlantedInduction,
    params: Params,
    members: pl.DataFrame,
    world: Recall,
    batch: Batch,
    steps: Sequence[int],
) -> pl.DataFrame:
    """Mark attribution with one gradient and with several, and exact patches, per corruption.

    Returns:
        Columns: those of the members, corruption, tool, recall (share of the path's edges among as
        many highest scores), keys (what the tool predicts for its edges into queries and keys, as a
        share of the exact effect; null without such), agreement (Spearman's correlation with exact
        patches over the ten largest).
    """
    edges, tables = Edges.of(model), []
    for kind in CORRUPTIONS:
        pair, metric = _pair(world, batch, kind)
        exact_PE = np.asarray(edge_effects(model, params, *pair, metric))
        found = {"exact": exact_PE}
        for m in steps:
            scores = np.asarray(edge_attribution(model, params, *pair, metric, m))
            found["EAP" if m == 0 else f"EAP-IG {m}"] = scores[:, edges.possible]
        for tool, scores_PE in found.items():
            marks = [_mark(edges, kind, *row) for row in zip(scores_PE, exact_PE, strict=True)]
            about = {"corruption": pl.lit(kind), "tool": pl.lit(tool)}
            tables.append(members.with_columns(**about).hstack(pl.DataFrame(marks)))
    return pl.concat(tables)


def _pair(world: Recall, batch: Batch, kind: str) -> tuple[tuple[Array, Array], Partial]:
    """Clean and corrupt tokens, and the metric: the answer's logit against the mean."""
    corrupt = jnp.asarray(world.corrupt(batch, kind))
    return (batch.inputs, corrupt), logit_difference(batch.targets[:, -1])


def _mark(
    edges: Edges, kind: str, scores_E: np.ndarray, exact_E: np.ndarray
) -> dict[str, float | None]:
    path_E = edges.mask(PATHS[kind])[edges.possible]
    inward = [edge for edge in PATHS[kind] if edge[1].endswith(("<q>", "<k>"))]
    keys_E = edges.mask(inward)[edges.possible]
    chosen_E = high(scores_E, int(path_E.sum()))
    largest = np.argsort(-np.abs(exact_E), kind="stable")[:RANKED]
    order, size = exact_E[largest], np.abs(exact_E[keys_E]).sum()
    return {
        "recall": float(chosen_E[path_E].mean()),
        "keys": float(np.abs(scores_E[keys_E]).sum() / size) if inward else None,
        "agreement": float(np.corrcoef(rankdata(scores_E[largest]), rankdata(order))[0, 1]),
    }


def high(scores_E: np.ndarray, count: int) -> np.ndarray:
    """Return the mask of the highest scores, by their size."""
    chosen_E = np.zeros(len(scores_E), bool)
    chosen_E[np.argsort(-np.abs(scores_E), kind="stable")[:count]] = True
    return chosen_E


def drawn_circuits(edges: Edges, true: np.ndarray, count: int) -> list[np.ndarray]:
    """Return random circuits, each of as many edges as the true one."""
    rng, places, found = np.random.default_rng(0), np.argwhere(edges.possible), []
    for _ in range(count):
        drawn = np.zeros_like(true)
        drawn[tuple(rng.permutation(places)[: true.sum()].T)] = True
        found.append(drawn)
    return found


def circuits(
    model: PlantedInduction,
    params: Params,
    members: pl.DataFrame,
    world: Recall,
    batch: Batch,
    count: int,
) -> pl.DataFrame:
    """Say how faithful the planted circuit is, and random ones of as many edges.

    Returns:
        Columns: those of the members, corruption, planted, random (mean over ``count``).
    """
    edges, tables = Edges.of(model), []
    planted = edges.mask(PlantedInduction.edges)
    kept = [planted, *drawn_circuits(edges, planted, count)]
    for kind in CORRUPTIONS:
        pair, metric = _pair(world, batch, kind)
        found = np.asarray(keep_edges(model, params, *pair, metric, kept), float)
        columns = {"planted": found[:, 0], "random": found[:, 1:].mean(1)}
        about = members.with_columns(corruption=pl.lit(kind))
        tables.append(about.with_columns(**{n: pl.Series(v) for n, v in columns.items()}))
    return pl.concat(tables)


def head_scores(model: PlantedInduction, params: Params, members: pl.DataFrame) -> pl.DataFrame:
    """Say whether composition and attention patterns point to the planted heads.

    Returns:
        Columns: those of the members; z_q, z_k, z_v, how many standard deviations of the other
        pairs the planted pair's composition lies above their mean; previous and induction, whether
        the planted head has the highest score of all.
    """
    columns: dict[str, np.ndarray] = {}
    for kind in "qkv":
        scores = np.asarray(composition(model, params, kind).scores, float)[:, 0, :, 1]
        pairs = scores.reshape(len(scores), -1)
        others = pairs[:, 1:]
        columns[f"z_{kind}"] = (pairs[:, 0] - others.mean(1)) / others.std(1, ddof=1)
    scores = score_heads(model, params)
    for name, place in (("previous", 0), ("induction", model.heads)):
        flat = np.asarray(getattr(scores, name)).reshape(members.height, -1)
        columns[name] = flat.argmax(1) == place
    return members.with_columns(**{n: pl.Series(v) for n, v in columns.items()})
