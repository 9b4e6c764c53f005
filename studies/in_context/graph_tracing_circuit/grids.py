"""Walks on held-out square grids, and how a network's class means lie on them, layer by layer.

A *map* is a grid with its tokens. Class means pool, for each node of one map, the activations of
all its walks over the last quarter of the context.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import correlation_of_distances
from toylab.analysis.geometry.nulls import neighbour_mix
from toylab.task import Batch
from toylab.tasks.in_context.graph_tracing import GraphTracing, shuffled


class Grids(NamedTuple):
    """Walks on M maps, B of each: tokens and truths, flat over both where a network reads them."""

    tokens_XL: Array  # X = M B
    rule_XWV: Array  # tokens of neighbours but the one just before, in the window
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
    follows an edge then, so ``rule_XWV`` has no meaning.
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
        node_MBL=latents["node"],
        token_MN=latents["tokens"][:, 0, :count],
        adjacency_NN=latents["adjacency"][0, 0, :count, :count],
        distance_NN=latents["distance"][0, 0, :count, :count].astype(np.float64),
    )


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _draw(task: GraphTracing, key: Array, maps: int, walks: int) -> Batch:
    return jax.vmap(lambda k: task.shared(k, walks))(jax.random.split(key, maps))


def means(grids: Grids, acts_PSXWD: np.ndarray, walks: slice = slice(None)) -> np.ndarray:
    """Class means of each map, (M, P, S, N, D), from activations in the window of its walks."""
    start, stop = grids.window
    found = []
    for part, node_BL in zip(np.split(acts_PSXWD, grids.shape[0], 2), grids.node_MBL, strict=True):
        seen, nodes_BW = part[:, :, walks], node_BL[walks, start:stop]
        mean_PS1ND, _ = class_means(seen, nodes_BW, len(grids.adjacency_NN), [(0, stop - start)])
        found.append(mean_PS1ND[..., 0, :, :])
    return np.stack(found)


def geometry(grids: Grids, means_MPSND: np.ndarray) -> dict[str, np.ndarray]:
    """Distance correlation of class means, mean over maps, (P, S).

    The first map stands apart: its correlation, ``choosing``, chooses layers for the others.
    """
    correlation_MPS = correlation_of_distances(means_MPSND, grids.distance_NN)
    return {
        "correlation": correlation_MPS[1:].mean(0),
        "choosing": correlation_MPS[0],
    }


def mixed(grids: Grids, embed_PVD: np.ndarray) -> np.ndarray:
    """The control: each map's token embeddings, mixed once with their neighbours', (M, P, 1, N, D).

    Class means of a network whose only work is to add the mean of all neighbours' embeddings.
    """
    rows = [np.asarray(embed_PVD)[:, None, token_N] for token_N in grids.token_MN]
    return np.stack([neighbour_mix(row, grids.adjacency_NN) for row in rows])
