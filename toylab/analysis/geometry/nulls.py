"""Null models for geometry on a graph: neighbour mixing, and a graph with its labels shuffled.

A transformer that adds to each token a mean of the tokens before it, which is what one
previous-token head does, gets the graph for nothing: :func:`neighbour_mix`. A finding about
reorganisation must beat it at the same width. NumPy in float64 on the host.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.geometry.measures import checked_graph
from toylab.errors import ToylabError, check_number


class Permuted(NamedTuple):
    """A measure beside its values on relabelled graphs.

    Attributes:
        value: on the graph itself, (...).
        null: on R relabelled graphs, (R, ...).
        p_value: ``(1 + relabellings at least as extreme) / (1 + R)``, (...); NaN where the value
            is.
    """

    value: np.ndarray
    null: np.ndarray
    p_value: np.ndarray


def chance_energy(adjacency: ArrayLike) -> float:
    """Mean normalised Dirichlet energy over all relabellings: ``edges / (N (N - 1) / 2)``."""
    graph = checked_graph("chance_energy", adjacency)
    return float(graph.sum() / (len(graph) * (len(graph) - 1)))


def neighbour_mix(
    embeddings: Float[ArrayLike, "*lead N D"], adjacency: Float[ArrayLike, "N N"], steps: int = 1
) -> Float[np.ndarray, "*lead N D"]:
    """Add to each vector the mean of its neighbours': ``h_i = e_i + mean_{j in N(i)} e_j``.

    On the 4x4 grid with Gaussian embeddings of width 4096 one step takes the normalised Dirichlet
    energy from 0.200 to 0.114.

    Args:
        embeddings: vectors (..., N, D) that know nothing of the graph, such as a model's own
            token embeddings.
        adjacency: the graph (N, N), every node with a neighbour.
        steps: how often to mix; the null model is 1.

    Raises:
        ToylabError: shapes that do not fit, or a node without a neighbour.

    Source: Arditi 2026, "In-context learning of representations can be explained by induction
    circuits" (ICLR blog track), the neighbour-mixing toy.
    """
    graph = checked_graph("neighbour_mix", adjacency)
    check_number("neighbour_mix", "steps", steps, low=0, whole=True)
    mixed = np.asarray(embeddings, np.float64)
    if mixed.ndim < 2 or mixed.shape[-2] != len(graph):
        raise ToylabError(
            f"neighbour_mix: embeddings {mixed.shape} for {len(graph)} nodes; give (..., N, D)."
        )
    degree = graph.sum(-1, keepdims=True)
    if not degree.all():
        raise ToylabError(f"neighbour_mix: node {int(degree.argmin())} has no neighbour.")
    for _ in range(steps):
        mixed = mixed + (graph / degree) @ mixed
    return mixed


def permute_nodes(matrix: ArrayLike, order: ArrayLike) -> np.ndarray:
    """Relabel a graph's matrix (N, N): entry (i, j) becomes ``matrix[order[i], order[j]]``."""
    matrix, order = np.asarray(matrix), np.asarray(order)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ToylabError(f"permute_nodes: matrix has shape {matrix.shape}; give (N, N).")
    if order.shape != matrix.shape[:1] or (np.sort(order) != np.arange(len(matrix))).any():
        raise ToylabError(f"permute_nodes: order must hold 0 to {len(matrix) - 1} once each.")
    return matrix[np.ix_(order, order)]


def permutation_null(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    vectors: Float[ArrayLike, "*lead N D"],
    matrix: ArrayLike,
    alternative: Literal["less", "greater"],
    draws: int = 1000,
    seed: int = 0,
) -> Permuted:
    """Judge a measure against the same graph with its nodes' labels shuffled.

    Args:
        measure: ``measure(vectors, matrix)``, such as
            :func:`toylab.analysis.geometry.measures.dirichlet_energy` with the adjacency or
            :func:`toylab.analysis.geometry.measures.correlation_of_distances` with the distances.
        vectors: (..., N, D).
        matrix: adjacency or distances (N, N).
        alternative: the extreme side, "less" for an energy, "greater" for a correlation.
        draws: number R of uniform relabellings, the same for all leading indices.
        seed: seed of the relabellings.

    Example:
        >>> ring = np.roll(np.eye(8), 1, 0) + np.roll(np.eye(8), -1, 0)
        >>> from toylab.analysis.geometry.measures import dirichlet_energy, spectral_embedding
        >>> null = permutation_null(dirichlet_energy, spectral_embedding(ring), ring, "less", 99)
        >>> float(null.p_value)
        0.01
    """
    if alternative not in ("less", "greater"):
        raise ToylabError(f"permutation_null: alternative {alternative!r}; less or greater.")
    check_number("permutation_null", "draws", draws, low=1, whole=True)
    vectors, matrix = np.asarray(vectors, np.float64), np.asarray(matrix)
    rng = np.random.default_rng(seed)
    value = np.asarray(measure(vectors, matrix))
    orders = [rng.permutation(len(matrix)) for _ in range(draws)]
    null = np.stack([np.asarray(measure(vectors, permute_nodes(matrix, o))) for o in orders])
    slack = 1e-9 * np.abs(value)  # a symmetry of the graph gives the same value up to rounding
    extreme = null <= value + slack if alternative == "less" else null >= value - slack
    p = (1 + extreme.sum(0)) / (1 + draws)
    return Permuted(value, null, np.where(np.isnan(value), np.nan, p))
