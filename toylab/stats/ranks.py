"""How well values rank one kind of thing above another."""

import numpy as np
from jaxtyping import Bool, Float


def auc(values: Float[np.ndarray, " N"], positive: Bool[np.ndarray, " N"]) -> float | None:
    """Return the probability that a positive has a larger value than a negative (area under ROC).

    Ties count half; without positives or without negatives there is no such number.

    Example:
        >>> auc(np.array([3.0, 2, 1, 2]), np.array([True, True, False, False]))
        0.875
    """
    values, positive = np.asarray(values), np.asarray(positive)
    if positive.all() or not positive.any():
        return None
    gap = values[positive][:, None] - values[~positive][None]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())
