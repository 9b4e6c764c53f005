"""Where a path turns."""

import numpy as np
from jaxtyping import Float

from toylab.errors import ToylabError


def elbow(path_SX: Float[np.ndarray, "S X"]) -> int | None:
    """Return the record at which a path is farthest from the chord of its two ends.

    Unlike the sharpest angle it does not depend on how densely the path was recorded, nor on
    noise where it hardly moves. None for a path with NaN, or one that is its own chord.

    Args:
        path_SX: points in order.

    Raises:
        ToylabError: fewer than two points.

    Example:
        >>> elbow(np.array([[0.0, 0.0], [0.0, 1.0], [0.1, 1.9], [1.0, 2.0]]))
        2
    """
    path_SX = np.asarray(path_SX, np.float64)
    if path_SX.ndim != 2 or len(path_SX) < 2:
        raise ToylabError(
            f"elbow: a path of shape {path_SX.shape}; give (points, axes), 2 or more."
        )
    if not np.isfinite(path_SX).all():
        return None
    off_SX, chord_X = path_SX - path_SX[0], path_SX[-1] - path_SX[0]
    length = np.linalg.norm(chord_X)
    along_X = chord_X / length if length else chord_X
    away_S = np.linalg.norm(off_SX - np.outer(off_SX @ along_X, along_X), axis=1)
    return int(away_S.argmax()) if away_S.max() > 1e-12 * np.abs(path_SX).max() else None
