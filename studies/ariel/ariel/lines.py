"""What networks are asked, and straight lines between the codes of two sentences.

Shape suffixes: S sentences of the grammar, L length, K pairs, T places on a line, C code.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from toylab.tasks.ariel.samples import Grammar

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


def straight(ends_K2C: np.ndarray) -> np.ndarray:
    """Points on the lines between pairs of codes (T K, C), place by place."""
    first, last = ends_K2C[:, 0], ends_K2C[:, 1]
    return np.concatenate([first + place * (last - first) for place in PLACES])


def kept(asked: Asked, tokens: np.ndarray, two_K2: np.ndarray) -> pl.DataFrame:
    """What is kept of pairs by the sentences between them (T K, L), place by place."""
    each = zip(PLACES, np.split(tokens, len(PLACES)), strict=True)
    return pl.DataFrame([{"at": at} | asked.grammar.kept(own, two_K2) for at, own in each])


def points(grid: int) -> np.ndarray:
    """Middles of the cells of a grid in the square (grid^2, 2), row by row from below."""
    at = (np.arange(grid) + 0.5) / grid
    return np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
