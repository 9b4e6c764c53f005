"""Walks to judge a network on, on given graphs: rectangles, regular graphs, held-out grids.

Sources of the walks' use: Park et al. 2025 (arXiv:2501.00070), whose graphs are square grids. A
*map* is a grid with its tokens; walks of a group, or on a map, share a graph and its tokens.

Shapes: G groups (M maps), B walks of each, X = M B, L places, W places of the window, N nodes.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.task import Batch

from . import graphs
from .graph_tracing import GraphTracing, follow_all, shuffled
from .graph_worlds import placed

RECTANGLES = ((3, 3), (3, 4), (4, 4), (4, 5))
REGULAR = 16  # nodes of regular graphs


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


class Grids(NamedTuple):
    """Walks on M maps, B of each: tokens and truths, flat over both where a network reads them.

    Attributes:
        tokens_XL: what a network reads.
        rule_XWV: tokens of neighbours but the one just before, in the window.
        target_XW: the tokens that follow, in the window.
        counter: mean loss there of the counter of undirected bigrams, in nats.
        node_MBL: the node at each place.
        token_MN: of each node.
        adjacency_NN: of the grid.
        distance_NN: in edges.
    """

    tokens_XL: Array
    rule_XWV: Array
    target_XW: np.ndarray
    counter: float
    node_MBL: np.ndarray
    token_MN: np.ndarray
    adjacency_NN: np.ndarray
    distance_NN: np.ndarray

    @property
    def window(self) -> tuple[int, int]:
        """The last quarter of the context."""
        length = self.tokens_XL.shape[1]
        return length - length // 4, length

    @property
    def shape(self) -> tuple[int, int]:
        """Maps and walks of each."""
        maps, walks, _ = self.node_MBL.shape
        return maps, walks


def draw_grids(
    task: GraphTracing, maps: int, walks: int, seed: int, shuffle: int | None = None
) -> Grids:
    """Draw maps and walks of the task's held-out family; walk i of a map starts at node i mod N.

    ``shuffle`` is a seed by which the places of every walk are put in another order. No step
    follows an edge then, so ``rule_XWV`` and ``counter`` have no meaning.
    """
    batch = _draw(task.held(), jax.random.key(seed), maps, walks)
    batch = batch if shuffle is None else shuffled(batch, shuffle)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), batch)
    latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
    count = int(latents["n_nodes"][0, 0])
    first = task.length - task.length // 4
    return Grids(
        tokens_XL=flat.inputs,
        rule_XWV=task.rule(flat, previous=False)[:, first:].astype(jnp.float32),
        target_XW=np.asarray(flat.targets)[:, first:],
        counter=float(task.bigram_loss(flat, directed=False)[:, first:].mean()),
        node_MBL=latents["node"],
        token_MN=latents["tokens"][:, 0, :count],
        adjacency_NN=latents["adjacency"][0, 0, :count, :count],
        distance_NN=latents["distance"][0, 0, :count, :count].astype(np.float64),
    )


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _draw(task: GraphTracing, key: Array, maps: int, walks: int) -> Batch:
    return jax.vmap(lambda k: task.shared(k, walks))(jax.random.split(key, maps))
