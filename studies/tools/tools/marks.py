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
    path_effects,
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
TENTH = 0.1  # of the largest score: what is kept when the size of the circuit is not known
RANKED = 10  # edges whose order is compared; the others are noise


def edge_scores(
    model: PlantedInduction,
    params: Params,
    members: pl.DataFrame,
    world: Recall,
    batch: Batch,
    steps: Sequence[int],
) -> pl.DataFrame:
    """Mark attribution with one gradient and with several, and patches of edges and of paths.

    Paths are patched one at a time between all parts that an edge joins. No MLP lies between, so
    that they should say what patches of edges do.

    Returns:
        Columns: those of the members, corruption, tool, recall (share of the path's edges among as
        many highest scores), precision (share of the path's edges among scores of at least a tenth
        of the largest), keys (what the tool predicts for its edges into queries and keys, as a
        share of the exact effect; null without such), agreement (Spearman's correlation with exact
        patches over the ten largest).
    """
    edges, tables = Edges.of(model), []
    for kind in CORRUPTIONS:
        pair, metric = pair_of(world, batch, kind)
        exact_PE = np.asarray(edge_effects(model, params, *pair, metric))
        paths = [(edges.writers[w], edges.readers[r]) for r, w in np.argwhere(edges.possible)]
        paths_PE = np.asarray(path_effects(model, params, *pair, metric, paths))
        found = {"exact": exact_PE, "paths": paths_PE}
        for m in steps:
            scores = np.asarray(edge_attribution(model, params, *pair, metric, m))
            found["EAP" if m == 0 else f"EAP-IG {m}"] = scores[:, edges.possible]
        for tool, scores_PE in found.items():
            marks = [_mark(edges, kind, *row) for row in zip(scores_PE, exact_PE, strict=True)]
            about = {"corruption": pl.lit(kind), "tool": pl.lit(tool)}
            tables.append(members.with_columns(**about).hstack(pl.DataFrame(marks)))
    return pl.concat(tables)


def pair_of(world: Recall, batch: Batch, kind: str) -> tuple[tuple[Array, Array], Partial]:
    """Return clean and corrupt tokens, and the metric: the answer's logit against the mean."""
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
        "precision": float(path_E[large(scores_E)].mean()),
        "keys": float(np.abs(scores_E[keys_E]).sum() / size) if inward else None,
        "agreement": float(np.corrcoef(rankdata(scores_E[largest]), rankdata(order))[0, 1]),
    }


def high(scores_E: np.ndarray, count: int) -> np.ndarray:
    """Return the mask of the highest scores, by their size."""
    chosen_E = np.zeros(len(scores_E), bool)
    chosen_E[np.argsort(-np.abs(scores_E), kind="stable")[:count]] = True
    return chosen_E


def large(scores_E: np.ndarray) -> np.ndarray:
    """Return the mask of scores of at least a tenth of the largest, by their size."""
    return np.abs(scores_E) >= TENTH * np.abs(scores_E).max()


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
    kept = [planted, *edges.drawn(int(planted.sum()), count)]
    for kind in CORRUPTIONS:
        pair, metric = pair_of(world, batch, kind)
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
