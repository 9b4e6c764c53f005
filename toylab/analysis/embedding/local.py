"""Local and global likeness of two embeddings of the same tokens.

The global measure correlates all cosines of two tokens. The local one is that of locally linear
embedding: how a token is made up of its neighbours. NumPy in float64 on the host.

Source: Lee et al. 2025 (2503.21073); the weights: Roweis and Saul 2000 (Science 290:2323).

Shape suffixes: N tokens, D width, K neighbours.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.spatial import KDTree

from toylab.errors import ToylabError, check_number

EQUAL = 1e-9  # cosines that differ by less do so by rounding


def lle_weights(
    vectors: Float[ArrayLike, "N D"], neighbours: int, ridge: float = 1e-3
) -> Float[np.ndarray, "N N"]:
    """Weights that make up each vector of its nearest neighbours.

    Row i minimises ``|x_i - sum_j w_ij x_j|^2`` with ``sum_j w_ij = 1`` over the K nearest j:
    ``w = G^{-1} 1 / (1' G^{-1} 1)`` with ``G_jk = (x_j - x_i) . (x_k - x_i)``, to whose diagonal
    ``ridge * tr G`` is added (in the source where K > D). A shift, a rotation and a scale of all
    vectors change nothing.

    Args:
        vectors: one for each token.
        neighbours: K, below N.
        ridge: share of the trace, above 0: where K > D, G alone has no inverse.

    Returns:
        A row for each token, 0 away from its neighbours; NaN where a vector is not finite.

    Raises:
        ToylabError: vectors that are not (N, D), K out of range, a vector that equals all its
            neighbours.

    Source: Roweis and Saul 2000, equation 2; the ridge is that of scikit-learn's
    ``LocallyLinearEmbedding``.

    Example:
        >>> lle_weights([[0.0], [1.0], [2.0]], neighbours=2, ridge=1e-9)[1].round(6).tolist()
        [0.5, 0.0, 0.5]
    """
    x_ND = checked_vectors("lle_weights", vectors)
    n = len(x_ND)
    check_number("lle_weights", "neighbours", neighbours, low=1, high=n - 1, whole=True)
    check_number("lle_weights", "ridge", ridge, above=0)
    if not np.isfinite(x_ND).all():
        return np.full((n, n), np.nan)
    near_NK = nearest(x_ND, neighbours)
    apart_NKD = x_ND[near_NK] - x_ND[:, None]
    gram_NKK = apart_NKD @ apart_NKD.swapaxes(1, 2)
    trace_N = np.trace(gram_NKK, axis1=1, axis2=2)
    if not trace_N.all():
        raise ToylabError(
            f"lle_weights: vector {int(trace_N.argmin())} equals all its {neighbours} neighbours; "
            "leave copies out."
        )
    gram_NKK += ridge * trace_N[:, None, None] * np.eye(neighbours)
    solved_NK = np.linalg.solve(gram_NKK, np.ones((n, neighbours, 1)))[..., 0]
    weights_NN = np.zeros((n, n))
    np.put_along_axis(weights_NN, near_NK, solved_NK / solved_NK.sum(1, keepdims=True), 1)
    return weights_NN


def local_agreement(
    vectors: Float[ArrayLike, "N D"], others: Float[ArrayLike, "N E"], neighbours: int
) -> float:
    """Mean cosine of the rows of two embeddings' :func:`lle_weights`.

    Beside it belongs the same with the tokens of one side shuffled: rows that share few neighbours
    have a cosine near 0.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(30, 3))
        >>> local_agreement(x, 5 * x[:, ::-1] + 1, 4).__round__(6)
        1.0
    """
    a_NN, b_NN = lle_weights(vectors, neighbours), lle_weights(others, neighbours)
    return float(_cosines(a_NN, _same_tokens("local_agreement", a_NN, b_NN)).mean())


def global_agreement(vectors: Float[ArrayLike, "N D"], others: Float[ArrayLike, "N E"]) -> float:
    """Pearson correlation, over pairs of tokens, of the cosines in two embeddings.

    A rotation and a scale change nothing, a shift does. NaN where a vector is not finite or 0, or
    all cosines are equal.

    Source: Lee et al. 2025.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(30, 3))
        >>> global_agreement(x, -5 * x[:, ::-1]).__round__(6)
        1.0
    """
    x_ND = checked_vectors("global_agreement", vectors)
    y_NE = _same_tokens("global_agreement", x_ND, checked_vectors("global_agreement", others))
    upper = np.triu_indices(len(x_ND), 1)
    pair = [_cosines(v[:, None], v[None])[upper] for v in (x_ND, y_NE)]
    if not all(np.ptp(side) > EQUAL for side in pair):
        return float("nan")
    pair = [side - side.mean() for side in pair]
    return float((pair[0] * pair[1]).sum() / np.sqrt((pair[0] ** 2).sum() * (pair[1] ** 2).sum()))


def nearest(x_ND: Float[np.ndarray, "N D"], count: int) -> np.ndarray:
    """The nearest others of each of N finite vectors, nearest first, (N, count)."""
    near = KDTree(x_ND).query(x_ND, count + 1)[1]
    self_last = np.argsort(near == np.arange(len(x_ND))[:, None], axis=1, kind="stable")
    return np.take_along_axis(near, self_last, 1)[:, :count]


def checked_vectors(owner: str, vectors: ArrayLike) -> Float[np.ndarray, "N D"]:
    """Return vectors in float64; refuse what is not (N, D) with N >= 2."""
    x_ND = np.asarray(vectors, np.float64)
    if x_ND.ndim != 2 or len(x_ND) < 2:
        raise ToylabError(f"{owner}: vectors of shape {x_ND.shape}; give (N, D) with N >= 2.")
    return x_ND


def _same_tokens(owner: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if len(a) != len(b):
        raise ToylabError(f"{owner}: {len(a)} and {len(b)} tokens; give the same ones to both.")
    return b


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return (a * b).sum(-1) / np.where(size > 0, size, np.nan)
