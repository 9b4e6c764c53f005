"""Signs of training at the edge of stability, in losses recorded at every step.

Gradient descent at a rate is unstable along a direction of curvature beyond 2 / rate. Sharpness
that rises to it hovers there; losses that depend on the direction swing from step to step, those of
examples that it helps against those of examples that it harms, and the mean loss may spike.

Everything here is NumPy. Shape suffixes: T steps, N examples.

Sources: Cohen et al. 2021 (arXiv:2103.00065); groups in opposition, Rosenfeld and Risteski 2023
(arXiv:2311.04163).
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike


def edge(rate: ArrayLike, momentum: ArrayLike = 0.0) -> np.ndarray:
    """Return the curvature beyond which gradient descent is unstable: ``(2 + 2 m) / rate``.

    For the loss that is descended; heavy-ball momentum ``v <- m v + g``.

    Example:
        >>> edge(0.25), edge(0.25, 0.5)
        (np.float64(8.0), np.float64(12.0))
    """
    return ((2 + 2 * np.asarray(momentum)) / np.asarray(rate, np.float64))[()]


def together(
    first_T: Float[np.ndarray, " T"],
    second_T: Float[np.ndarray, " T"],
    steps_T: Bool[np.ndarray, " T"],
) -> float:
    """Return the correlation of the changes of two losses from one step to the next.

    Negative where one falls as the other rises, whether they swing or drift; see :func:`swing`.

    Args:
        first_T: the one loss.
        second_T: the other.
        steps_T: the steps at which changes count; that of a step is from it to the next.

    Returns:
        Pearson's correlation; NaN for fewer than three changes, or where one loss never changes.

    Example:
        >>> rising, falling = np.array([0.0, 1, 3, 4]), np.array([4.0, 3, 1, 0])
        >>> together(rising, falling, np.ones(4, bool))
        -1.0
    """
    return _correlation(*(np.diff(loss_T)[steps_T[:-1]] for loss_T in (first_T, second_T)))


def swing(value_T: Float[np.ndarray, " T"], steps_T: Bool[np.ndarray, " T"]) -> float:
    """Return the correlation of a value's changes with the next ones: -1 for a steady swing.

    Args:
        value_T: such as the difference of two groups' losses.
        steps_T: the steps at which changes count; a pair counts where both do.

    Example:
        >>> swing(np.array([0.0, 1, 0, 1, 0, 1]), np.ones(6, bool))
        -1.0
    """
    change, both = np.diff(value_T), steps_T[:-2] & steps_T[1:-1]
    return _correlation(change[:-1][both], change[1:][both])


def rise(loss_T: Float[np.ndarray, " T"]) -> float:
    """Return the largest rise of a loss above the least before it, as a share of the first loss.

    Example:
        >>> rise(np.array([4.0, 1.0, 2.0, 1.5]))
        0.25
    """
    return float((loss_T - np.minimum.accumulate(loss_T)).max() / loss_T[0])


def top_share(
    loss_TN: Float[np.ndarray, "T N"],
    members_N: Bool[np.ndarray, " N"],
    steps_T: Bool[np.ndarray, " T"],
    top: float = 0.01,
) -> float:
    """Return which share of the largest changes of single examples' losses are of some examples.

    Args:
        loss_TN: every example's loss.
        members_N: the examples.
        steps_T: the steps at which changes count.
        top: share of all changes, the largest in size, that are looked at.

    Returns:
        The share; NaN where there are no changes, or some are not finite.

    Example:
        >>> each = np.array([[0.0, 0.0], [5.0, 1.0], [0.0, 0.0]])
        >>> top_share(each, np.array([True, False]), np.ones(3, bool), top=0.5)
        1.0
    """
    change_TN = np.abs(np.diff(loss_TN, axis=0))[steps_T[:-1]]
    if not change_TN.size or not np.isfinite(change_TN).all():
        return np.nan
    count = max(1, int(top * change_TN.size))
    largest = np.argpartition(change_TN.ravel(), -count)[-count:]
    return float(members_N[largest % change_TN.shape[1]].mean())


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Pearson's correlation, NaN where there is none."""
    if len(one) < 3 or not (np.isfinite(one) & np.isfinite(two)).all():
        return np.nan
    one, two = one - one.mean(), two - two.mean()
    size = np.sqrt((one**2).sum() * (two**2).sum())
    return float((one * two).sum() / size) if size > 0 else np.nan
