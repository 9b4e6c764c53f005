"""Three measures of how vectors lie like a graph, at once."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.geometry.measures import (
    correlation_of_distances,
    dirichlet_energy,
    graph_distances,
    spectral_overlap,
)
from toylab.analysis.geometry.nulls import chance_energy


class Layout(NamedTuple):
    """Measures of geometry with the vectors' leading axes.

    Attributes:
        energy: normalised Dirichlet energy in units of chance.
        correlation: of distances between vectors with distances on the graph.
        overlap: of two principal components with the graph's spectral embedding.
    """

    energy: np.ndarray
    correlation: np.ndarray
    overlap: np.ndarray


def layout(vectors: Float[ArrayLike, "*lead N D"], adjacency: Float[ArrayLike, "N N"]) -> Layout:
    """Measure the vectors of a graph's N nodes; NaN where one is missing."""
    return Layout(
        dirichlet_energy(vectors, adjacency) / chance_energy(adjacency),
        correlation_of_distances(vectors, graph_distances(adjacency)),
        spectral_overlap(vectors, adjacency),
    )
