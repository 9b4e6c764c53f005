"""Readings of the stored scores, one value per seed."""

import polars as pl

from toylab.read import Measures, Reading, table


def score(
    arm: str, column: str, split: str = "numbers", how: str = "sampled", minus: str = ""
) -> Reading:
    """A score of an arm's networks on held-out instances.

    Args:
        arm: as in the table of scores.
        column: of that table.
        split: held-out ``numbers`` or ``targets``.
        how: ``sampled`` or ``greedy``.
        minus: baseline that needs no network, to be taken off.
    """
    rows = table("scores").filter(arm=arm, split=split, how=how)
    if not minus:
        return rows.value(column)
    return rows.then(_beside, with_measures=True).value(pl.col(column) - pl.col(minus))


def _beside(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """The rows with the baselines, which are the same for every seed."""
    return rows.join(m["baselines"], how="cross")


def passed(arm: str, k: int) -> Reading:
    """pass@k on held-out numbers."""
    return table("passk").filter(arm=arm, k=k).value("rate")


def coverage(arm: str) -> Reading:
    """pass@k at the most samples."""
    return table("passk").filter(arm=arm).last("k").value("rate")
