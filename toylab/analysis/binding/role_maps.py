"""The rotation that takes what concepts look like in one role to what they look like in another.

Binding by orthogonal matrices, ``x = A f_i + B f_j``, shows a concept as ``A f`` in one role and as
``B f`` in the other. The map between is ``B A^T``, and orthogonal Procrustes finds it from matched
pairs: ``M = U V^T`` of the singular value decomposition of ``sum_i y_i x_i^T``.

Source: Schonemann 1966, by ``scipy.linalg.orthogonal_procrustes``; the question: Wattenberg &
Viegas 2024 (arXiv:2407.14662).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import orthogonal_procrustes

from toylab.analysis.recovery.directions import random_atoms
from toylab.errors import ToylabError


class RoleMap(NamedTuple):
    """A rotation between roles.

    Attributes:
        matrix: M (D, D), orthogonal: ``y = M x``.
        determined: whether the pairs determine all of it: as many directions as the width. If not,
            it is right on the span of the pairs alone.
    """

    matrix: Float[np.ndarray, "D D"]
    determined: bool

    def __call__(self, x: Float[np.ndarray, "*n D"]) -> Float[np.ndarray, "*n D"]:
        """Return what vectors of the first role look like in the second."""
        return x @ self.matrix.T


def role_map(x: Float[np.ndarray, "N D"], y: Float[np.ndarray, "N D"]) -> RoleMap:
    """Fit the orthogonal map with the least ``sum_i ||y_i - M x_i||^2``.

    Args:
        x: concepts in the first role.
        y: the same concepts, in the same order, in the second.

    Raises:
        ToylabError: shapes that differ, or numbers that are not finite.

    Example:
        >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        >>> found = role_map(np.eye(2), np.eye(2) @ turn.T)
        >>> np.allclose(found.matrix, turn), found.determined
        (True, True)
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape or not x.size:
        raise ToylabError(f"role_map: {x.shape} and {y.shape}; give matched pairs, both (N, D).")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ToylabError("role_map: vectors that are not finite; leave out diverged networks.")
    turn, _ = orthogonal_procrustes(x, y)
    determined = np.linalg.matrix_rank(y.T @ x) == x.shape[1]
    return RoleMap(turn.T, bool(determined))


def held_out_cosines(
    x: Float[np.ndarray, "N D"], y: Float[np.ndarray, "N D"], folds: int = 4
) -> Float[np.ndarray, " N"]:
    """Cosine of every ``y_i`` with what a map fitted without its fold says of ``x_i``.

    Args:
        x: concepts in the first role.
        y: in the second.
        folds: parts of the concepts, each left out once; concept i is in part ``i % folds``.

    Raises:
        ToylabError: fewer concepts than folds or fewer than two folds; see :func:`role_map`.
    """
    if not 2 <= folds <= len(x):
        raise ToylabError(f"held_out_cosines: {folds} folds of {len(x)} concepts; give 2 to that.")
    fold_N, found_N = np.arange(len(x)) % folds, np.full(len(x), np.nan)
    for fold in range(folds):
        out = fold_N == fold
        told = role_map(x[~out], y[~out])(x[out])
        norms = np.linalg.norm(told, axis=1) * np.linalg.norm(y[out], axis=1)
        found_N[out] = (told * y[out]).sum(1) / np.where(norms > 0, norms, np.nan)
    return found_N


def map_cosines(
    x: Float[np.ndarray, "N D"], y: Float[np.ndarray, "N D"], seed: int = 0
) -> dict[str, float]:
    """Median cosine of a concept's second vector with what a map says of it, and its nulls.

    Args:
        x: concepts in the first role, of length 1.
        y: in the second.
        seed: of the nulls.

    Returns:
        ``held_out``, see :func:`held_out_cosines`; the same with concepts ``shuffled`` in the
        second role; without a map, ``same``; and of vectors that are ``drawn`` at random.
    """
    middle = lambda x, y: float(np.median(held_out_cosines(x, y)))
    order_N = np.random.default_rng(seed).permutation(len(x))
    return {
        "held_out": middle(x, y),
        "shuffled": middle(x, y[order_N]),
        "same": float(np.median((x * y).sum(1))),
        "drawn": middle(*random_atoms(2, *x.shape, seed=seed)),
    }
