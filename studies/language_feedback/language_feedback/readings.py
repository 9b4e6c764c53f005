"""Readings of the study ``language_feedback``, one value per seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from toylab.read import Reading, Rows, combine, table

GOOD, WORSE, POOR = range(3)  # refiners


def lists(arm: str, round: int | None = None) -> Rows:
    """Scores of an arm's policies after a round, or the last."""
    rows = table("lists").filter(arm=arm)
    return rows.last("round") if round is None else rows.filter(round=round)


def end(arm: str, column: str = "unwanted") -> Reading:
    """A score after the last round."""
    return lists(arm).value(column)


def after(round: int, arm: str, column: str = "unwanted") -> Reading:
    """A score after a round; 0 is before any."""
    return lists(arm, round).value(column)


def fouled(arm: str, round: int | None = None) -> Reading:
    """Share of words that are unwanted, which removing any words does not lower."""
    rows = lists(arm, round)
    return rows.value(pl.col("unwanted") / (pl.col("unwanted") + pl.col("wanted")))


def of(name: str, column: str, **which: Any) -> Reading:
    """A column of the one row of a seed that labels pick out of a table."""
    return table(name).filter(**which).value(column)


def gain(skill: int, arm: str = "ilf") -> Reading:
    """Part of the share of unwanted words that an arm takes away, by a refiner."""
    name = arm if skill == GOOD else f"{arm} {skill}"
    return 1 - fouled(name) / fouled(name, 0)


def correlated(xs: Sequence[Reading | float], ys: Sequence[Reading]) -> Reading:
    """Spearman's correlation of two readings over several settings, per seed; 0 of what is even."""

    def one(cell: tuple[float, ...]) -> float:
        x, y = cell[: len(xs)], cell[len(xs) :]
        if len({*x}) == 1 or len({*y}) == 1:
            return 0.0
        return float(spearmanr(x, y).statistic)  # pyright: ignore[reportAttributeAccessIssue]

    over = lambda *columns: np.array([one(cell) for cell in zip(*columns, strict=True)])
    return combine(over, *xs, *ys)
