"""How many bound pairs fit into one vector before the nearest item is a wrong one."""

import numpy as np
from jaxtyping import Float

from toylab.analysis.binding.holographic import bind, gaussian_role, unbind, unitary_role
from toylab.errors import ToylabError, check_number

ROLES = {"unitary": unitary_role, "gaussian": gaussian_role}


def clean_up(vectors: Float[np.ndarray, "N D"], items: Float[np.ndarray, "M D"]) -> np.ndarray:
    """Number of the item nearest to each vector in cosine (N,)."""
    norm_M = np.linalg.norm(items, axis=1)
    return np.argmax(vectors @ items.T / np.where(norm_M > 0, norm_M, np.inf), 1)


def holographic_capacity(
    width: int, pairs: int, kind: str, items: int = 32, trials: int = 100, seed: int = 0
) -> float:
    """Share of fillers found again in a sum of holographic pairs, by enumeration of all items.

    ``kind`` is "unitary" or "gaussian". In each trial all items and roles are new, and the items
    bound are different ones.

    Raises:
        ToylabError: an unknown kind of role, or more pairs than items.

    Example:
        >>> holographic_capacity(256, 2, "unitary", trials=10)
        1.0
    """
    if kind not in ROLES:
        raise ToylabError(f"holographic_capacity: kind {kind!r}; known: unitary, gaussian.")
    check_number("holographic_capacity", "pairs", pairs, 1, items, whole=True)
    check_number("holographic_capacity", "trials", trials, 1, whole=True)
    rng = np.random.default_rng(seed)
    return float(np.mean([_trial(rng, width, pairs, kind, items) for _ in range(trials)]))


def _trial(rng: np.random.Generator, width: int, pairs: int, kind: str, items: int) -> float:
    """Share of the fillers of one vector that are found again."""
    item_MD = rng.normal(size=(items, width)) / np.sqrt(width)
    role_KD = np.stack([ROLES[kind](rng, width) for _ in range(pairs)])
    chosen_K = rng.choice(items, pairs, replace=False)
    memory_D = bind(role_KD, item_MD[chosen_K]).sum(0)
    found_KD = unbind(role_KD, np.broadcast_to(memory_D, role_KD.shape))
    return float(np.mean(clean_up(found_KD, item_MD) == chosen_K))
