"""Places in space and time read off activations, with the nulls that a smooth map calls for.

Whatever is smooth in space is partly read off any smooth code of space. So a probe of coordinates
stands beside probes of random fields that are as smooth, and is scored on blocks that it has not
seen. NumPy in float64 on the host.

Source: Gurnee and Tegmark 2023 (2310.02207); the null of fields is this laboratory's.

Shape suffixes: N entities, D width, T targets, K coordinates.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number


def held_out_by_block(
    x: Float[ArrayLike, "N D"],
    y: Float[ArrayLike, "N T"],
    blocks: Int[ArrayLike, " N"],
    l2: float = 1.0,
) -> Float[np.ndarray, "N T"]:
    """Predict each block of entities by a ridge probe of all the others.

    The probe minimises ``mean_n |y_n - (x_n - mean) W - mean|^2 + l2 s |W|^2``, s the mean variance
    of an activation: blind to the number of entities and to the scale of x, unlike a fixed alpha.

    Args:
        x: activations.
        y: targets; many cost little more than one.
        blocks: number of each entity's block, such as its country.
        l2: penalty, above 0.

    Returns:
        Predictions; NaN where an activation is not finite.

    Raises:
        ToylabError: shapes that do not fit, fewer than two blocks.

    Source: Gurnee and Tegmark 2023, section 4.1, held-out countries.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(40, 3))
        >>> y = x @ [[1.0], [2.0], [3.0]] + 5
        >>> bool(r2_held_out(held_out_by_block(x, y, np.arange(40) % 4, 1e-6), y) > 0.999)
        True
    """
    x_ND, y_NT, block_N = np.asarray(x, np.float64), np.asarray(y, np.float64), np.asarray(blocks)
    if x_ND.ndim != 2 or y_NT.ndim != 2 or not len(x_ND) == len(y_NT) == block_N.size:
        raise ToylabError(
            f"held_out_by_block: x {x_ND.shape}, y {y_NT.shape}, blocks {block_N.shape}; give "
            "(N, D), (N, T) and (N,)."
        )
    check_number("held_out_by_block", "l2", l2, above=0)
    names = np.unique(block_N)
    if len(names) < 2:
        raise ToylabError("held_out_by_block: one block; give at least two, to leave one out.")
    if not np.isfinite(x_ND).all():
        return np.full(y_NT.shape, np.nan)
    found_NT = np.empty_like(y_NT)
    for name in names:
        out = block_N == name
        weight_DT = ridge_map(x_ND[~out], y_NT[~out], l2)
        found_NT[out] = (x_ND[out] - x_ND[~out].mean(0)) @ weight_DT + y_NT[~out].mean(0)
    return found_NT


def ridge_map(
    x: Float[np.ndarray, "N D"], y: Float[np.ndarray, "N T"], l2: float
) -> Float[np.ndarray, "D T"]:
    """Return W of the probe in :func:`held_out_by_block`, of centred activations and targets."""
    x, y = x - x.mean(0), y - y.mean(0)
    cov_DD = x.T @ x / len(x)
    loaded_DD = cov_DD + l2 * max(np.trace(cov_DD) / len(cov_DD), 1e-300) * np.eye(len(cov_DD))
    return np.linalg.solve(loaded_DD, x.T @ y / len(x))


def r2_held_out(
    predicted: Float[ArrayLike, "N T"], y: Float[ArrayLike, "N T"], together: int = 1
) -> np.ndarray:
    """``1 - sum (y - p)^2 / sum (y - mean)^2`` of each target, or of each group of some.

    Args:
        predicted: of held-out entities.
        y: targets.
        together: targets side by side whose sums are added before the ratio, such as the two
            coordinates of a place; it divides T.

    Returns:
        One number per target or group; NaN of what never moves.

    Example:
        >>> r2_held_out([[0.0], [1.0], [2.0]], [[0.0], [1.0], [3.0]]).round(3).tolist()
        [0.786]
    """
    p_NT, y_NT = np.asarray(predicted, np.float64), np.asarray(y, np.float64)
    spread_T = np.where(np.ptp(y_NT, 0) > 0, ((y_NT - y_NT.mean(0)) ** 2).sum(0), 0.0)
    sums = ((y_NT - p_NT) ** 2).sum(0), spread_T
    error, spread = (s.reshape(-1, together).sum(1) for s in sums)
    return 1 - error / np.where(spread > 0, spread, np.nan)


def proximity_error(
    predicted: Float[ArrayLike, "N K"], places: Float[ArrayLike, "N K"]
) -> Float[np.ndarray, " N"]:
    """Share of the other entities that are nearer to the true place than the prediction is.

    Half is chance. NaN where the prediction is.

    Source: Gurnee and Tegmark 2023, section 3.2.

    Example:
        >>> proximity_error([[0.0], [1.0], [0.9]], [[0.0], [1.0], [2.0]]).tolist()
        [0.0, 0.0, 0.5]
    """
    p_NK, y_NK = np.asarray(predicted, np.float64), np.asarray(places, np.float64)
    miss_N = np.linalg.norm(p_NK - y_NK, axis=1)
    far_NN = np.linalg.norm(y_NK[:, None] - y_NK[None], axis=-1)
    nearer_N = (far_NN < miss_N[:, None]).sum(1) - (miss_N > 0)  # itself is at distance 0
    return np.where(np.isfinite(miss_N), nearer_N / (len(y_NK) - 1), np.nan)


def smooth_fields(
    places: Float[ArrayLike, "N K"], draws: int, seed: int = 0, length: float | None = None
) -> Float[np.ndarray, "N R"]:
    """Draw Gaussian random fields that are as smooth in space as the coordinates are.

    Their covariance is ``exp(-d^2 / 2 l^2)``, so that neighbours at a distance d differ, squared
    and halved, by ``d^2 / 2 l^2`` of the variance. In a coordinate, over all directions, they
    differ by ``d^2 / 2 K`` over its variance. With ``l^2`` the variance of all K coordinates
    together, the default, the two are the same.

    Args:
        places: of the entities.
        draws: R.
        seed: of the fields.
        length: l, above 0.

    Raises:
        ToylabError: places that are not (N, K), or a number out of range.

    Source: this laboratory; the variogram: Matheron 1963.

    Example:
        >>> smooth_fields(np.random.default_rng(0).normal(size=(9, 2)), draws=5).shape
        (9, 5)
    """
    y_NK = np.asarray(places, np.float64)
    if y_NK.ndim != 2 or len(y_NK) < 2:
        raise ToylabError(f"smooth_fields: places of shape {y_NK.shape}; give (N, K), N >= 2.")
    check_number("smooth_fields", "draws", draws, low=1, whole=True)
    scale = float(np.sqrt(y_NK.var(0).sum())) if length is None else length
    check_number("smooth_fields", "length", scale, above=0)
    square_NN = ((y_NK[:, None] - y_NK[None]) ** 2).sum(-1)
    values, vectors = np.linalg.eigh(np.exp(-square_NN / (2 * scale**2)))
    root = vectors * np.sqrt(np.clip(values, 0, None))  # rounding leaves eigenvalues below 0
    return root @ np.random.default_rng(seed).normal(size=(len(y_NK), draws))
