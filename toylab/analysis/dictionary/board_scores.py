"""Coverage and reconstruction of a board, 0 empty, 1 mine, 2 theirs, by group of positions.

R positions, N squares, K = 3 N properties: whether each square is mine, theirs, or empty.

Source: Karvonen et al. 2024 (arXiv:2408.00113), section 3.
"""

import jax.numpy as jnp
import numpy as np

from toylab.analysis.dictionary.groups import f1
from toylab.analysis.dictionary.scores import SHARES, coverage, labels, predicted, single_told


def properties(board_RN: np.ndarray) -> tuple[np.ndarray, int]:
    """Whether each square is mine, theirs, or empty, (R, 3 N), and how many come before empty."""
    found = np.concatenate([board_RN == 1, board_RN == 2, board_RN == 0], 1)
    return found, 2 * board_RN.shape[1]


def of_features(
    label: np.ndarray, score: np.ndarray, boards: tuple[np.ndarray, np.ndarray], group_R: np.ndarray
) -> dict[str, np.ndarray]:
    """Score features: chosen on the label games, then told and scored group by group.

    Returns:
        coverage and reconstruction of mine and theirs, and ``_all`` with the empty squares.
    """
    (known, cut), (holds, _) = (properties(board) for board in boards)
    label_RF, score_RF, known_RK = jnp.asarray(label), jnp.asarray(score), jnp.asarray(known)
    told = np.asarray(single_told(coverage(label_RF, known_RK), score_RF))
    found = labels(label_RF, known_RK)
    levels_TRK = np.asarray(predicted(found, score_RF))
    scores = {}
    for suffix, part in (("", slice(0, cut)), ("_all", slice(None))):
        scores[f"coverage{suffix}"] = f1(told[:, part], holds[:, part], group_R, pooled=False)
        by_level = [f1(t[:, part], holds[:, part], group_R, pooled=True) for t in levels_TRK]
        level = int(np.argmax([values[0] for values in by_level]))  # group 0 of these: validation
        scores[f"reconstruction{suffix}"] = by_level[level]
        scores[f"level{suffix}"] = np.full(len(by_level[0]), SHARES[level])
    return scores


def of_states(
    told_RK: np.ndarray, board_RN: np.ndarray, group_R: np.ndarray
) -> dict[str, np.ndarray]:
    """Score a reading of the whole board, such as a probe's, in the same measures."""
    holds, cut = properties(board_RN)
    scores = {}
    for suffix, part in (("", slice(0, cut)), ("_all", slice(None))):
        both = told_RK[:, part], holds[:, part], group_R
        scores[f"coverage{suffix}"] = f1(*both, pooled=False)
        scores[f"reconstruction{suffix}"] = f1(*both, pooled=True)
        scores[f"level{suffix}"] = np.full(len(scores["coverage"]), np.nan)
    return scores
