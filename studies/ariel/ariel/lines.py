"""What networks are asked, and straight lines between the codes of two sentences.

Shape suffixes: S sentences of the grammar, L length, K pairs, C numbers of a code.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from toylab.tasks.ariel.samples import Grammar

Decode = Callable[[np.ndarray], np.ndarray]  # from codes (K, C) to sentences (K, L)
PLACES = np.arange(1, 8) / 8  # on the line


class Asked(NamedTuple):
    """Questions to the networks of a seed: its grammar and corpus, and how much is drawn."""

    grammar: Grammar
    told_S: np.ndarray
    seed: int
    axes: int
    repeats: int
    pairs: int
    exact: int
    grid: int


def pairs(asked: Asked) -> np.ndarray:
    """Pairs of sentences of the corpus (K, 2), the same for every network of a seed."""
    rng = np.random.default_rng([asked.seed, 0])
    return rng.choice(np.flatnonzero(asked.told_S), (asked.pairs, 2))


def between(asked: Asked, ends_K2C: np.ndarray, decode: Decode) -> pl.DataFrame:
    """What is kept of pairs by the sentences at each place of the line between their codes."""
    rows, (first, last) = [], ends_K2C.swapaxes(0, 1)
    for place in PLACES:
        tokens = decode(first + place * (last - first))
        rows.append({"at": place} | asked.grammar.kept(tokens, pairs(asked)))
    return pl.DataFrame(rows)


def points(grid: int) -> np.ndarray:
    """Middles of the cells of a grid in the square (grid^2, 2), row by row from below."""
    at = (np.arange(grid) + 0.5) / grid
    return np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)


def square(asked: Asked, code_NC: np.ndarray, decode: Decode) -> pl.DataFrame:
    """The sentence at each point of a grid in the square, -1 for none of the grammar's."""
    return pl.DataFrame({"sentence": asked.grammar.places(decode(code_NC))})
