"""Does a set of vectors lie like a graph? Energy, distances, spectra, and pictures.

Vectors of the N nodes, such as :func:`toylab.analysis.geometry.class_means.class_means` gives, are
arrays (..., N, D); leading axes, such as layers or context windows, are kept. A node without a
vector is NaN, and so is every measure that needs it. Everything here is NumPy in float64 on the
host, for stored arrays.

No measure says much against zero. Put beside it the null models of
:mod:`toylab.analysis.geometry.nulls`: one step of neighbour mixing draws a graph by itself.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import shortest_path

from toylab.errors import ToylabError, check_number


class Unfolding(NamedTuple):
    """A PCA of class means laid over the graph's spectral embedding.

    Attributes:
        pca_NK: scores on the first K principal components, moved, turned and scaled onto
            ``spectral_NK``.
        spectral_NK: the Laplacian's eigenvectors 2 to K + 1.
        disparity: the share of the spectral embedding's variance that the fit misses, in [0, 1].
        explained_K: share of the vectors' variance along each component.
    """

    pca_NK: np.ndarray
    spectral_NK: np.ndarray
    disparity: float
    explained_K: np.ndarray


# Graphs ------------------------------------------------------------------------------------------


def graph_distances(adjacency: ArrayLike) -> Float[np.ndarray, "N N"]:
    """Fewest edges between every two nodes; on a square grid the Manhattan distance.

    Raises:
        ToylabError: not an undirected graph without loops, or one that is not connected.
    """
    distance = shortest_path(checked_graph("graph_distances", adjacency), unweighted=True)
    if np.isinf(distance).any():
        raise ToylabError("graph_distances: the graph is not connected; take one component.")
    return distance


def spectrum(adjacency: ArrayLike) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, "N N"]]:
    """Eigenvalues, ascending, and eigenvectors (columns) of the Laplacian ``L = deg - A``."""
    graph = checked_graph("spectrum", adjacency)
    values, vectors = np.linalg.eigh(np.diag(graph.sum(-1)) - graph)
    return values, vectors


def spectral_embedding(adjacency: ArrayLike, count: int = 2) -> Float[np.ndarray, "N K"]:
    """Return the Laplacian's eigenvectors 2 to ``count + 1``, of length 1, as coordinates.

    They minimise ``sum_ij A_ij |h_i - h_j|^2`` among centred orthonormal coordinates. Their
    normalised energy is ``mean(lambda_2 .. lambda_{K+1}) / N``.
    """
    values, vectors = spectrum(adjacency)
    check_number("spectral_embedding", "count", count, low=1, high=len(values) - 1, whole=True)
    return vectors[:, 1 : count + 1]


# Measures ----------------------------------------------------------------------------------------


def dirichlet_energy(
    vectors: Float[ArrayLike, "*lead N D"], adjacency: Float[ArrayLike, "N N"]
) -> Float[np.ndarray, "*lead"]:
    """Normalised Dirichlet energy: how far apart neighbours are, against all pairs.

    ``NDE = sum_ij A_ij |h_i - h_j|^2 / sum_ij |h_i - h_j|^2``, blind to a shift, a scale and a
    rotation. Low means that neighbours lie together. Its mean over all relabellings of the nodes
    is ``edges / pairs``, 0.2 on the 4x4 grid
    (:func:`toylab.analysis.geometry.nulls.chance_energy`).

    Returns:
        One number in [0, 1] per leading index; NaN where all vectors are equal.

    Source: Park et al. 2025 (arXiv:2501.00070), section 4; normalised after Lepori et al. 2026
    (arXiv:2602.04212).
    """
    graph = checked_graph("dirichlet_energy", adjacency)
    square = _distances("dirichlet_energy", vectors, len(graph)) ** 2
    total = square.sum((-1, -2))
    return (graph * square).sum((-1, -2)) / np.where(total > 0, total, np.nan)


def correlation_of_distances(
    vectors: Float[ArrayLike, "*lead N D"], distances: Float[ArrayLike, "N N"]
) -> Float[np.ndarray, "*lead"]:
    """Pearson correlation, over pairs of nodes, of Euclidean and graph distances.

    ``DC = corr_{i<j}(|h_i - h_j|, d_ij)``. Not the distance correlation of Székely.

    Args:
        vectors: (..., N, D).
        distances: distances in the graph (N, N), as of :func:`graph_distances`.

    Returns:
        One number in [-1, 1] per leading index; NaN where either distance is constant.

    Source: Lepori et al. 2026 (arXiv:2602.04212).
    """
    far = np.asarray(distances, np.float64)
    if far.ndim != 2 or far.shape[0] != far.shape[1] or not np.isfinite(far).all():
        raise ToylabError(f"correlation_of_distances: distances {far.shape}; give finite (N, N).")
    upper = np.triu_indices(len(far), 1)
    x = _distances("correlation_of_distances", vectors, len(far))[..., upper[0], upper[1]]
    y = far[upper]
    moves = lambda a: np.ptp(a, -1) > 1e-9 * np.abs(a).max(-1)  # by more than rounding
    sound = moves(x) & moves(y)
    x, y = x - x.mean(-1, keepdims=True), y - y.mean()
    scale = np.sqrt((x**2).sum(-1) * (y**2).sum())
    return (x * y).sum(-1) / np.where(sound, scale, np.nan)


def spectral_overlap(
    vectors: Float[ArrayLike, "*lead N D"], adjacency: Float[ArrayLike, "N N"], count: int = 2
) -> Float[np.ndarray, "*lead"]:
    """Share of the leading principal components that lies in the graph's lowest frequencies.

    ``|U^T V|_F^2 / K`` with U (N, K) the unit score vectors of the first K principal components
    and V (N, K) the Laplacian's eigenvectors 2 to K + 1: 1 when they span the same space,
    ``K / (N - 1)`` on average for random vectors.

    Raises:
        ToylabError: shapes that do not fit, or eigenvalues K + 1 and K + 2 that are equal, so
            that V is not one space (a ring with an odd K).
    """
    graph = checked_graph("spectral_overlap", adjacency)
    values, vecs = spectrum(graph)
    check_number("spectral_overlap", "count", count, low=1, high=len(graph) - 1, whole=True)
    if count + 1 < len(values) and values[count + 1] - values[count] < 1e-9 * values[-1]:
        raise ToylabError(
            f"spectral_overlap: count = {count} cuts through equal eigenvalues; take one more or "
            "one fewer."
        )
    u, _ = _pca("spectral_overlap", vectors, len(graph), count)
    return ((np.swapaxes(u, -1, -2) @ vecs[:, 1 : count + 1]) ** 2).sum((-1, -2)) / count


# Pictures ----------------------------------------------------------------------------------------


def principal_components(
    vectors: Float[ArrayLike, "*lead N D"], count: int = 2
) -> tuple[Float[np.ndarray, "*lead N K"], Float[np.ndarray, "*lead K"]]:
    """Return scores (..., N, K) on the first K components and their shares of the variance."""
    n = np.shape(vectors)[-2] if np.ndim(vectors) >= 2 else 0
    u, s = _pca("principal_components", vectors, n, count)
    total = (s**2).sum(-1, keepdims=True)
    share = s[..., :count] ** 2 / np.where(total > 0, total, np.nan)
    return u * s[..., None, :count], share


def procrustes(source: Float[ArrayLike, "N K"], target: Float[ArrayLike, "N K"]):
    """Lay one set of points over another by a shift, a rotation or reflection, and a scale.

    Least squares: with centred X, Y and ``X^T Y = U S V^T``, the fit is
    ``X (U V^T) sum(S) / |X|^2 + mean of Y``.

    Returns:
        The moved points (N, K), and the disparity ``|fit - Y|^2 / |Y - mean|^2`` in [0, 1].

    Source: Gower 1975; the disparity is that of ``scipy.spatial.procrustes``.
    """
    x, y = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if x.ndim != 2 or x.shape != y.shape:
        raise ToylabError(f"procrustes: shapes {x.shape} and {y.shape}; give two of (N, K).")
    x, y, mean = x - x.mean(0), y - y.mean(0), y.mean(0)
    if not ((x**2).sum() > 0 and (y**2).sum() > 0):
        raise ToylabError("procrustes: the points of one set are all equal, or NaN.")
    u, s, v = np.linalg.svd(x.T @ y)
    moved = x @ u @ v * (s.sum() / (x**2).sum())
    return moved + mean, float(((moved - y) ** 2).sum() / (y**2).sum())


def unfold(vectors: Float[ArrayLike, "N D"], adjacency: ArrayLike, count: int = 2) -> Unfolding:
    """Return the PCA of N vectors laid over the graph's spectral embedding, for a picture."""
    scores, share = principal_components(vectors, count)
    target = spectral_embedding(adjacency, count)
    moved, disparity = procrustes(scores, target)
    return Unfolding(moved, target, disparity, share)


# Parts -------------------------------------------------------------------------------------------


def checked_graph(owner: str, adjacency: ArrayLike) -> np.ndarray:
    """Return an adjacency matrix in float64; refuse a directed, weighted or looped one."""
    graph = np.asarray(adjacency)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1] or len(graph) < 2:
        raise ToylabError(f"{owner}: adjacency has shape {graph.shape}; give (N, N), N >= 2.")
    graph = graph.astype(np.float64)
    if not np.isin(graph, (0, 1)).all() or (graph != graph.T).any() or np.trace(graph):
        raise ToylabError(f"{owner}: adjacency must be symmetric 0 and 1 with an empty diagonal.")
    return graph


def _checked_vectors(owner: str, vectors: ArrayLike, count: int) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim < 2 or vectors.shape[-2] != count or count < 2:
        raise ToylabError(f"{owner}: vectors {vectors.shape} of {count} nodes; give (..., N, D).")
    return vectors


def _distances(owner: str, vectors: ArrayLike, count: int) -> np.ndarray:
    """Euclidean distances (..., N, N), by differences: no cancellation, as with a Gram matrix."""
    vectors = _checked_vectors(owner, vectors, count)
    rows = [np.linalg.norm(vectors - vectors[..., i : i + 1, :], axis=-1) for i in range(count)]
    return np.stack(rows, axis=-2)


def _pca(owner: str, vectors: ArrayLike, n: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit score vectors (..., N, K) and all singular values of the centred vectors."""
    vectors = _checked_vectors(owner, vectors, n)
    check_number(owner, "count", count, low=1, high=min(n - 1, vectors.shape[-1]), whole=True)
    whole = np.asarray(np.isfinite(vectors).all((-1, -2), keepdims=True))
    safe = np.where(whole, vectors, 0)  # an SVD of NaN raises
    u, s, _ = np.linalg.svd(safe - safe.mean(-2, keepdims=True), full_matrices=False)
    return np.where(whole, u[..., :count], np.nan), np.where(whole[..., 0], s, np.nan)
