"""How many answers would be right by chance: the exact law under a random relabelling."""

import math
from fractions import Fraction
from typing import NamedTuple

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


class Matches(NamedTuple):
    """Matches under a random relabelling: their exact mean and standard deviation, as a share."""

    mean: float
    sd: float


def matches_by_chance(given: ArrayLike, right: ArrayLike, groups: ArrayLike) -> Matches:
    """Share of answers that would be right if the right ones were dealt out anew in each group.

    All ways to deal a group's right answers to its rows are equally likely; answers given keep
    whatever preference they have, and right answers may come more than once. With ``a_v`` rows of a
    group of n that give v and ``b_v`` for which v is right, the number of matches has

        mean ``s / n`` with ``s = sum_v a_v b_v``, and variance
        ``(s - (sum_v a_v b_v^2 + sum_v a_v^2 b_v) / n + s^2 / n^2) / (n - 1)``.

    Args:
        given: the answer of each row (N,).
        right: the right answer of each row (N,).
        groups: the group of each row (N,).

    Raises:
        ToylabError: shapes that differ, or no row.

    Source: Hoeffding 1951 (A combinatorial central limit theorem), theorems 1 and 2.

    Example:
        >>> matches_by_chance([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]).mean
        0.5
    """
    given_N, right_N, groups_N = (np.asarray(x) for x in (given, right, groups))
    alike = given_N.shape == right_N.shape == groups_N.shape
    if not alike or given_N.ndim != 1 or not given_N.size:
        raise ToylabError(
            f"matches_by_chance: {given_N.shape} answers for {right_N.shape} rows in "
            f"{groups_N.shape} groups; give one each."
        )
    values = np.unique(np.concatenate([given_N, right_N]))
    mean = variance = 0.0
    for group in np.unique(groups_N):
        own = groups_N == group
        a_V = (given_N[own, None] == values).sum(0, dtype=np.float64)
        b_V = (right_N[own, None] == values).sum(0, dtype=np.float64)
        n, s = own.sum(), np.sum(a_V * b_V)
        mean += s / n
        if n > 1:
            variance += (s - np.sum(a_V * b_V * (a_V + b_V)) / n + (s / n) ** 2) / (n - 1)
    return Matches(float(mean / given_N.size), float(np.sqrt(max(variance, 0)) / given_N.size))
