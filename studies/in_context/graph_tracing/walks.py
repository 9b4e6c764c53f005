"""Walks to judge a network on: rectangles of squares, held out, and regular graphs, trained on."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from toylab.task import Batch
from toylab.tasks.in_context import graphs
from toylab.tasks.in_context.graph_tracing import GraphTracing, follow_all
from toylab.tasks.in_context.graph_worlds import placed

from ..graph_network import Network

RECTANGLES = ((3, 3), (3, 4), (4, 4), (4, 5))
REGULAR = 16  # nodes of the trained family's graphs


def judged(network: Network) -> GraphTracing:
    """Return the network's world with room for all rectangles that its tokens suffice for.

    It is for walks of :func:`draw_walks` alone, which draw no graph of these sizes themselves.
    """
    return network.world(sizes=tuple(n for n in (16, 20) if n <= network.n_tokens))


class Walks(NamedTuple):
    """Walks in groups that share a graph and its tokens.

    Attributes:
        names: kind of each group's graph, such as ``4x4``.
        n_G: its nodes.
        batch: everything with leading axes (G, B).
    """

    names: tuple[str, ...]
    n_G: np.ndarray
    batch: Batch

    def groups(self, name: str) -> np.ndarray:
        """Return the indices of the groups on one kind of graph."""
        return np.flatnonzero(np.array(self.names) == name)


def draw_walks(task: GraphTracing, groups: int, walks: int, seed: int) -> Walks:
    """Draw walks on ``groups`` fresh assignments of tokens for every kind of graph.

    Walk i of a group starts at node i mod n. Rectangles of more nodes than the task's largest
    graph are left out.
    """
    room, rng = task.n_nodes, np.random.default_rng(seed)
    key, regular_key = jax.random.split(jax.random.key(seed))
    square, random = (graphs.FAMILIES.index(f) for f in ("grid", "regular"))
    shapes = [shape for shape in RECTANGLES if np.prod(shape) <= room]
    kinds = [(f"{r}x{c}", graphs.rectangle(r, c), square) for r, c in shapes] * groups
    for i in range(groups):
        one = jax.random.fold_in(regular_key, i)
        adjacency = np.asarray(graphs.random_regular(one, jnp.int32(REGULAR), room, task.degree))
        kinds.append((f"regular {REGULAR}", adjacency[:REGULAR, :REGULAR], random))
    drawn = [
        placed(adjacency, rng.permutation(task.n_tokens)[: len(adjacency)], room, family)
        for _, adjacency, family in kinds
    ]
    n_G = np.array([len(adjacency) for _, adjacency, _ in kinds], np.int32)
    first_GB = jnp.asarray(np.arange(walks, dtype=np.int32) % n_G[:, None])
    each = jax.vmap(functools.partial(follow_all, task))
    batch = each(
        jax.random.split(key, first_GB.shape),
        jax.tree.map(lambda *x: jnp.stack(x), *drawn),
        first_GB,
    )
    return Walks(tuple(name for name, *_ in kinds), n_G, batch)
