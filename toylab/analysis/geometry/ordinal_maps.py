"""Does a map of a list's words onto their logits move every word on by one, and how clearly?"""

import functools

import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError
from toylab.stats.relabelling import hits_p_value


def ordinal_scores(
    map_NN: Float[np.ndarray, "N N"],
    right_S: Int[np.ndarray, " S"],
    held_S: Bool[np.ndarray, " S"],
    exact: bool = True,
) -> dict[str, float]:
    """Score the first S rows of a map from a list's words to the logits of its words.

    ======= ====================================================================================
    score   share of rows, but for those held out, whose right word has the largest logit
    held    the same of the rows that are held out
    p       probability of as many hits or more if right words were dealt out at random
    margin  right logit minus the largest other, mean of rows not held out, in spreads of the map;
            NaN where it has none
    beyond  see :func:`beyond`
    ======= ====================================================================================

    Args:
        map_NN: logits, a row for each word that comes in. NaN gives NaN throughout.
        right_S: column of each row's right word.
        held_S: rows that are held out.
        exact: whether to compute ``p``, which takes long for long lists; else it is NaN.

    Raises:
        ToylabError: shapes that do not fit.

    Source: the successor score of Gould et al. 2023 (arXiv:2312.09230).

    Example:
        >>> shift = np.roll(np.eye(5), 1, axis=1)
        >>> ordinal_scores(shift, np.array([1, 2, 3, 4, 0]), np.zeros(5, bool))["score"]
        1.0
    """
    n, s = len(map_NN), len(right_S)
    if map_NN.shape != (n, n) or held_S.shape != right_S.shape or not 0 < s <= n:
        raise ToylabError(
            f"ordinal_scores: a map {map_NN.shape} with {s} right words and {len(held_S)} marks; "
            "give a square map and both for its first rows."
        )
    if not np.isfinite(map_NN).all():
        return dict.fromkeys(("score", "held", "p", "margin", "beyond"), np.nan)
    rows, given = np.arange(s), map_NN[:s].argmax(1)
    others = map_NN[:s].copy()
    others[rows, right_S] = -np.inf
    margin = (map_NN[rows, right_S] - others.max(1)) / (
        map_NN.std() if _varies(map_NN, map_NN) else np.nan
    )
    mean = lambda values, mask: float(values[mask].mean()) if mask.any() else np.nan
    own = ~held_S
    return {
        "score": mean(given == right_S, own),
        "held": mean(given == right_S, held_S),
        "p": hits_p_value(given[own], right_S[own]) if exact else np.nan,
        "margin": mean(margin, own),
        "beyond": beyond(map_NN),
    }


def beyond(map_NN: Float[np.ndarray, "N N"]) -> float:
    """How much words after the right one are preferred to words as far before it, in spreads.

    With ``d = j - i - 1`` places from the right word, the least squares fit of
    ``m_ij = r_i + c_j + g(|d|) + b sign(d)`` over ``|d| >= 2`` gives 2b, in standard deviations of
    the map centred in rows and columns. A map that falls off alike on both sides has 0, on a line
    and on a ring. A constant on a row (no softmax sees it) or on a column (a word that is likely
    whatever comes in) is no preference. NaN for fewer than six words, where b is not determined,
    and for a map of which centring leaves nothing.

    Source: this laboratory's own.

    Example:
        >>> i, j = np.indices((9, 9))
        >>> abs(beyond(-((j - i - 1.0) ** 2))) < 1e-9
        True
    """
    centred = map_NN - map_NN.mean(0, keepdims=True)
    centred -= centred.mean(1, keepdims=True)
    weights = _after_less_before(len(map_NN))
    if weights is None or not _varies(centred, map_NN):
        return np.nan
    return float((weights * centred).sum() / centred.std())


def _varies(values: np.ndarray, of: np.ndarray) -> bool:
    """Whether values differ by more than single precision's rounding of what they are made of."""
    return bool(values.std() > 1e-6 * np.abs(of).max())


@functools.lru_cache(maxsize=32)
def _after_less_before(n: int) -> Float[np.ndarray, "N N"] | None:
    """The entries' weights in 2b, or None where it is not determined."""
    i, j = np.indices((n, n))
    away = j - i - 1
    far = np.abs(away) >= 2
    hot = lambda value: value[far][:, None] == np.unique(value[far])
    others = np.concatenate([hot(i), hot(j), hot(np.abs(away))], 1).astype(float)
    side = np.sign(away[far]).astype(float)
    # What the other terms leave of the sign: b is a map's product with it (Frisch and Waugh).
    left = side - others @ np.linalg.lstsq(others, side, rcond=None)[0]
    if left @ left < 1e-9:
        return None
    weights = np.zeros((n, n))
    weights[far] = 2 * left / (left @ left)
    return weights
