"""Does attention separate two kinds of keys?

Shape suffixes: N queries, H heads, L keys.
"""

import numpy as np
from jaxtyping import Bool, Float


def separated(
    attention_NHL: Float[np.ndarray, "N H L"],
    first_NL: Bool[np.ndarray, "N L"],
    second_NL: Bool[np.ndarray, "N L"],
) -> Float[np.ndarray, "N H"]:
    """Return 1 where every key of the first kind gets more attention than every one of the second.

    ``[min_{i in first} a_i > max_{j in second} a_j]``, else 0. Uniform attention separates nothing.
    Strict where there are many keys: see :func:`chance_of_more`.

    Returns:
        0 or 1; NaN where a kind has no key, or attention is NaN.

    Source: Li et al. 2025 (arXiv:2507.06445), classification of heads, with their code.
    """
    least_NH = np.where(first_NL[:, None], attention_NHL, np.inf).min(-1)
    most_NH = np.where(second_NL[:, None], attention_NHL, -np.inf).max(-1)
    return np.where(_lost(attention_NHL, first_NL, second_NL), np.nan, least_NH > most_NH)


def chance_of_more(
    attention_NHL: Float[np.ndarray, "N H L"],
    first_NL: Bool[np.ndarray, "N L"],
    second_NL: Bool[np.ndarray, "N L"],
) -> Float[np.ndarray, "N H"]:
    """Return the chance that a key of the first kind gets more than one of the second.

    Ties count half, so that uniform attention has 0.5; separation of the kinds is 1 or 0.

    Returns:
        The area under the ROC curve; NaN where a kind has no key, or attention is NaN.
    """
    pair_N1LL = (first_NL[:, :, None] & second_NL[:, None])[:, None]
    gap_NHLL = attention_NHL[..., :, None] - attention_NHL[..., None, :]
    won_NH = np.where(pair_N1LL, 0.5 + 0.5 * np.sign(gap_NHLL), 0).sum((-1, -2))
    count_N1 = np.maximum(pair_N1LL.sum((-1, -2)), 1)
    return np.where(_lost(attention_NHL, first_NL, second_NL), np.nan, won_NH / count_N1)


def _lost(attention_NHL: np.ndarray, *kinds: np.ndarray) -> np.ndarray:
    """Where there is no such number, (N, H)."""
    empty_N = ~np.all([kind.any(1) for kind in kinds], axis=0)
    return empty_N[:, None] | np.isnan(attention_NHL).any(-1)
