"""Directions of two dictionaries compared: best cosines, assignments, and what chance gives.

Cosines are signed: a code that is not negative cannot use a feature's opposite. F atoms, G
features, D width; leading axes are members, which are compared one by one.

Every score stands beside its null: in few dimensions the best of many random directions is near
anything.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from toylab.errors import ToylabError

LEAST = 1e-12  # a shorter atom has no direction


def cosines(
    one: Float[np.ndarray, "*p F D"], other: Float[np.ndarray, "*p G D"]
) -> Float[np.ndarray, "*p F G"]:
    """Return the signed cosines of all atoms with all features, in float64.

    Raises:
        ToylabError: vectors of different widths, or of length 0.

    Example:
        >>> cosines(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]])).tolist()
        [[1.0, -1.0]]
    """
    rows = [np.asarray(leaf, np.float64) for leaf in (one, other)]
    if any(leaf.ndim < 2 for leaf in rows) or rows[0].shape[-1] != rows[1].shape[-1]:
        shapes = " and ".join(str(leaf.shape) for leaf in rows)
        raise ToylabError(f"cosines: vectors of shapes {shapes}; give (..., F, D), (..., G, D).")
    for k, leaf in enumerate(rows):
        norm = np.linalg.norm(leaf, axis=-1, keepdims=True)
        if (norm < LEAST).any():
            raise ToylabError(
                "cosines: an atom of length 0 has no direction; leave out dead atoms that are 0."
            )
        rows[k] = leaf / norm
    return rows[0] @ rows[1].swapaxes(-1, -2)


class Recovery(NamedTuple):
    """How near a dictionary and true features are, each (...), NaN where the member diverged.

    Attributes:
        recall: mean over features of the best atom's cosine (MMCS from the features).
        precision: mean over atoms of the best feature's cosine (MMCS from the atoms).
        found: share of the features that some atom is nearer to than a cosine of 0.9.
        matched: mean cosine of features with atoms that are assigned one to one.
    """

    recall: np.ndarray
    precision: np.ndarray
    found: np.ndarray
    matched: np.ndarray


def recovery(
    atoms: Float[np.ndarray, "*p F D"], features: Float[np.ndarray, "*p G D"], level: float = 0.9
) -> Recovery:
    """Compare dictionaries with true features.

    Args:
        atoms: learned directions, of any length.
        features: true ones.
        level: cosine from which on a feature counts as found.

    Raises:
        ToylabError: what :func:`cosines` refuses.

    Source: MMCS, Sharkey et al. 2022; one-to-one, Fel et al. 2025 (arXiv:2502.12892).

    Example:
        >>> recovery(np.eye(3), np.eye(3)[:2]).recall.item()
        1.0
    """
    cos = cosines(atoms, features)
    best = cos.max(-2)
    found = np.where(np.isfinite(best).all(-1), (best > level).mean(-1), np.nan)
    return Recovery(best.mean(-1), cos.max(-1).mean(-1), found, _assigned(cos))


def stability(
    one: Float[np.ndarray, "*p F D"], other: Float[np.ndarray, "*p G D"]
) -> Float[np.ndarray, "*p"]:
    """Return the mean cosine of two dictionaries' atoms under the best one-to-one assignment.

    Where one has fewer atoms, all of its own are assigned.

    Source: Fel et al. 2025 (arXiv:2502.12892), by the Hungarian method.

    Example:
        >>> atoms = np.random.default_rng(0).normal(size=(5, 4))
        >>> float(stability(atoms, atoms[::-1]).round(12))
        1.0
    """
    return _assigned(cosines(one, other))


def matched_stability(
    one: Float[np.ndarray, "F D"],
    other: Float[np.ndarray, "E D"],
    features: Float[np.ndarray, "G D"],
) -> float:
    """Return the mean cosine of the two atoms that stand for each feature in two dictionaries.

    An atom stands for the feature that it is assigned to; atoms beyond the features, which may be
    dead or double, are left out, and features beyond the atoms too. NaN of what diverged.

    Example:
        >>> more = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
        >>> matched_stability(more, -more, np.eye(2))
        0.5
    """
    if not np.isfinite(cosines(one, other)).all():
        return float("nan")
    rows = [dict(zip(*assigned(cosines(a, features))[::-1], strict=True)) for a in (one, other)]
    pairs = [(rows[0][g], rows[1][g]) for g in rows[0] if g in rows[1]]
    return float(np.mean([cosines(one[[i]], other[[j]]).item() for i, j in pairs]))


def assigned(cos_FG: Float[np.ndarray, "F G"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the assignment with the largest sum."""
    return linear_sum_assignment(cos_FG, maximize=True)


def _assigned(cos: np.ndarray) -> np.ndarray:
    """Mean cosine of the best assignment of each member; NaN where it is not finite."""
    flat = cos.reshape(-1, *cos.shape[-2:])
    means = [
        cos_FG[assigned(cos_FG)].mean() if np.isfinite(cos_FG).all() else np.nan for cos_FG in flat
    ]
    return np.array(means).reshape(cos.shape[:-2])


def random_atoms(count: int, atoms: int, width: int, seed: int = 0) -> np.ndarray:
    """Return random directions (count, atoms, width) of length 1, to compare scores with.

    Example:
        >>> one, other = random_atoms(2, 64, 32)
        >>> round(float(stability(one, other)), 1)
        0.4
    """
    drawn = np.random.default_rng(seed).normal(size=(count, atoms, width))
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)
