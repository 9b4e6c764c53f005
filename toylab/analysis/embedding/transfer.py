"""EMB2EMB: a linear map between two models' embeddings carries a steering vector across.

Source: Lee et al. 2025 (2503.21073). NumPy in float64 on the host.

Shape suffixes: N shared tokens, D width of the source, E of the target.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.analysis.embedding.local import checked_vectors
from toylab.errors import ToylabError, check_number


def linear_map(
    source: Float[ArrayLike, "N D"], target: Float[ArrayLike, "N E"]
) -> Float[np.ndarray, "D E"]:
    """Map of least squares between centred embeddings: ``A = argmin |(X - mean) A - (Y - mean)|``.

    A direction v of the source becomes ``v @ A``. With fewer tokens than N > D the map would merely
    interpolate, and is refused.

    Args:
        source: vectors of the shared tokens in one model.
        target: in the other.

    Returns:
        NaN where a vector is not finite.

    Raises:
        ToylabError: different tokens, or no more of them than the source is wide.

    Source: Lee et al. 2025, EMB2EMB.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(9, 2))
        >>> linear_map(x, x @ [[3, 2], [1, 4]] + 7).round(6).tolist()
        [[3.0, 2.0], [1.0, 4.0]]
    """
    x_ND, y_NE = (checked_vectors("linear_map", side) for side in (source, target))
    n, d = x_ND.shape
    if len(y_NE) != n or n <= d:
        raise ToylabError(
            f"linear_map: {n} and {len(y_NE)} tokens, source of width {d}; give the same tokens to "
            f"both, more than {d}, or the map interpolates."
        )
    if not (np.isfinite(x_ND).all() and np.isfinite(y_NE).all()):
        return np.full((d, y_NE.shape[1]), np.nan)
    return np.linalg.lstsq(x_ND - x_ND.mean(0), y_NE - y_NE.mean(0), rcond=None)[0]


def random_map(map_DE: Float[ArrayLike, "D E"], seed: int = 0) -> Float[np.ndarray, "D E"]:
    """A map of the same singular values between random directions: the control.

    Example:
        >>> drawn = random_map(np.diag([3.0, 1.0]))
        >>> np.linalg.svd(drawn, compute_uv=False).round(6).tolist()
        [3.0, 1.0]
    """
    a_DE = np.asarray(map_DE, np.float64)
    if not np.isfinite(a_DE).all():
        return np.full(a_DE.shape, np.nan)
    rng = np.random.default_rng(seed)
    s = np.linalg.svd(a_DE, compute_uv=False)
    turns = [np.linalg.qr(rng.normal(size=(side, len(s))))[0] for side in a_DE.shape]
    return turns[0] * s @ turns[1].T


def slope(doses: Float[ArrayLike, " S"], effects: Float[ArrayLike, "*lead S"]) -> np.ndarray:
    """Slope of effects over doses through the origin, ``sum s e / sum s^2``, (...).

    Example:
        >>> slope([1.0, 2.0], [2.0, 4.0])
        np.float64(2.0)
    """
    s, e = np.asarray(doses, np.float64), np.asarray(effects, np.float64)
    check_number("slope", "the largest dose", np.abs(s).max(initial=0), above=0)
    return (e * s).sum(-1) / (s * s).sum()
