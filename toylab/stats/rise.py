"""How suddenly a curve rises: the greatest rise within a window."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError


class Rise(NamedTuple):
    """The greatest rise of a curve within a window.

    Attributes:
        size: by how much the curve rises.
        start: step at which the rise begins.
        end: step at which it ends.
        before: the curve's value at ``start``.
    """

    size: float
    start: float
    end: float
    before: float

    @property
    def middle(self) -> float:
        """The step half-way between start and end."""
        return (self.start + self.end) / 2


def greatest_rise(
    step_S: Float[ArrayLike, " S"], value_S: Float[ArrayLike, " S"], window: float
) -> Rise:
    """Find ``max v_t - v_s`` over recorded steps ``s < t <= s + window``.

    Of equal rises the shortest counts, and of those the first. A curve with NaN has a NaN rise.

    Args:
        step_S: ascending recorded steps.
        value_S: the curve; negate it for its greatest fall.
        window: in steps.

    Raises:
        ToylabError: steps that do not ascend, or two lengths that differ.

    Example:
        >>> greatest_rise([0, 10, 20], [0.0, 0.1, 0.7], window=10).start
        10.0
    """
    step_S, value_S = np.asarray(step_S, np.float64), np.asarray(value_S, np.float64)
    if step_S.ndim != 1 or step_S.shape != value_S.shape or (np.diff(step_S) <= 0).any():
        raise ToylabError(
            f"greatest_rise: steps {step_S.shape} and values {value_S.shape}; give one value for "
            "each of S ascending steps."
        )
    ahead_SS = step_S[None] - step_S[:, None]
    open_SS = (ahead_SS > 0) & (ahead_SS <= window * (1 + 1e-9))
    if np.isnan(value_S).any() or not open_SS.any():
        return Rise(*[float("nan")] * 4)
    rise_SS = np.where(open_SS, value_S[None] - value_S[:, None], -np.inf)
    # A hair off for longer ones, so that the shortest of equal rises is found.
    flat_X = (rise_SS - 1e-9 * ahead_SS / max(window, 1)).ravel()
    i, j = np.unravel_index(flat_X.argmax(), open_SS.shape)
    return Rise(*map(float, (rise_SS[i, j], step_S[i], step_S[j], value_S[i])))
