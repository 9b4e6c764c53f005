"""Rule mass and loss at every place of the context: of networks and of counters."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.read.tables import labelled
from toylab.stats.crossings import binned, crossing
from toylab.task import Batch
from toylab.tasks.in_context.given_walks import Walks
from toylab.tasks.in_context.graph_tracing import GraphTracing

# Whether steps count one way only, and the pseudo-count (None: one over the candidates).
COUNTERS = {
    "directed counter": (True, None),
    "undirected counter": (False, None),
    "copier": (False, 1e-6),
}
LEVEL = 0.5  # of rule mass, whose place scales


class Curve(NamedTuple):
    """Mass on the neighbours other than the node before, and loss in nats, (R, L) each."""

    mass: Array
    loss: Array


def when(place_L: np.ndarray, length: int) -> np.ndarray:
    """Name the places: ``early``, the first ten after the start; ``late``, the last quarter."""
    early = (place_L >= 1) & (place_L <= 10)
    return np.where(early, "early", np.where(place_L >= 3 * length // 4, "late", ""))


@jax.jit
def score(log_p_RLV: Array, targets_RL: Array, rule_RLV: Array) -> Curve:
    """Rule mass and cross-entropy of predictions over the whole vocabulary."""
    mass = jnp.where(rule_RLV, jnp.exp(log_p_RLV), 0).sum(-1)
    return Curve(mass, -jnp.take_along_axis(log_p_RLV, targets_RL[..., None], -1)[..., 0])


def counter(task: GraphTracing, batch: Batch, directed: bool, alpha: float | None = None) -> Curve:
    """Curves of the in-context bigram counter.

    Directed, it is Bayes-optimal for rows drawn from a Dirichlet. With hardly any pseudo-count it
    is a copier, which names nothing but neighbours once it has seen one.
    """
    p_RLV = jnp.maximum(task.bigram(batch, directed, alpha), jnp.float32(1e-30))
    return score(jnp.log(p_RLV), batch.targets, task.rule(batch, previous=False))


def curve_table(walks: Walks, curves: Mapping[str, Curve], length: int) -> pl.DataFrame:
    """Mean curves of each kind of graph: one row per source, kind and place."""
    place_L = np.arange(length)
    parts = []
    for source, curve in curves.items():
        mass, loss = (np.asarray(x).reshape(len(walks.names), -1, length) for x in curve)
        for name in dict.fromkeys(walks.names):
            mine = walks.groups(name)
            columns = {"when": when(place_L, length)}
            columns["mass"] = mass[mine].mean((0, 1)).astype(np.float64)
            columns["loss"] = loss[mine].mean((0, 1)).astype(np.float64)
            table = pl.DataFrame({"place": place_L} | columns)
            parts.append(labelled(table, source=source, graph=name, n=int(walks.n_G[mine[0]])))
    return pl.concat(parts)


def fit_table(curves: pl.DataFrame, count: int) -> pl.DataFrame:
    """Place where the mass, in ``count`` log-spaced bins, reaches 0.5, by source and graph."""
    rows = []
    for (source, graph), part in curves.group_by("source", "graph", maintain_order=True):
        mass_L = part.sort("place")["mass"].to_numpy()
        labels = {"source": source, "graph": graph, "n": int(part["n"][0])}
        rows.append(labels | {"half": crossing(*binned(mass_L, count), LEVEL)})
    return pl.DataFrame(rows)
