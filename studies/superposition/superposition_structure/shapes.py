"""Shapes that features take in the study ``superposition_structure``.

Shapes of arrays: P members, M hidden dimensions, N features. Columns of W_PMN are the features'
directions.
"""

import numpy as np
from jaxtyping import Float

from toylab.tasks.superposition.arrangements import circle, cosines, gap_error

KEPT = 0.5  # a feature of norm above this counts as kept; one of a collapsed pair has 1/sqrt(2)
COLLAPSED = 0.9  # cosine above which a pair counts as one direction
ANTIPODAL = -0.95  # cosine below which two features count as a digon


def nonuniform(W_P2N: Float[np.ndarray, "P 2 N"]) -> dict[str, np.ndarray]:
    """Shape of five features of which the last has its own density.

    Returns:
        ``norm`` of the last feature; ``neighbour_angle``, half the angle between its two
        neighbours; ``gap_error``; ``kind``: pentagon (all kept), digons (the last not kept, the
        others antipodal in twos) or other.
    """
    norm_PN = np.linalg.norm(W_P2N, axis=1)
    order_PN, gap_PN = circle(W_P2N)
    place_P = np.argmax(order_PN == W_P2N.shape[2] - 1, axis=1)
    rows_P = np.arange(len(W_P2N))
    neighbour_P = (gap_PN[rows_P, place_P] + gap_PN[rows_P, place_P - 1]) / 2
    others_P = (norm_PN[:, :-1] > KEPT).all(1)
    nearest_PN = cosines(W_P2N[:, :, :-1]).min(-1)
    digons_P = others_P & (norm_PN[:, -1] <= KEPT) & (nearest_PN < ANTIPODAL).all(1)
    kind_P = np.where(digons_P, "digons", "other")
    return {
        "norm": norm_PN[:, -1],
        "neighbour_angle": neighbour_P,
        "gap_error": gap_error(W_P2N),
        "kind": np.where((norm_PN > KEPT).all(1), "pentagon", kind_P),
    }


def within_pairs(W_PMN: Float[np.ndarray, "P M N"]) -> Float[np.ndarray, "P K"]:
    """Cosine within each of the pairs (0, 1), (2, 3), ..."""
    return cosines(W_PMN)[:, 0::2, 1::2].diagonal(axis1=1, axis2=2)


def pairs(W_PMN: Float[np.ndarray, "P M N"]) -> dict[str, np.ndarray]:
    """Cosines within pairs: the greatest size and the greatest value."""
    within_PK = within_pairs(W_PMN)
    return {"largest_size": np.abs(within_PK).max(1), "largest": within_PK.max(1)}


def collapse(W_P2N: Float[np.ndarray, "P 2 N"]) -> dict[str, np.ndarray]:
    """Where pairs of features stand between their principal component and superposition.

    Returns:
        ``collapsed``: pairs kept as one direction; ``stretch``: greatest distance of a singular
        value of W from 1, 0 where W^T W is a projection;
        ``sum_share``: share of ||W||^2 that reads the pairs' sums, 1 for principal components of
        correlated pairs and 1/2 for random directions; ``side_by_side``: whether every feature is
        kept and next to its partner round the circle; ``gap_error``.
    """
    norm_PN = np.linalg.norm(W_P2N, axis=1)
    within_PK = within_pairs(W_P2N)
    both_PK = (norm_PN[:, 0::2] > KEPT) & (norm_PN[:, 1::2] > KEPT)
    sum_P = ((W_P2N[:, :, 0::2] + W_P2N[:, :, 1::2]) ** 2).sum((1, 2)) / 2
    order_PN, _ = circle(W_P2N)
    pair_PN = order_PN // 2
    # Each pair adjacent: round the circle the pair changes only as often as there are pairs.
    changes_P = (pair_PN != np.roll(pair_PN, 1, axis=1)).sum(1)
    return {
        "collapsed": ((within_PK > COLLAPSED) & both_PK).sum(1).astype(np.float64),
        "stretch": np.abs(np.linalg.svd(W_P2N, compute_uv=False) - 1).max(1),
        "sum_share": sum_P / np.maximum((norm_PN**2).sum(1), 1e-12),
        "side_by_side": ((norm_PN > KEPT).all(1) & (changes_P == within_PK.shape[1])).astype(float),
        "gap_error": gap_error(W_P2N),
    }


def bases(W_PMN: Float[np.ndarray, "P M N"], groups: int = 2) -> dict[str, np.ndarray]:
    """Overlap of features within and across sets.

    Returns:
        ``within``, ``across``: mean over features of the greatest |cosine| to a feature of the
        same set, and of another; ``within_share``: share within sets of the squared overlaps
        (W_i . W_j)^2, i != j.
    """
    n = W_PMN.shape[2]
    set_N = np.arange(n) // (n // groups)
    same_NN = (set_N[:, None] == set_N) & ~np.eye(n, dtype=bool)
    other_NN = set_N[:, None] != set_N
    size_PNN = np.abs(cosines(W_PMN))
    square_PNN = np.einsum("pmi,pmj->pij", W_PMN, W_PMN) ** 2
    within_P = (square_PNN * same_NN).sum((1, 2))
    return {
        "within": (size_PNN * same_NN).max(-1).mean(-1),
        "across": (size_PNN * other_NN).max(-1).mean(-1),
        "within_share": within_P / (within_P + (square_PNN * other_NN).sum((1, 2))),
    }
