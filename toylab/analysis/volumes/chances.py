"""What sampling from a model of sentences gives, with certainty: chances, and how many differ.

A point drawn evenly from the cube lies in a sentence's box as often as the box is large, so the
coder's samples are the model's own. This module has that null: ancestral sampling, and what n
draws hold in expectation.

Shape suffixes: N sentences, L length, V vocabulary, S sentences with a chance.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.random import Generator
from scipy import stats

from toylab.analysis.volumes.coder import Next, chances
from toylab.errors import ToylabError, check_number

BLOCK = 512
MANY = 10  # expected draws of a group of sentences
IMPOSSIBLE = 1e-12  # what rounding leaves of a chance of 0


def log_chances(
    following: Next, sentences: Int[np.ndarray, "N L"], end: int
) -> Float[np.ndarray, " N"]:
    """Return ``log p`` of each sentence, its end token included: minus the bits of its code.

    Args:
        following: the model of the next token, see :mod:`toylab.analysis.volumes.coder`.
        sentences: tokens; what stands behind the first ``end`` is not read.
        end: the token that ends a sentence.

    Returns:
        Natural logarithms (N,); minus infinity where a token has no chance.
    """
    n, length = sentences.shape
    log_N, live_N = np.zeros(n), np.ones(n, bool)
    for t in range(length):
        chances_NV = chances(following, sentences[:, :t])
        own_N = chances_NV[np.arange(n), sentences[:, t]] / chances_NV.sum(1)
        with np.errstate(divide="ignore"):
            log_N += np.where(live_N, np.log(own_N), 0.0)
        live_N &= sentences[:, t] != end
    return log_N


def ancestral(
    following: Next, count: int, length: int, end: int, rng: Generator
) -> Int[np.ndarray, "N {length}"]:
    """Draw sentences token by token, by the largest of log-chance plus Gumbel noise.

    Args:
        following: the model of the next token.
        count: number of sentences N.
        length: tokens after which a sentence is left without an end.
        end: the token that ends a sentence, and fills it up.
        rng: source of the noise.
    """
    check_number("ancestral", "count", count, 1, whole=True)
    tokens_NL, live_N = np.full((count, length), end), np.ones(count, bool)
    for t in range(length):
        with np.errstate(divide="ignore"):
            logs_NV = np.log(chances(following, tokens_NL[:, :t]))
        drawn_N = np.argmax(logs_NV + rng.gumbel(size=logs_NV.shape), 1)
        tokens_NL[:, t] = np.where(live_N, drawn_N, end)
        live_N &= drawn_N != end
    return tokens_NL


def expected_distinct(p: Float[np.ndarray, " S"], draws: int) -> float:
    """Return how many of S sentences n draws hold in expectation, ``sum_s 1 - (1 - p_s)^n``.

    Args:
        p: chance of each sentence; what is missing to 1 is of other sentences.
        draws: number n of them.

    Example:
        >>> expected_distinct(np.array([0.5, 0.25]), 2)
        1.1875
    """
    return float(-np.expm1(_log_missed("expected_distinct", p, draws)).sum())


def distinct_spread(p: Float[np.ndarray, " S"], draws: int) -> float:
    """Return the standard deviation of that number.

    ``sum_s m_s (1 - m_s) + sum_{r != s} (1 - p_r - p_s)^n - m_r m_s`` is the variance, with
    ``m_s = (1 - p_s)^n`` the chance that s is missed.

    Example:
        >>> round(distinct_spread(np.array([0.5, 0.5]), 2), 3)
        0.5
    """
    missed_S = np.exp(_log_missed("distinct_spread", p, draws))
    variance = float((missed_S * (1 - missed_S)).sum())
    for first in range(0, len(p), BLOCK):
        rows = slice(first, first + BLOCK)
        left = np.maximum(1 - p[rows, None] - p, 0)
        pairs = left**draws - missed_S[rows, None] * missed_S
        variance += float(pairs.sum())
    own = np.maximum(1 - 2 * p, 0) ** draws - missed_S**2
    return float(np.sqrt(max(variance - float(own.sum()), 0.0)))


def frequency_p_value(counts: Int[np.ndarray, " S"], p: Float[np.ndarray, " S"]) -> float:
    """Return Pearson's p-value of counts of S sentences, and of all others in the last place.

    The rarest are put together until ten of them are expected, and so on; what is left over joins
    the last of these groups.

    Args:
        counts: how often each was drawn (S + 1,); last, what is none of them.
        p: chance of each (S,).

    Returns:
        The p-value; 0 where something was drawn that has no chance, NaN of one group alone.

    Example:
        >>> round(frequency_p_value(np.array([60, 40, 0]), np.array([0.5, 0.5])), 4)
        0.0455
    """
    p = np.append(p, max(1 - p.sum(), 0.0))
    if counts[p < IMPOSSIBLE].any():
        return 0.0
    expected = counts.sum() * p / p.sum()
    order = np.argsort(expected)
    group = _groups_of(expected[order])
    seen, law = (np.bincount(group, own[order]) for own in (counts, expected))
    return float(stats.chisquare(seen, law).pvalue) if len(law) > 1 else float("nan")


def _groups_of(expected_S: np.ndarray) -> np.ndarray:
    """Group of each of ascending numbers: as few in a group as add up to ten."""
    group_S, group, total = np.zeros(len(expected_S), int), 0, 0.0
    for s, number in enumerate(expected_S):
        group_S[s] = group
        total += number
        if total >= MANY:
            group, total = group + 1, 0.0
    return np.minimum(group_S, max(group - 1, 0))


def _log_missed(owner: str, p_S: np.ndarray, draws: int) -> np.ndarray:
    check_number(owner, "draws", draws, 1, whole=True)
    if not ((p_S >= 0) & (p_S <= 1)).all() or p_S.sum() > 1 + 1e-6:
        raise ToylabError(f"{owner}: chances must be from 0 to 1, and no more than 1 together.")
    with np.errstate(divide="ignore"):
        return draws * np.log1p(-p_S)
