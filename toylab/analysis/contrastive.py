"""Contrastive covariance: the feature by which a head's queries and keys find each other.

Compare keys that share a latent with the query against keys that do not and agree in all else.
What remains of the query-key covariance is that latent's own part, whose rank and singular
vectors are the feature's size and its places in query and key space.

NumPy in float64 on the host. K is the head dimension; leading axes of queries, keys and
covariances (runs, heads) are kept.

Source: Lee, Belinkov, Viégas and Wattenberg 2026 (arXiv:2602.04752), with their code (ajyl/QK)
for the constants: not centred, 80 x 512 pairs, 99 % of the energy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.similarity.ranks import energy_rank
from toylab.errors import ToylabError, check_number


class KeyQueryFeature(NamedTuple):
    """One feature of one head.

    Attributes:
        rank: singular values that hold the asked share of the energy; 0 for no feature.
        values_K: all singular values, descending.
        query_KR: orthonormal basis of the feature among queries, (K, rank).
        key_KR: orthonormal basis among keys, (K, rank).
    """

    rank: int
    values_K: np.ndarray
    query_KR: np.ndarray
    key_KR: np.ndarray


def contrastive_covariance(
    query: Float[ArrayLike, "*lead N K"],
    positive: Float[ArrayLike, "*lead N K"],
    negative: Float[ArrayLike, "*lead N K"],
) -> Float[np.ndarray, "*lead K K"]:
    """Return ``E[q k+^T] - E[q k-^T]`` over N pairs, without centring.

    With queries ``W_Q B z`` and keys ``W_K A z``, where the positive key has the query's z and the
    negative an independent one of mean 0, it is ``W_Q B E[z z^T] A^T W_K^T``. Whatever else the
    two keys hold must be the same in both, or independent of the query with mean 0.

    Args:
        query: query vectors in head space (..., N, K).
        positive: keys that share the latent with their query.
        negative: the same keys with the latent drawn anew.

    Returns:
        Covariances (..., K, K), queries before keys.

    Raises:
        ToylabError: three shapes that differ, or no pairs.

    Source: Lee et al. 2026 (arXiv:2602.04752).
    """
    q, pos, neg = (np.asarray(x, np.float64) for x in (query, positive, negative))
    if q.ndim < 2 or q.shape[-2] == 0 or not q.shape == pos.shape == neg.shape:
        raise ToylabError(
            f"contrastive_covariance: shapes {q.shape}, {pos.shape}, {neg.shape}; give three of "
            "(..., N, K)."
        )
    return np.swapaxes(q, -1, -2) @ (pos - neg) / q.shape[-2]


def key_query_feature(
    covariance: Float[ArrayLike, "K K"], energy: float = 0.99, rank: int | None = None
) -> KeyQueryFeature:
    """Decompose one contrastive covariance: ``Delta C = U diag(s) V^T``.

    Args:
        covariance: one matrix (K, K), as of :func:`contrastive_covariance`.
        energy: share of the energy that sets the rank.
        rank: columns to keep instead, where the true rank is known.

    Raises:
        ToylabError: not one finite square matrix, or a rank above K.

    Source: Lee et al. 2026 (arXiv:2602.04752).

    Example:
        >>> key_query_feature(np.diag([3.0, 2.0, 0.0])).rank
        2
    """
    c = np.asarray(covariance, np.float64)
    if c.ndim != 2 or c.shape[0] != c.shape[1] or not np.isfinite(c).all():
        raise ToylabError(f"key_query_feature: shape {c.shape}; give one finite (K, K).")
    u, s, v = np.linalg.svd(c)
    if rank is None:
        rank = int(energy_rank(s, energy))
    check_number("key_query_feature", "rank", rank, low=0, high=len(c), whole=True)
    return KeyQueryFeature(rank, s, u[:, :rank], v[:rank].T)


# Subspaces ---------------------------------------------------------------------------------------


def subspace_overlap(a: Float[ArrayLike, "K R"], b: Float[ArrayLike, "K S"]) -> float:
    """Mean squared cosine of the principal angles of two subspaces.

    ``|A^T B|_F^2 / min(R, S)`` for orthonormal A and B: 1 when one lies within the other,
    ``max(R, S) / K`` on average for a random pair.
    """
    a, b = _basis("subspace_overlap", a), _basis("subspace_overlap", b)
    if len(a) != len(b) or not min(a.shape[1], b.shape[1]):
        raise ToylabError(f"subspace_overlap: bases {a.shape} and {b.shape}; give (K, R >= 1).")
    return float(((a.T @ b) ** 2).sum() / min(a.shape[1], b.shape[1]))


def union_basis(bases: Sequence[ArrayLike]) -> Float[np.ndarray, "K R"]:
    """Orthonormal basis of all that several subspaces span together.

    Directions that they share count once: those with a singular value below 1e-6 are dropped.
    """
    stacked = [_basis("union_basis", b) for b in bases]
    if len({len(b) for b in stacked}) != 1:
        raise ToylabError("union_basis: give bases (K, R) of one space K.")
    u, s, _ = np.linalg.svd(np.concatenate(stacked, axis=1), full_matrices=False)
    return u[:, s > 1e-6]


def random_basis(width: int, rank: int, seed: int) -> Float[np.ndarray, "K R"]:
    """Orthonormal basis of a uniformly drawn subspace, the control of a swap."""
    check_number("random_basis", "width", width, low=1, whole=True)
    check_number("random_basis", "rank", rank, low=0, high=width, whole=True)
    normal = np.random.default_rng(seed).normal(size=(width, width))
    q, r = np.linalg.qr(normal)
    return (q * np.sign(np.diag(r)))[:, :rank]


def swap(
    first: Float[ArrayLike, "*lead K"], second: Float[ArrayLike, "*lead K"], basis: ArrayLike
) -> tuple[Float[np.ndarray, "*lead K"], Float[np.ndarray, "*lead K"]]:
    """Exchange two keys' coordinates within a subspace and keep the rest.

    ``k1 <- k1 + V V^T (k2 - k1)`` and ``k2 <- k2 + V V^T (k1 - k2)``. When V holds all that
    the head matches by, attention moves with it.

    Args:
        first: keys (..., K).
        second: keys (..., K).
        basis: orthonormal V (K, R).

    Source: Lee et al. 2026 (arXiv:2602.04752), the causal test.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    v = _basis("swap", basis)
    if one.shape != two.shape or one.ndim < 1 or one.shape[-1] != len(v):
        raise ToylabError(f"swap: keys {one.shape}, {two.shape} and a basis {v.shape}.")
    step = (two - one) @ v @ v.T
    return one + step, two - step


# Weights -----------------------------------------------------------------------------------------


def latent_interaction(
    w_q: Float[ArrayLike, "D K"], w_k: Float[ArrayLike, "D K"], b: ArrayLike, a: ArrayLike
) -> Float[np.ndarray, "R S"]:
    """Return ``G = (B W_Q) (A W_K)^T``: how each query latent meets each key latent in a score.

    Args:
        w_q: query weights (D, K), applied as ``x @ w_q``.
        w_k: key weights (D, K).
        b: directions (R, D) of the query's latents.
        a: directions (S, D) of the key's latents.

    Source: Lee et al. 2026 (arXiv:2602.04752).
    """
    w_q, w_k, b, a = (np.asarray(x, np.float64) for x in (w_q, w_k, b, a))
    if not all(x.ndim == 2 for x in (w_q, w_k, b, a)) or w_q.shape != w_k.shape:
        raise ToylabError(f"latent_interaction: weights {w_q.shape}, {w_k.shape}; give (D, K).")
    if not b.shape[1] == a.shape[1] == len(w_q):
        raise ToylabError(
            f"latent_interaction: latents {b.shape}, {a.shape}; give directions (R, {len(w_q)})."
        )
    return (b @ w_q) @ (a @ w_k).T


def block_leak(interaction: Float[ArrayLike, "R R"], sizes: Sequence[int]) -> float:
    """Frobenius norm of G outside its diagonal blocks, against that inside.

    Args:
        interaction: G (R, R).
        sizes: number of latents of each feature, of sum R.
    """
    g = np.asarray(interaction, np.float64)
    if g.shape != (sum(sizes), sum(sizes)) or min(sizes, default=0) < 1:
        raise ToylabError(f"block_leak: G {g.shape} in blocks {tuple(sizes)}; they must add up.")
    which = np.repeat(np.arange(len(sizes)), sizes)
    inside = which[:, None] == which
    norm = np.linalg.norm(g[inside])
    return float(np.linalg.norm(g[~inside]) / norm) if norm > 0 else float("nan")


def _basis(owner: str, basis: ArrayLike) -> np.ndarray:
    v = np.asarray(basis, np.float64)
    if v.ndim != 2 or not np.allclose(v.T @ v, np.eye(v.shape[1]), atol=1e-5):
        raise ToylabError(f"{owner}: a basis of shape {v.shape}; give orthonormal columns (K, R).")
    return v
