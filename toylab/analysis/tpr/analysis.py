"""What tensor-product probes say: the linear probe inside, the geometry of roles, and edits.

Weights are tables (..., D, S, C), as :attr:`toylab.analysis.tpr.probe.TensorProbe.weight` gives
them. Everything here runs on the host.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from toylab.analysis.tpr.probe import TensorProbe, readout
from toylab.errors import ToylabError, check_number

# Linear probes -----------------------------------------------------------------------------------


def centred(weight_DSC: Any) -> np.ndarray:
    """Remove from each entity the mean over its classes, to which a softmax is blind."""
    weight = np.asarray(weight_DSC, np.float64)
    return weight - weight.mean(-1, keepdims=True)


def truncate(weight_DSC: Any, rank: int) -> np.ndarray:
    """Return the nearest weights of a rank, by singular values of (D, S C)."""
    check_number("truncate", "rank", rank, low=0, whole=True)
    weight = np.asarray(weight_DSC, np.float64)
    u, s, v = np.linalg.svd(weight.reshape(*weight.shape[:-2], -1), full_matrices=False)
    kept = (u[..., :rank] * s[..., None, :rank]) @ v[..., :rank, :]
    return kept.reshape(weight.shape)


def predict(weight_DSC: Any, x_ND: Any) -> np.ndarray:
    """Return the likeliest class of every entity (N, S) under a linear probe's weights."""
    weight, x = np.asarray(weight_DSC, np.float32), np.asarray(x_ND, np.float32)
    logits = x @ weight.reshape(len(weight), -1)
    return logits.reshape(len(x), *weight.shape[1:]).argmax(-1)


def cosines(a_DSC: Any, b_DSC: Any) -> Float[np.ndarray, "... S C"]:
    """Cosine of two probes' vectors, per entity and class; NaN where one of them is 0."""
    a, b = (np.asarray(w, np.float64) for w in (a_DSC, b_DSC))
    lengths = np.linalg.norm(a, axis=-3) * np.linalg.norm(b, axis=-3)
    return (a * b).sum(-3) / np.where(lengths > 0, lengths, np.nan)


# Geometry of vectors that stand for the squares of a board --------------------------------------


def distances(vectors_SR: Any) -> Float[np.ndarray, "S S"]:
    """Cosine distances ``1 - cos`` between vectors."""
    vectors = np.asarray(vectors_SR, np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return 1 - unit @ unit.T


def _gaps(grid: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances in rows and in columns between all entities, each (S, S)."""
    if grid[0] * grid[1] != count:
        raise ToylabError(f"{count} vectors for a grid of {grid}; give one per square.")
    place = np.stack(np.divmod(np.arange(count), grid[1]))
    rows, columns = np.abs(place[:, :, None] - place[:, None, :])
    return rows, columns


def gap_table(vectors_SR: Any, grid: tuple[int, int]) -> Float[np.ndarray, "rows columns"]:
    """Mean cosine distance of the pairs of squares that are so many rows and columns apart.

    NaN at (0, 0), where there is no pair.
    """
    distance = distances(vectors_SR)
    rows, columns = _gaps(grid, len(distance))
    upper = np.triu(np.ones_like(distance, bool), 1)
    total, count = np.zeros(grid), np.zeros(grid)
    np.add.at(total, (rows[upper], columns[upper]), distance[upper])
    np.add.at(count, (rows[upper], columns[upper]), 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def gap_r2(vectors_SR: Any, grid: tuple[int, int]) -> float:
    """Share of the variance of cosine distances that the table of gaps explains.

    ``R^2 = 1 - sum (d_ij - table[|row_i - row_j|, |column_i - column_j|])^2 / sum (d_ij - mean)^2``
    over all pairs of squares. Vectors that know nothing of the board reach
    ``(cells - 1) / (pairs - 1)`` by chance, 0.031 on 8x8 and 0.054 on 6x6.

    Source: Lee et al. 2026, pairwise geometry.
    """
    distance = distances(vectors_SR)
    rows, columns = _gaps(grid, len(distance))
    upper = np.triu(np.ones_like(distance, bool), 1)
    told = gap_table(vectors_SR, grid)[rows, columns][upper]
    spread = ((distance[upper] - distance[upper].mean()) ** 2).sum()
    return float(1 - ((distance[upper] - told) ** 2).sum() / spread)


def neighbour_overlap(vectors_SR: Any, grid: tuple[int, int]) -> tuple[float, float]:
    """Share of the nearest vectors, by cosine, that belong to squares side by side on the board.

    A square with k neighbours, diagonals included, names its k nearest. The share is over all
    squares' neighbours.

    Returns:
        The share, and what it is for vectors in random order.
    """
    distance = distances(vectors_SR)
    rows, columns = _gaps(grid, len(distance))
    beside = np.maximum(rows, columns) == 1
    np.fill_diagonal(distance, np.inf)
    rank = np.argsort(np.argsort(distance, -1, kind="stable"), -1, kind="stable")
    degree = beside.sum(-1)
    near = rank < degree[:, None]
    chance = (degree**2).sum() / degree.sum() / (len(distance) - 1)
    return float((near & beside).sum() / degree.sum()), float(chance)


# Edits -------------------------------------------------------------------------------------------


def tensor_directions(probe: TensorProbe, changes_KSC: Any) -> Float[np.ndarray, "K D"]:
    """Unit vectors along which a tensor probe sees tables change as asked.

    A change of the bound numbers, ``Delta = sum_{s,c} changes[s, c] role_s (x) filler_c``, is that
    of the activation's least step that makes it, ``pinv(M^T) vec(Delta)``.

    Args:
        probe: one probe, without leading axes.
        changes_KSC: K edits; -1 at an entity's class before, +1 at its class after. One that
            changes nothing gives 0.

    Source: Lee et al. 2026, section on interventions.
    """
    if probe.loss.ndim:
        raise ToylabError(f"tensor_directions: {probe.loss.shape} probes; take one by probe.at(i).")
    changes = np.swapaxes(np.asarray(changes_KSC, np.float64), -1, -2)
    readout_RT = np.asarray(readout(probe.params), np.float64)
    delta_KR = changes.reshape(len(changes), -1) @ readout_RT.T
    return _unit(delta_KR @ np.linalg.pinv(np.asarray(probe.params["binding"], np.float64)))


def linear_directions(weight_DSC: Any, changes_KSC: Any) -> Float[np.ndarray, "K D"]:
    """Unit vectors of a linear probe's edits: the sum of the target classes' unit vectors.

    Args:
        weight_DSC: a linear probe.
        changes_KSC: K edits, +1 at every entity's target class; -1 is not looked at.

    Source: Nanda et al. 2023 (arXiv:2309.00941), section 4.
    """
    weight = np.asarray(weight_DSC, np.float64)
    unit_DSC = weight / np.linalg.norm(weight, axis=0)
    step_KD = np.einsum("dsc,ksc->kd", unit_DSC, np.maximum(np.asarray(changes_KSC, np.float64), 0))
    return _unit(step_KD)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)
