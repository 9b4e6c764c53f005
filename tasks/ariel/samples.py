"""What samples of sentences hold of a grammar: valid ones, different ones, new ones.

Shape suffixes: N samples, S sentences of the grammar, L length.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from toylab.analysis.volumes.chances import expected_distinct
from toylab.stats.means import mean_or_nan

from .parser import Parser, parser
from .phrases import Phrases, Table

ROLES = ("subject", "verb", "object")


class Grammar(NamedTuple):
    """A grammar with its table, its parser, and the row of every sentence by its tokens."""

    task: Phrases
    table: Table
    parser: Parser
    index: dict[bytes, int]

    @property
    def size(self) -> int:
        """Number of sentences S."""
        return self.task.size

    def places(self, tokens: Int[np.ndarray, "N L"]) -> Int[np.ndarray, " N"]:
        """Return the row of each sentence in the table, -1 if the parser refuses it."""
        valid_N, rows = self.parser.accepts(tokens), tokens.astype(np.int8)
        find = lambda row, valid: self.index[row.tobytes()] if valid else -1
        return np.array([find(row, valid) for row, valid in zip(rows, valid_N, strict=True)])

    def scores(
        self, tokens: Int[np.ndarray, "N L"], told: Bool[np.ndarray, " S"]
    ) -> dict[str, float]:
        """Score samples.

        Args:
            tokens: the samples, filled up with end tokens.
            told: which sentences the corpus holds.

        Returns:
            ``valid``, share of the samples; ``distinct``, share of all sentences that are among
            them; ``new``, the same of those that the corpus does not hold.
        """
        found_N = self.places(tokens)
        seen_S = np.bincount(found_N[found_N >= 0], minlength=self.size) > 0
        new = seen_S[~told].mean() if (~told).any() else np.nan
        found = {"valid": np.mean(found_N >= 0), "distinct": seen_S.mean(), "new": new}
        return {name: float(value) for name, value in found.items()}

    def law(self, chance: np.ndarray, told: Bool[np.ndarray, " S"], draws: int) -> dict[str, float]:
        """Return what these scores are in expectation, over n draws of sentences by their chances.

        Args:
            chance: of each sentence (S,); what is missing to 1 is not valid.
            told: which sentences the corpus holds.
            draws: number n of samples.
        """
        shares = {"valid": float(chance.sum()), "distinct": expected_distinct(chance, draws)}
        new = expected_distinct(chance[~told], draws) / max(int((~told).sum()), 1)
        shares["distinct"] /= self.size
        return shares | {"new": new if (~told).any() else np.nan}

    def kept(
        self, tokens: Int[np.ndarray, "N L"], ends: Int[np.ndarray, "N 2"]
    ) -> dict[str, float]:
        """Score sentences that lie between two others, by whether they are made of their words.

        Args:
            tokens: the sentences, one for each pair.
            ends: rows of the pairs in the table.

        Returns:
            ``valid``, share of the sentences; and of the valid ones, for each role, Cohen's kappa
            of its word, whatever its form, being that of one of the ends:
            ``(share - chance) / (1 - chance)``, where chance is the share with the next pair's
            ends. NaN where none is valid, or chance is 1.
        """
        found_N, own = self.places(tokens), {}
        valid_N = found_N >= 0
        for r, role in enumerate(ROLES):
            word_N, word_N2 = self.table.roles[found_N, r], self.table.roles[ends, r]
            near, far = (
                mean_or_nan((word_N[:, None] == other_N2).any(1)[valid_N])
                for other_N2 in (word_N2, np.roll(word_N2, 1, 0))
            )
            own[role] = (near - far) / (1 - far) if far < 1 else np.nan
        return {"valid": float(valid_N.mean())} | own


def grammar_of(task: Phrases) -> Grammar:
    """Return a task's grammar.

    Example:
        >>> grammar = grammar_of(Phrases())
        >>> words = np.array([[1, 6, 12, 1, 6, 0, 0, 0], [6, 1, 12, 1, 6, 0, 0, 0]])
        >>> grammar.places(words).tolist()
        [0, -1]
    """
    table = task.table()
    index = {row.tobytes(): i for i, row in enumerate(table.tokens.astype(np.int8))}
    return Grammar(task, table, parser(task), index)
