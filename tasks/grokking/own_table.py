"""A table of one's own: rows ``a b c``, of which some are trained on.

A row a line, words apart by commas, semicolons, tabs or spaces; what the words are does not matter:
numbers, letters, names. A first row whose words come nowhere else is a heading. The table need not
be whole: pairs that it leaves out are in neither set.
"""

import dataclasses
import functools
import hashlib
import os
from pathlib import Path

import numpy as np

from toylab.check.data_files import data_file, read_rows
from toylab.errors import ToylabError
from toylab.task import Task

from .modular import Pairs

ROW = "three words: a, b and their answer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnTable(Pairs):
    """Pairs and answers from a file.

    Args:
        path: the file.

    Raises:
        ToylabError: a file that cannot be read, a row that is not three words, or a pair with two
            answers.

    Example:
        >>> from toylab.tasks.grokking.own_table import EXAMPLE
        >>> task = OwnTable(path=EXAMPLE, fraction=0.5)
        >>> task.symbols, task.size, task.n_train
        (('e', 'r', 'rr', 's', 'sr', 'srr'), 36, 18)
    """

    path: str = data_file()

    def __post_init__(self) -> None:
        self.table()
        super().__post_init__()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The words in the order of their tokens: by value if all are numbers, else by letters."""
        return self._read()[0]

    @property
    def n(self) -> int:
        """Number of different words."""
        return len(self.symbols)

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair of the file (N, 2) and its answer (N,), x varying slowest."""
        return self._read()[1:]

    def fingerprint(self) -> str:
        """Digest of the table: a run that reuses networks knows by it whether the file changed."""
        whole = np.column_stack(self.table()).tobytes() + "\n".join(self.symbols).encode()
        return hashlib.sha256(whole).hexdigest()[:16]

    def _read(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        changed = os.path.getmtime(self.path) if os.path.isfile(self.path) else 0.0
        return read_table(self.path, changed)


@functools.lru_cache(maxsize=8)
def read_table(path: str, changed: float = 0.0) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return a file's symbols, pairs (N, 2) and answers (N,).

    Args:
        path: the file.
        changed: when it was written: a file written anew is read anew.

    Raises:
        ToylabError: as for :class:`OwnTable`.
    """
    rows = read_rows(path, 3, ROW)
    first, rest = set(rows[0][1]), {word for _, words in rows[1:] for word in words}
    if len(rows) > 1 and not first & rest:
        rows = rows[1:]
    numbers = all(_is_number(word) for _, words in rows for word in words)
    symbols = sorted({w for _, words in rows for w in words}, key=float if numbers else None)
    token = {symbol: i for i, symbol in enumerate(symbols)}
    answers: dict[tuple[int, int], tuple[int, int]] = {}
    for line, words in rows:
        x, y, answer = (token[word] for word in words)
        had, where = answers.setdefault((x, y), (answer, line))
        if had != answer:
            raise ToylabError(
                f"{path}: {words[0]} {words[1]} is {symbols[had]} in line {where} and {words[2]} "
                f"in line {line}; a pair has one answer."
            )
    pairs = np.array(sorted(answers), np.int64)
    return tuple(symbols), pairs, np.array([answers[x, y][0] for x, y in pairs.tolist()], np.int64)


def _is_number(word: str) -> bool:
    try:
        return np.isfinite(float(word))
    except ValueError:
        return False


EXAMPLE = str(Path(__file__).with_name("own_table.csv"))


def examples() -> tuple[Task, ...]:
    """The table that comes with the laboratory, for the conformance suite."""
    return (OwnTable(path=EXAMPLE, fraction=0.5),)
