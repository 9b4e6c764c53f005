"""Walks to judge a network on: rectangles of squares, held out, and regular graphs, trained on."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.task import Batch
from toylab.tasks.in_context import graphs
from toylab.tasks.in_context.graph_tracing import GraphTracing
from toylab.tasks.in_context.graph_worlds import Graph

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

    def flat(self) -> Batch:
        """Return the walks with one leading axis (G B)."""
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), self.batch)

    def groups(self, name: str) -> np.ndarray:
        """Return the indices of the groups on one kind of graph."""
        return np.flatnonzero(np.array(self.names) == name)


def rectangle(rows: int, columns: int) -> np.ndarray:
    """Adjacency of a grid of rows by columns nodes, which come row by row."""
    place_N2 = np.stack(np.divmod(np.arange(rows * columns), columns), 1)
    return np.abs(place_N2[:, None] - place_N2[None]).sum(-1) == 1


def draw_walks(task: GraphTracing, groups: int, walks: int, seed: int) -> Walks:
    """Draw walks on ``groups`` fresh assignments of tokens for every kind of graph.

    Walk i of a group starts at node i mod n. Rectangles of more nodes than the task's largest
    graph are left out.
    """
    room, rng = task.n_nodes, np.random.default_rng(seed)
    key, regular_key = jax.random.split(jax.random.key(seed))
    square, random = (graphs.FAMILIES.index(f) for f in ("grid", "regular"))
    kinds = [
        (f"{r}x{c}", r * c, rectangle(r, c), square) for r, c in RECTANGLES if r * c <= room
    ] * groups
    for i in range(groups):
        one = jax.random.fold_in(regular_key, i)
        adjacency = np.asarray(graphs.random_regular(one, jnp.int32(REGULAR), room, task.degree))
        kinds.append((f"regular {REGULAR}", REGULAR, adjacency[:REGULAR, :REGULAR], random))
    joined_GNN = np.zeros((len(kinds), room, room), bool)
    tokens_GN = np.full((len(kinds), room), -1, np.int32)
    for i, (_, n, adjacency, _) in enumerate(kinds):
        joined_GNN[i, :n, :n] = adjacency
        tokens_GN[i, :n] = rng.permutation(task.n_tokens)[:n]
    n_G = np.array([kind[1] for kind in kinds], np.int32)
    family_G = np.array([kind[3] for kind in kinds], np.int32)
    place_GN2 = np.zeros((len(kinds), room, 2), np.float32)
    stacked = Graph(*map(jnp.asarray, (joined_GNN, n_G, tokens_GN, family_G, place_GN2)))
    return Walks(tuple(kind[0] for kind in kinds), n_G, _follow(task, key, stacked, walks))


@functools.partial(jax.jit, static_argnames=("task", "walks"))
def _follow(task: GraphTracing, key: Array, graphs_G: Graph, walks: int) -> Batch:
    count = graphs_G.n_nodes.shape[0]
    keys_GB = jax.random.split(key, (count, walks))
    first_GB = jnp.arange(walks, dtype=jnp.int32)[None] % graphs_G.n_nodes[:, None]
    return jax.vmap(jax.vmap(task.follow, (0, None, 0)))(keys_GB, graphs_G, first_GB)


def shuffled(batch: Batch, seed: int) -> Batch:
    """Put the places of every walk in a random order: the same tokens, no steps; (..., L)."""
    tokens, nodes = np.asarray(batch.inputs), np.asarray(batch.latents["node"])
    rng, places = np.random.default_rng(seed), np.arange(tokens.shape[-1])
    order = rng.permuted(np.broadcast_to(places, tokens.shape), axis=-1)
    mix = lambda values: jnp.asarray(np.take_along_axis(values, order, -1))
    return batch._replace(inputs=mix(tokens), latents=batch.latents | {"node": mix(nodes)})
