"""Splits of sequences by prefix, for probes of a state that tokens build up.

A split by sequence leaks: two sequences may begin alike, and a model's activations at a position
depend on the prefix up to there alone. What a probe is judged on there, it was fitted on.
"""

import numpy as np
from jaxtyping import Bool, Int


def seen_prefixes(
    fitted_FL: Int[np.ndarray, "F L"], judged_BL: Int[np.ndarray, "B L"]
) -> Bool[np.ndarray, "B L"]:
    """Return for every position of judged sequences whether a fitted one has the same prefix.

    Args:
        fitted_FL: sequences that probes were fitted on.
        judged_BL: sequences to judge probes on.

    Example:
        >>> fitted, judged = np.array([[1, 2, 3]]), np.array([[1, 2, 4], [2, 2, 3]])
        >>> seen_prefixes(fitted, judged).tolist()
        [[True, True, False], [False, False, False]]
    """
    fitted_FL, judged_BL = np.asarray(fitted_FL), np.asarray(judged_BL)
    both_SL = np.concatenate([fitted_FL, judged_BL])
    prefix_S = np.zeros(len(both_SL), np.int64)  # a number for each different prefix
    seen_BL = np.zeros(judged_BL.shape, bool)
    for position in range(judged_BL.shape[1]):
        steps = np.stack([prefix_S, both_SL[:, position]], 1)
        prefix_S = np.unique(steps, axis=0, return_inverse=True)[1].reshape(-1)
        seen_BL[:, position] = np.isin(prefix_S[len(fitted_FL) :], prefix_S[: len(fitted_FL)])
    return seen_BL
