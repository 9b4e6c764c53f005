"""How well something known orders or predicts outcomes within cells, with groups left out.

Units come in groups, as the networks of one seed, that are not independent; and in cells, as those
of one setting, whose means are no news. K units, F features, S groups.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

RIDGE = 1.0  # on standardised features


def concordance(
    x_K: Float[np.ndarray, " K"],
    y_K: Float[np.ndarray, " K"],
    group_K: Int[np.ndarray, " K"],
    pair_KK: Bool[np.ndarray, "K K"],
    gap: float = 0.0,
) -> tuple[float, Float[np.ndarray, " S"]]:
    """Return the chance that of two units the one with the larger y has the larger x.

    It is a statistic U of pairs and no mean over groups, but its jackknife pseudo-values
    ``S U - (S - 1) U_without_s`` have a mean close to U and its standard error. Ties of x count
    half.

    Args:
        x_K: what is known.
        y_K: what is to be ordered.
        group_K: groups; a pair is of two.
        pair_KK: which units may be a pair.
        gap: a pair differs in y by more.

    Returns:
        U, and a pseudo-value for each group in order; NaN where there are no pairs.

    Source: Arvesen 1969, "Jackknifing U-statistics".

    Example:
        >>> x, pairs = np.array([1.0, 2.0, 3.0]), np.ones((3, 3), bool)
        >>> concordance(x, x**2, np.arange(3), pairs)[0]
        1.0
    """
    kept_KK = pair_KK & (y_K[:, None] - y_K > gap) & (group_K[:, None] != group_K)
    won_KK = kept_KK * (0.5 + 0.5 * np.sign(x_K[:, None] - x_K))
    own_SK = (group_K == np.unique(group_K)[:, None]).astype(float)
    of_S = lambda pair_KK: own_SK @ (pair_KK.sum(0) + pair_KK.sum(1))
    with np.errstate(invalid="ignore"):
        whole = won_KK.sum() / np.float64(kept_KK.sum())
        without_S = (won_KK.sum() - of_S(won_KK)) / (kept_KK.sum() - of_S(kept_KK))
    return float(whole), len(own_SK) * whole - (len(own_SK) - 1) * without_S


def held_out(
    x_KF: Float[np.ndarray, "K F"],
    y_K: Float[np.ndarray, " K"],
    group_K: Int[np.ndarray, " K"],
    cell_K: Int[np.ndarray, " K"],
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Predict each unit's y from other groups, by its cell alone and by features besides.

    By the cell: their mean there. By features: that, and a ridge regression, one for all cells, of
    what y is above the cell's mean on what features are above theirs.

    Returns:
        Both predictions; NaN where no other group has the cell.
    """
    alone_K, more_K = np.full((2, len(y_K)), np.nan)
    cells, of_K = np.unique(cell_K, return_inverse=True)
    for group in np.unique(group_K):
        train_K = group_K != group
        in_CK = (np.arange(len(cells))[:, None] == of_K) & train_K
        has_K = in_CK.any(1)[of_K]
        mean = lambda v, own=in_CK: ((own @ v).T / np.maximum(own.sum(1), 1)).T[of_K]
        above_KF, above_K, alone = x_KF - mean(x_KF), y_K - mean(y_K), mean(y_K)
        fit, test = train_K & has_K, ~train_K & has_K
        scale_F = np.maximum(above_KF[fit].std(0), 1e-9)
        z_KF = above_KF / scale_F
        gram_FF = z_KF[fit].T @ z_KF[fit] + RIDGE * np.eye(z_KF.shape[1])
        slope_F = np.linalg.solve(gram_FF, z_KF[fit].T @ above_K[fit])
        alone_K[test] = alone[test]
        more_K[test] = alone[test] + z_KF[test] @ slope_F
    return alone_K, more_K
