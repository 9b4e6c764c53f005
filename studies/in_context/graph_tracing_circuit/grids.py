"""How a network's class means lie on held-out square grids, layer by layer.

Class means pool, for each node of one map, the activations of all its walks over the last quarter
of the context.
"""

import numpy as np

from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import correlation_of_distances
from toylab.analysis.geometry.nulls import neighbour_mix
from toylab.tasks.in_context.given_walks import Grids


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
