"""Whether words are a sentence, decided by their forms alone, without a list of sentences."""

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from .phrases import END, Phrases


class Parser(NamedTuple):
    """A regular expression over kinds of words, a letter each.

    ``a``, ``t`` and ``s`` are the determiners, ``j`` an adjective, ``n`` and ``N`` a noun in the
    singular and plural, ``v`` and ``V`` a verb, ``.`` the end.

    Attributes:
        kinds: the letter of each token.
        pattern: what the letters of a sentence with its end must match.
    """

    kinds: str
    pattern: re.Pattern[str]

    def accepts(self, tokens: Int[np.ndarray, "N L"]) -> Bool[np.ndarray, " N"]:
        """Whether each row is a sentence, from its start to its first end; the end must be there.

        Args:
            tokens: of the grammar's vocabulary, in rows of any length.
        """
        return np.array([self._accepts([int(token) for token in row]) for row in tokens], bool)

    def _accepts(self, row: list[int]) -> bool:
        row = row[: row.index(END) + 1] if END in row else row
        found = self.pattern.fullmatch("".join(self.kinds[token] for token in row))
        if found is None:
            return False
        spans = [row[slice(*found.span(group))] for group in (1, 2)]
        return all(len(set(span)) == len(span) for span in spans)  # no word twice in a phrase


def parser(task: Phrases) -> Parser:
    """Return the parser of a grammar.

    Example:
        >>> task = Phrases()
        >>> parser(task).accepts(task.table().tokens).all()
        np.True_
    """
    kinds = ".ats" + "j" * task.adjectives + "nN" * task.nouns + "vV" * task.verbs
    one, many = f"[at]j{{0,{task.most}}}n", f"[ts]j{{0,{task.most}}}N"
    return Parser(kinds, re.compile(rf"((?:{one}(?=v))|(?:{many}(?=V)))[vV]({one}|{many})\."))
