"""Where a curve reaches a level, in the logarithm of its argument."""

import itertools

import numpy as np
from jaxtyping import Float


def binned(values_L: Float[np.ndarray, " L"], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean place and mean value of at most ``count`` log-spaced bins of places 1 to L - 1.

    Example:
        >>> places, means = binned(np.arange(9.0), 3)
        >>> places.tolist()
        [1.0, 2.5, 6.0]
    """
    edges = np.unique(np.round(np.geomspace(1, len(values_L), count + 1)).astype(int))
    cuts = list(itertools.pairwise(edges))
    places = np.array([np.mean(np.arange(a, b)) for a, b in cuts])
    return places, np.array([values_L[a:b].mean() for a, b in cuts])


def crossing(
    places_T: Float[np.ndarray, " T"], values_T: Float[np.ndarray, " T"], level: float
) -> float:
    """Return the place at which a curve first reaches a level.

    It is interpolated in the logarithm of the place: NaN where the curve never does, the first
    place where it begins above.

    Args:
        places_T: ascending and positive.
        values_T: the curve; negate it for a fall.
        level: to reach.
    """
    reached = values_T >= level
    if not reached.any():
        return float("nan")
    i = int(np.argmax(reached))
    if i == 0:
        return float(places_T[0])
    fraction = (level - values_T[i - 1]) / (values_T[i] - values_T[i - 1])
    low, high = np.log(places_T[i - 1]), np.log(places_T[i])
    return float(np.exp(low + fraction * (high - low)))
