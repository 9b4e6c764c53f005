"""Bracket strings by hand: every string of a length, parsed with a stack."""

import itertools


def every(size: int) -> list[str]:
    """All strings of ``size`` brackets."""
    return ["".join(s) for s in itertools.product("()", repeat=size)]


def parses(text: str) -> bool:
    """Whether a parser with a stack accepts the string."""
    stack = []
    for symbol in text:
        if symbol == "(":
            stack.append(symbol)
        elif stack:
            stack.pop()
        else:
            return False
    return not stack


def unseen(size: int) -> list[str]:
    """Strings of equal counts that a parser rejects."""
    return [s for s in every(size) if s.count("(") * 2 == size and not parses(s)]


def depth(text: str) -> list[int]:
    """Depth after each symbol."""
    return [text[: i + 1].count("(") - text[: i + 1].count(")") for i in range(len(text))]
