"""Where a curve over the context reaches a level, in the logarithm of context."""

import itertools

import numpy as np
from jaxtyping import Float


def binned(values_L: Float[np.ndarray, " L"], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean place and mean value of at most ``count`` log-spaced bins of places 1 to L - 1."""
    edges = np.unique(np.round(np.geomspace(1, len(values_L), count + 1)).astype(int))
    cuts = list(itertools.pairwise(edges))
    places = np.array([np.mean(np.arange(a, b)) for a, b in cuts])
    return places, np.array([values_L[a:b].mean() for a, b in cuts])


def crossing(
    places_T: Float[np.ndarray, " T"], values_T: Float[np.ndarray, " T"], level: float
) -> float:
    """Place at which a curve first reaches a level, interpolated in the logarithm of the place.

    NaN where it never does; the first place where it begins above.
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
