"""How many answers would be right by chance: the exact law under a random relabelling."""

import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from toylab.errors import ToylabError


def hits_law(given: ArrayLike, right: ArrayLike) -> Float[np.ndarray, " N1"]:
    """Probabilities of 0, 1, ..., N hits if the right answers were dealt out at random.

    Each of N rows has a right answer of its own, as in a map from words to their successors; all N!
    ways to deal the right answers to the rows are equally likely, and the answers given stay as
    they are, with whatever preference they have for some. With ``c_j`` rows that give answer j,
    the number of ways to place m hits is the m-th elementary symmetric polynomial of the c, and
    by inclusion and exclusion ``P(k) = sum_m (-1)^(m-k) C(m, k) e_m(c) (N - m)! / N!``. In exact
    arithmetic.

    Args:
        given: the answer of each row (N,).
        right: the right answer of each row (N,), no two alike.

    Raises:
        ToylabError: shapes that differ, no row, or a right answer that two rows share.

    Source: hit polynomials, Kaplansky and Riordan 1946.

    Example:
        >>> hits_law([0, 0, 1], [0, 1, 2]).round(3).tolist()
        [0.333, 0.333, 0.333, 0.0]
    """
    given_N, right_N = np.asarray(given), np.asarray(right)
    _check(given_N, right_N)
    n = len(right_N)
    rooks = symmetric([int((given_N == j).sum()) for j in right_N])
    placed = [rooks[m] * math.factorial(n - m) for m in range(n + 1)]
    ways = [
        sum((-1) ** (m - k) * math.comb(m, k) * placed[m] for m in range(k, n + 1))
        for k in range(n + 1)
    ]
    return np.array([float(Fraction(w, math.factorial(n))) for w in ways])


def symmetric(numbers: list[int]) -> list[int]:
    """Elementary symmetric polynomials of N whole numbers, of degrees 0 to N."""
    found = [1] + [0] * len(numbers)
    for number in numbers:
        for m in range(len(numbers), 0, -1):
            found[m] += number * found[m - 1]
    return found


def _check(given_N: np.ndarray, right_N: np.ndarray) -> None:
    if given_N.shape != right_N.shape or right_N.ndim != 1 or not len(right_N):
        raise ToylabError(
            f"hits_law: {given_N.shape} answers for {right_N.shape} rows; give one each."
        )
    if len(set(right_N.tolist())) < len(right_N):
        raise ToylabError("hits_law: two rows have the same right answer; relabelling needs N.")


def hits_p_value(given: Int[np.ndarray, " N"], right: Int[np.ndarray, " N"]) -> float:
    """Probability of as many hits as there are or more under :func:`hits_law`."""
    hits = int((np.asarray(given) == np.asarray(right)).sum())
    return min(float(hits_law(given, right)[hits:].sum()), 1.0)
