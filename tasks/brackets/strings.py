"""Bracket strings as tokens, and the rules that a network may follow on them.

A string of 2n symbols is stored as ``BOS s_1 ... s_2n EOS PAD ...``. Its depth after symbol i is
the number of "(" minus that of ")" among the first i symbols. Two rules agree wherever the counts
are unequal or the string is balanced: EQUAL-COUNT accepts if the depth ends at 0, NESTED if it ends
at 0 and never falls below.

Source: Li et al. 2025 (arXiv:2507.06445); tokens as in their code.

Shape suffixes: N strings, L tokens.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from toylab.errors import ToylabError, check_number

BOS, PAD, EOS, OPEN, CLOSE = range(5)
SYMBOLS = {"(": OPEN, ")": CLOSE}
Tokens = Int[np.ndarray, "N L"]


def encode(strings: Sequence[str], pairs: int) -> Tokens:
    """Return strings as tokens, (N, 2 pairs + 2).

    Raises:
        ToylabError: no strings, an empty one, one of odd length, one of more than ``2 pairs``
            symbols, or a symbol that is no bracket.

    Example:
        >>> encode(["()"], pairs=2)
        array([[0, 3, 4, 2, 1, 1]], dtype=int32)
    """
    check_number("encode", "pairs", pairs, low=1, whole=True)
    if not len(strings):
        raise ToylabError("Brackets: no strings; give at least one.")
    found = np.full((len(strings), 2 * pairs + 2), PAD, np.int32)
    for row, text in zip(found, strings, strict=True):
        wrong = sorted(set(text) - set(SYMBOLS))
        if wrong:
            raise ToylabError(f"Brackets: {text!r} holds {wrong[0]!r}; only ( and ) are symbols.")
        if not text or len(text) % 2:
            raise ToylabError(f"Brackets: {text!r} has {len(text)} symbols; give 2, 4, 6, ...")
        if len(text) > 2 * pairs:
            raise ToylabError(
                f"Brackets: a string of {len(text)} symbols, but there is room for {2 * pairs}; "
                f"give pairs = {len(text) // 2} or more."
            )
        row[: len(text) + 2] = [BOS, *(SYMBOLS[s] for s in text), EOS]
    return found


def decode(tokens_NL: Tokens) -> list[str]:
    """Return the strings of tokens."""
    letters = {token: letter for letter, token in SYMBOLS.items()}
    return ["".join(letters.get(int(t), "") for t in row) for row in np.asarray(tokens_NL)]


def depths(tokens_NL: Tokens) -> Int[np.ndarray, "N L"]:
    """Return the depth after each token; tokens that are no symbols leave it as it is."""
    tokens_NL = np.asarray(tokens_NL)
    return np.cumsum((tokens_NL == OPEN).astype(int) - (tokens_NL == CLOSE), axis=1)


def sizes(tokens_NL: Tokens) -> Int[np.ndarray, " N"]:
    """Return the number of symbols of each string."""
    return (np.asarray(tokens_NL) >= OPEN).sum(1)


def equal_count(tokens_NL: Tokens) -> Bool[np.ndarray, " N"]:
    """EQUAL-COUNT accepts as many "(" as ")"."""
    return depths(tokens_NL)[:, -1] == 0


def nested(tokens_NL: Tokens) -> Bool[np.ndarray, " N"]:
    """NESTED accepts what closes only what is open, and all of it."""
    return equal_count(tokens_NL) & (depths(tokens_NL).min(1) >= 0)


def first_symbol(tokens_NL: Tokens) -> Bool[np.ndarray, " N"]:
    """FIRST accepts equal counts that begin with "("."""
    return equal_count(tokens_NL) & (np.asarray(tokens_NL)[:, 1] == OPEN)


def both_ends(tokens_NL: Tokens) -> Bool[np.ndarray, " N"]:
    """ENDS accepts equal counts that begin with "(" and end with ")"."""
    tokens_NL = np.asarray(tokens_NL)
    last_N = tokens_NL[np.arange(len(tokens_NL)), sizes(tokens_NL)]
    return first_symbol(tokens_NL) & (last_N == CLOSE)


RULES: Mapping[str, Callable[[Tokens], Bool[np.ndarray, " N"]]] = {
    "equal count": equal_count,
    "first symbol": first_symbol,
    "both ends": both_ends,
    "nested": nested,
}


def pairs_law(pairs: int) -> np.ndarray:
    """Return the probability of 1, ..., ``pairs`` pairs: 1 + Binomial(pairs - 1, 1/2)."""
    return np.array([math.comb(pairs - 1, k) for k in range(pairs)]) / 2 ** (pairs - 1)


def rejected(rule: str, pairs: int) -> float:
    """Return the share of unseen strings that a rule rejects, over the law of lengths; exact.

    Unseen strings of n pairs are uniform over those of equal counts that are not balanced. Of them
    ``(n + 1) / 2n`` begin with ")". Counting those of equal counts that begin with "(" and end with
    ")", ``n / (2 (2n - 1))`` of all, leaves ``(1 - n / (2 (2n - 1))) (n + 1) / n`` at the ends.

    Raises:
        ToylabError: an unknown rule.
    """
    check_number("rejected", "pairs", pairs, low=1, whole=True)
    n = np.arange(1, pairs + 1)
    shares = {
        "equal count": 0 * n,
        "first symbol": (n + 1) / (2 * n),
        "both ends": (1 - n / (2 * (2 * n - 1))) * (n + 1) / n,
        "nested": 1 + 0 * n,
    }
    if rule not in shares:
        raise ToylabError(f"Brackets: no rule {rule!r}; there are {', '.join(shares)}.")
    return float(pairs_law(pairs) @ shares[rule])
