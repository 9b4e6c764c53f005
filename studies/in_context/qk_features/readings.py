"""Readings of the stored tables, one value per seed: means over the heads of all ranks."""

import polars as pl

from toylab.read import Reading, table

SINGLE = pl.col("feature") != "both"
EXACT = (pl.col("rank") == pl.col("true")).cast(pl.Float64)
NEAR = ((pl.col("rank") - pl.col("true")).abs() <= 1).cast(pl.Float64)
MISSING = 2 * (pl.col("true") - pl.col("rank"))  # both kinds together
BEYOND_CHANCE = pl.col("shared") - pl.col("shared_chance")
PAPER_PAIR = (pl.col("r1") == 3) & (pl.col("r2") == 5)
FITS = pl.col("r1") + pl.col("r2") <= 8


def features(arm: str, value: str | pl.Expr, *which: pl.Expr) -> Reading:
    """A number of an arm's features."""
    return table("features").filter(*which, arm=arm).mean(value)


def networks(arm: str, value: str | pl.Expr, *which: pl.Expr) -> Reading:
    """A number of an arm's heads."""
    return table("networks").filter(*which, arm=arm).mean(value)


def moved(condition: str, *which: pl.Expr, arm: str = "main") -> Reading:
    """Share of the attention that a swap moves to the target."""
    return table("swaps").filter(*which, arm=arm, condition=condition).mean("moved")
