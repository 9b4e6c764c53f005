"""What can be known of a product's digits: the law of guessing with a factor's digit hidden.

Shape suffixes: K digits of the product, N digits of a factor, R pairs.
"""

import functools

import numpy as np
from jaxtyping import Bool, Float

from toylab.errors import ToylabError

from .digits import digits_of, multiply
from .multiplication import Multiplication

MOST_PAIRS = 2_000_000


def copied(a_R: np.ndarray, b_R: np.ndarray, base: int) -> Bool[np.ndarray, " R"]:
    """Tell pairs whose product is a copy: a factor is zero or a power of the base."""
    powers = base ** np.arange(32, dtype=object)
    known = [0, *powers[powers < 2**31].tolist()]
    return np.isin(a_R, known) | np.isin(b_R, known)


@functools.lru_cache(maxsize=8)
def guessable(digits: int, base: int, copies: bool = True) -> Float[np.ndarray, "2N+1 K"]:
    """Return the share of each product digit that the best guess gets without a digit of a factor.

    All lower digits of the product are given, as in teacher forcing. Row i hides the i-th of the
    digits of a, then of b; the last row hides all of them. Without ``copies`` pairs are left out
    whose product is one, as :func:`copied` tells.

    Raises:
        ToylabError: more than two million pairs, which are enumerated.
    """
    if base ** (2 * digits) > MOST_PAIRS:
        raise ToylabError(
            f"guessable: {digits} digits in base {base} make {base ** (2 * digits):,} pairs; two "
            "million at most are enumerated."
        )
    a_R, b_R = np.divmod(np.arange(base ** (2 * digits)), base**digits)
    if not copies:
        asked = ~copied(a_R, b_R, base)
        a_R, b_R = a_R[asked], b_R[asked]
    a, b = (digits_of(x, base, digits) for x in (a_R, b_R))
    known, found = [*a, *b], np.zeros((2 * digits + 1, 2 * digits))
    lower_R = np.zeros_like(a_R)
    for k, digit_R in enumerate(multiply(a, b, base).digits):
        for hidden in range(2 * digits + 1):
            seen = [d for i, d in enumerate(known) if i != hidden and hidden < 2 * digits]
            # One number for all that is seen: the factors' digits, then the product's lower ones.
            code_R = lower_R * base ** len(seen)
            for i, d in enumerate(seen):
                code_R = code_R + d * base**i
            found[hidden, k] = _best(code_R, digit_R, base)
        lower_R = lower_R + digit_R * base**k
    found.flags.writeable = False
    return found


def needed(task: Multiplication, copies: bool = True) -> Float[np.ndarray, "2N+1 K"]:
    """Return :func:`guessable` of a world with leading zeros; NaN where it is too large."""
    n, base = task.digits, task.base
    if base ** (2 * n) > MOST_PAIRS:
        return np.full((2 * n + 1, 2 * n), np.nan)
    return guessable(n, base, copies)


def _best(code_R: np.ndarray, digit_R: np.ndarray, base: int) -> float:
    """Share of digits that are the most frequent of their code."""
    both, count = np.unique(code_R * base + digit_R, return_counts=True)
    _, first = np.unique(both // base, return_index=True)
    return float(np.maximum.reduceat(count, first).sum() / len(code_R))
