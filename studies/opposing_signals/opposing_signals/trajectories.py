"""From a network's path to the losses of examples and groups, and how their changes go together.

NumPy in float64. T steps, N examples, D inputs.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.task import Batch

TOP = 0.01  # of the changes of single examples


def losses(sample: Batch, b_TD: Float[np.ndarray, "T D"]) -> Float[np.ndarray, "T N"]:
    """Return every example's loss ``(b . x - y)^2 / 2`` at every step."""
    x_ND, y_N = (np.asarray(leaf, np.float64) for leaf in (sample.inputs, sample.targets[:, 0]))
    return (b_TD @ x_ND.T - y_N) ** 2 / 2


def mean_of(loss_TN: Float[np.ndarray, "T N"], members_N: Bool[np.ndarray, " N"]) -> np.ndarray:
    """Return a group's mean loss (T,), NaN for an empty group."""
    if not members_N.any():
        return np.full(len(loss_TN), np.nan)
    return loss_TN[:, members_N].mean(1)


def together(
    first_T: Float[np.ndarray, " T"],
    second_T: Float[np.ndarray, " T"],
    steps_T: Bool[np.ndarray, " T"],
) -> float:
    """Return the correlation of the changes of two losses from one step to the next.

    Args:
        first_T, second_T: the losses.
        steps_T: the steps at which changes count; that of a step is from it to the next.

    Returns:
        Pearson's correlation; NaN for fewer than three changes, or where one loss never changes.

    Example:
        >>> rising, falling = np.array([0.0, 1, 3, 4]), np.array([4.0, 3, 1, 0])
        >>> together(rising, falling, np.ones(4, bool))
        -1.0
    """
    one, two = (np.diff(loss_T)[steps_T[:-1]] for loss_T in (first_T, second_T))
    if len(one) < 3 or not (np.isfinite(one) & np.isfinite(two)).all():
        return np.nan
    one, two = one - one.mean(), two - two.mean()
    size = np.sqrt((one**2).sum() * (two**2).sum())
    return float((one * two).sum() / size) if size > 0 else np.nan


def top_share(
    loss_TN: Float[np.ndarray, "T N"],
    members_N: Bool[np.ndarray, " N"],
    steps_T: Bool[np.ndarray, " T"],
) -> float:
    """Return which share of the largest single changes, the top 1%, are of some examples."""
    change_TN = np.abs(np.diff(loss_TN, axis=0))[steps_T[:-1]]
    if not change_TN.size or not np.isfinite(change_TN).all():
        return np.nan
    count = max(1, int(TOP * change_TN.size))
    top = np.argpartition(change_TN.ravel(), -count)[-count:]
    return float(members_N[top % change_TN.shape[1]].mean())


def rise(loss_T: Float[np.ndarray, " T"]) -> float:
    """Return the largest rise of a loss above the least before it, as a share of the first loss.

    Example:
        >>> rise(np.array([4.0, 1.0, 2.0, 1.5]))
        0.25
    """
    return float((loss_T - np.minimum.accumulate(loss_T)).max() / loss_T[0])


def random_groups(
    group_N: Int[np.ndarray, " N"], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return two random sets of examples, masks (N,), as large as the first group and disjoint."""
    size = max(1, int((group_N == 1).sum()))
    order = rng.permutation(len(group_N))
    first, second = (np.isin(np.arange(len(group_N)), order[s]) for s in _slices(size))
    return first, second


def _slices(size: int) -> tuple[slice, slice]:
    return slice(0, size), slice(size, 2 * size)
