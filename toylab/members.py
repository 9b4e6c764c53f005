"""Members: the table of a population, one row per model.

A member has an ``init_seed``, a ``data_seed`` and any number of numeric columns; a column that
bears the name of a field of the task, the model, the optimiser or the loss replaces that field
for the member. Tables combine: ``seeds(5) * grid(density=(0.1, 0.01))`` is every seed with every
density.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from toylab.errors import ToylabError
from toylab.show.cards import Card, Rows, few

SEEDS = ("init_seed", "data_seed")
MOST = 10_000_000  # members of a population


@dataclasses.dataclass(frozen=True, eq=False)
class Members(Card):
    """A table of members.

    Attributes:
        columns: ``{name: (P,) array}``; int64 for seeds, float64 for numbers.
    """

    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        lengths = {name: len(col) for name, col in self.columns.items()}
        if not lengths or 0 in lengths.values():
            empty = next((n for n, k in lengths.items() if k == 0), None)
            what = f"axis {empty!r} is empty" if empty else "there are no columns"
            raise ToylabError(
                f"Population of no members: {what}; give at least one value per axis."
            )
        if len(set(lengths.values())) > 1:
            raise ToylabError(f"Members' columns differ in length: {lengths}; zip equal lengths.")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __mul__(self, other: "Members") -> "Members":
        """Return every row of ``self`` with every row of ``other``; the last varies fastest."""
        twice = set(self.columns) & set(other.columns)
        if twice:
            raise ToylabError(f"Members: axis {min(twice)!r} is given twice; name it once.")
        _check_count(len(self) * len(other))
        left = {n: np.repeat(c, len(other)) for n, c in self.columns.items()}
        right = {n: np.tile(c, len(self)) for n, c in other.columns.items()}
        return Members(left | right)

    def with_seeds(self) -> "Members":
        """Return the table with seed 0 wherever a seed column is missing."""
        zero = np.zeros(len(self), np.int64)
        return Members({name: self.columns.get(name, zero) for name in SEEDS} | dict(self.columns))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def _card(self) -> tuple[str, Rows]:
        each = lambda column: f"{few(np.unique(column).tolist())}"
        return f"{len(self)} members", [(name, each(col)) for name, col in self.columns.items()]

    def frame(self) -> pl.DataFrame:
        """Return the table with a leading column ``member``."""
        return pl.DataFrame({"member": np.arange(len(self)), **self.columns})


def _column(name: str, values: Iterable[float]) -> np.ndarray:
    try:
        values = list(values)
        if name not in SEEDS:
            return np.array(values, np.float64).reshape(len(values))
        column = np.array(values, np.int64)
        # A key takes 32 bits of a seed: seeds beyond them would silently repeat others.
        if any(v != w or not 0 <= w < 2**32 for v, w in zip(values, column, strict=True)):
            raise ValueError
        return column
    except (TypeError, ValueError, OverflowError):
        kind = "whole numbers from 0 to 2**32 - 1" if name in SEEDS else "plain numbers"
        raise ToylabError(f"Members: axis {name!r} = {values!r} must hold {kind}.") from None


def _check_count(count: int) -> None:
    if count > MOST:
        raise ToylabError(f"Population of {count:,} members; there may be {MOST:,}.")


def grid(**axes: Iterable[float]) -> Members:
    """Return the crossed table of all axes; the last axis varies fastest.

    Args:
        **axes: values of each column, as in ``grid(init_seed=range(5), weight_decay=(0, 1))``.

    Raises:
        ToylabError: an empty axis, or a value that is not a number.

    Example:
        >>> len(grid(init_seed=range(5), data_seed=range(3), weight_decay=(0.0, 1e-3)))
        30
    """
    columns = {name: _column(name, values) for name, values in axes.items()}
    if any(len(c) == 0 for c in columns.values()):
        return Members(columns)
    _check_count(math.prod(len(c) for c in columns.values()))
    rows = list(itertools.product(*columns.values()))
    return Members(
        {n: np.array([r[i] for r in rows], c.dtype) for i, (n, c) in enumerate(columns.items())}
    )


def zipped(**columns: Iterable[float]) -> Members:
    """Return the table whose columns run side by side, all of one length."""
    return Members({name: _column(name, values) for name, values in columns.items()})


def seeds(count: int, start: int = 0) -> Members:
    """Return ``count`` members whose initialisation and data seeds both count up.

    Raises:
        ToylabError: fewer than one seed.
    """
    if count < 1:
        raise ToylabError(f"seeds = {count} gives an empty population; give at least 1.")
    _check_count(count)
    span = range(start, start + count)
    return zipped(init_seed=span, data_seed=span)
