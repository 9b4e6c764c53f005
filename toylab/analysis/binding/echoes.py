"""Echoes of a concept in a dictionary, and the order that codes keep.

Shape suffixes: N concepts, K roles, D width, F atoms, O ordered pairs, T times.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components

from toylab.analysis.recovery.directions import cosines
from toylab.errors import ToylabError

NEAR = 0.9  # cosine from which on an atom is a direction


def multiplicity(
    atoms: Float[np.ndarray, "F D"], images: Float[np.ndarray, "K N D"], level: float = NEAR
) -> float:
    """Mean number of distinct atoms of a concept: those near its image in some role.

    Atoms that are nearer to each other than the level, or joined by such, count as one.

    Source: the feature multiplicity of Wattenberg & Viegas 2024 (arXiv:2407.14662); how atoms are
    counted is this laboratory's.

    Example:
        >>> f = np.eye(4)[:2]
        >>> multiplicity(np.eye(4), np.stack([f, np.roll(f, 2, 1)]))
        2.0
    """
    near_KFN = np.stack([np.greater(cosines(atoms, image_ND), level) for image_ND in images])
    joined_FF = np.greater(cosines(atoms, atoms), level)
    groups = [
        connected_components(joined_FF[np.ix_(own, own)], directed=False)[0] if own.any() else 0
        for own in np.asarray(near_KFN.any(0)).T
    ]
    return float(np.mean(groups))


def told_apart(codes: Float[np.ndarray, "O T F"], swapped: Int[np.ndarray, " O"]) -> float:
    """Accuracy of which way round a pair is, by the nearer of the mean codes of both ways.

    Means are of every other time, and judged on the rest; a tie is right by half. ``swapped`` is
    the number of each pair the other way round.

    Raises:
        ToylabError: each pair only once, so that nothing is left to judge.

    Example:
        >>> codes = np.array([[[1.0, 0.0]] * 4, [[0.0, 1.0]] * 4])
        >>> told_apart(codes, np.array([1, 0])), told_apart(codes * 0, np.array([1, 0]))
        (1.0, 0.5)
    """
    if codes.ndim != 3 or codes.shape[1] < 2 or len(swapped) != len(codes):
        raise ToylabError(
            f"told_apart: codes {codes.shape}, {len(swapped)} swapped; give (pairs, times >= 2, F)."
        )
    mean_OF, left_OTF = codes[:, ::2].mean(1), codes[:, 1::2]
    own_OT, other_OT = (
        ((left_OTF - mean[:, None]) ** 2).sum(-1) for mean in (mean_OF, mean_OF[swapped])
    )
    return float(np.mean(own_OT < other_OT) + np.mean(own_OT == other_OT) / 2)


def order_kept(
    x: Float[np.ndarray, "O T D"],
    codes: Float[np.ndarray, "O T F"],
    pairs: Int[np.ndarray, "O 2"],
    swapped: Int[np.ndarray, " O"],
    atom: Int[np.ndarray, " N"],
) -> dict[str, float]:
    """Where the order of pairs is: in vectors, in codes, or in which codes are active.

    Args:
        x: vectors of pairs, each several times.
        codes: their codes.
        pairs: numbers of each pair's two concepts.
        swapped: number of each pair the other way round.
        atom: the atom of each concept.

    Returns:
        ``order_x``, ``order_codes``, ``order_active``: see :func:`told_apart`; ``same_active``, how
        often a pair's active atoms are those of it the other way round; ``order_sign``, how often
        the first concept's code is the greater of the two, a tie by half.
    """
    active_OTF = codes > 0
    first_OT, second_OT = np.moveaxis(np.take_along_axis(codes, atom[pairs][:, None], 2), 2, 0)
    sign = np.mean(first_OT > second_OT) + np.mean(first_OT == second_OT) / 2
    looks = {"order_x": x, "order_codes": codes, "order_active": active_OTF.astype(np.float64)}
    return {name: told_apart(look, swapped) for name, look in looks.items()} | {
        "same_active": float(np.equal(active_OTF, active_OTF[swapped]).all(-1).mean()),
        "order_sign": float(sign),
    }


def role_atoms(
    atoms: Float[np.ndarray, "F D"],
    codes: Float[np.ndarray, "B F"],
    holds: Bool[np.ndarray, "B M"],
) -> Float[np.ndarray, "M D"]:
    """The atom of each property, as a concept's being in a role, by labels alone.

    It is the one whose code correlates best with it; atoms that never fire are nobody's.

    Example:
        >>> holds = np.array([[True, False], [False, True], [False, False]])
        >>> role_atoms(np.eye(3), holds[:, [1, 1, 0]] * 2.0, holds).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    z_BF, y_BM = (a - a.mean(0) for a in (codes, holds.astype(np.float64)))
    norm_F, norm_M = (np.linalg.norm(a, axis=0) for a in (z_BF, y_BM))
    alive_F1 = (norm_F > 0)[:, None]
    product_FM = z_BF.T @ y_BM / np.maximum(norm_M, 1e-12)
    correlation_FM = product_FM / np.where(alive_F1, norm_F[:, None], 1)
    return atoms[np.where(alive_F1, correlation_FM, -2.0).argmax(0)]


def in_plane(
    vectors: Float[np.ndarray, "M D"], axis: Float[np.ndarray, " D"], up: Float[np.ndarray, " D"]
) -> Float[np.ndarray, "M 2"]:
    """Cosines of vectors with an axis, and with what another vector has beside it.

    Example:
        >>> in_plane(np.array([[0.0, 3.0]]), np.array([1.0, 0.0]), np.array([1.0, 1.0])).tolist()
        [[0.0, 1.0]]
    """
    unit = lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
    first_D = unit(axis)
    second_D = unit(up - (up @ first_D) * first_D)
    return unit(vectors) @ np.stack([first_D, second_D], 1)


def directions_by_place(table: Float[np.ndarray, "N N D"]) -> dict[str, float]:
    """Whether an item has one direction in both places of a pair, or one of its own in each.

    The best sum ``u(i) + v(j)`` of a vector for each item and place is that of the table's means.

    Returns:
        ``additive``, share of the variance that is in the sum; ``same_map``, share of the variance
        of v in ``c u``, c a number; ``echo``, the mean cosine of ``u(i)`` and ``v(i)``, and
        ``shuffled_echo``, of different items. All of vectors less their mean.
    """
    table = table.astype(np.float64) - table.mean((0, 1), dtype=np.float64)
    u_ND, v_ND = table.mean(1), table.mean(0)
    left = table - u_ND[:, None] - v_ND[None]
    square = lambda a: float((a**2).sum())
    unit = lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosine = lambda other: float((unit(u_ND) * unit(other)).sum(1).mean())
    overlap = float((u_ND * v_ND).sum())
    return {
        "additive": 1 - square(left) / max(square(table), 1e-12),
        "same_map": overlap**2 / max(square(u_ND) * square(v_ND), 1e-12),
        "echo": cosine(v_ND),
        "shuffled_echo": cosine(np.roll(v_ND, 1, 0)),
    }
