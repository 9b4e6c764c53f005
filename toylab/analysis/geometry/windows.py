"""Class means in windows of the context, of equally many visits in each."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from toylab.analysis.geometry.class_means import class_means
from toylab.stats.means import finite_mean


class Windows(NamedTuple):
    """Windows of the context, with equal visits per node in each.

    Attributes:
        cuts: W pairs (start, stop) of places.
        visits: of each node in each window.
    """

    cuts: tuple[tuple[int, int], ...]
    visits: int

    @property
    def centre_W(self) -> np.ndarray:
        """Mean place of each window."""
        return np.array([(a + b - 1) / 2 for a, b in self.cuts])


def windows(length: int, width: int, count: int, visits: int) -> Windows:
    """Return ``count`` windows at most, of one width, log-spaced from place 2 to the end."""
    starts = np.unique(np.round(np.geomspace(2, length - width, count)).astype(int))
    return Windows(tuple((int(s), int(s) + width) for s in starts), visits)


def windowed_means(
    acts: Float[np.ndarray, "G S B L D"], nodes: Int[np.ndarray, "G B L"], n: int, where: Windows
) -> Float[np.ndarray, "G S W N D"]:
    """Return class means of groups of walks, each on a graph of its own, by window.

    Args:
        acts: activations of G groups of B walks, at S layers.
        nodes: the node at each place.
        n: N, nodes.
        where: the windows, and how many visits of a node each mean pools.
    """
    pairs = zip(acts, nodes, strict=True)
    return np.stack([class_means(a, x, n, where.cuts, where.visits)[0] for a, x in pairs])


def visited_places(
    nodes: Int[np.ndarray, "G B L"], n: int, where: Windows
) -> Float[np.ndarray, " W"]:
    """Return the mean place of the visits that class means pool, later than a window's centre."""
    place = np.broadcast_to(np.arange(nodes.shape[-1]), nodes.shape)[..., None]
    return finite_mean(windowed_means(place[:, None], nodes, n, where)[..., 0], (0, 1, 3))
