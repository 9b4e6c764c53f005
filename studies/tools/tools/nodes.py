"""Marks for attribution patching: which heads it says a corruption passes through.

Shape suffixes: P members, N heads of all layers.
"""

import functools

import jax
import numpy as np
import polars as pl
from jax import Array
from jax.tree_util import Partial

from toylab.analysis.circuits import attribution_patching, layer_by_head, patch_effects
from toylab.models.toys.planted import PlantedInduction
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.tools.recall import CORRUPTIONS, Recall

from .marks import PATHS, high, large, pair_of

EARLY, LATE = "a0.h0", "a1.h0"  # the previous-token head, and the induction head


def node_scores(
    model: PlantedInduction, params: Params, members: pl.DataFrame, world: Recall, batch: Batch
) -> pl.DataFrame:
    """Mark attribution patching and exact patches of every head, per corruption.

    Returns:
        Columns: those of the members, corruption, tool ("attribution", "exact"), recall (share of
        the path's heads among as many highest scores), precision (share of the path among scores
        of at least a tenth of the largest), early and late (the score of the previous-token and of
        the induction head, per exact effect; early is null where nothing passes through that head).
    """
    names = [f"a{i}.h{h}" for i in range(model.depth) for h in range(model.heads)]
    sites = [f"blocks/{i}/attn/z" for i in range(model.depth)]
    tables = []
    for kind in CORRUPTIONS:
        pair, metric = pair_of(world, batch, kind)
        shares = patch_effects(model, params, *pair, metric, layer_by_head(model), "noising")
        best_P, worst_P = np.asarray(_answers(model, metric, params, pair))
        first = attribution_patching(model, params, *pair, metric, sites)
        count = len(best_P)
        found = {
            "exact": np.asarray(shares).reshape(count, -1) * (worst_P - best_P)[:, None],
            "attribution": np.concatenate([np.asarray(first[s]).sum(-2) for s in sites], -1),
        }
        true_N = np.isin(names, [writer for writer, _ in PATHS[kind]])
        for tool, scores_PN in found.items():
            pairs_PN = zip(scores_PN, found["exact"], strict=True)
            rows = [_mark(names, scores_N, exact_N, true_N) for scores_N, exact_N in pairs_PN]
            about = members.with_columns(corruption=pl.lit(kind), tool=pl.lit(tool))
            tables.append(about.hstack(pl.DataFrame(rows)))
    return pl.concat(tables)


@functools.partial(jax.jit, static_argnums=0)
def _answers(
    model: PlantedInduction, metric: Partial, params: Params, pair: tuple[Array, Array]
) -> list[Array]:
    """Metric of every network on the clean and on the corrupt batch."""
    answer = lambda own, x: metric(model.apply(own, x)).mean()
    return [jax.vmap(answer, (0, None))(params, x) for x in pair]


def _mark(
    names: list[str], scores_N: np.ndarray, exact_N: np.ndarray, true_N: np.ndarray
) -> dict[str, float | None]:
    early, late = names.index(EARLY), names.index(LATE)
    share = lambda n: float(np.abs(scores_N[n]) / np.abs(exact_N[n]))
    return {
        "recall": float(high(scores_N, int(true_N.sum()))[true_N].mean()),
        "precision": float(true_N[large(scores_N)].mean()),
        "early": share(early) if true_N[early] else None,
        "late": share(late),
    }
