"""Thresholds of classifiers of what is rare."""

import numpy as np
from jaxtyping import Bool, Float


def best_threshold(score_R: Float[np.ndarray, " R"], true_R: Bool[np.ndarray, " R"]) -> float:
    """Return the threshold of greatest F1, among 61 evenly spaced from -1 to 1.

    Args:
        score_R: scores; what lies above the threshold counts as true.
        true_R: what is true.
    """
    edges = np.linspace(-1, 1, 61)
    count = lambda values: np.histogram(values, [*edges, np.inf])[0][::-1].cumsum()[::-1]
    above, hit = count(score_R), count(score_R[true_R])
    return float(edges[np.argmax(2 * hit / np.maximum(above + true_R.sum(), 1))])
