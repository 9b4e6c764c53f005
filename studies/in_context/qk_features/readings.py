"""Readings of the stored tables, one value per seed, over the heads of all ranks."""

import polars as pl

from toylab.read import Reading, table

SINGLE = pl.col("feature") != "both"
MISSING = 2 * (pl.col("true") - pl.col("rank"))  # both kinds together
BEYOND_CHANCE = pl.col("shared") - pl.col("shared_chance")
PAPER_PAIR = (pl.col("r1") == 3) & (pl.col("r2") == 5)
CROWDED = pl.col("r1") + pl.col("r2") > 8  # more latents than a head of 8 has dimensions


def exact(arm: str) -> Reading:
    """In how many cases, latents of a head, the contrast's rank is the latent's: of 18."""
    right = pl.col("rank") == pl.col("true")
    return table("features").filter(SINGLE, arm=arm).aggregate(right.sum())


def missing(arm: str, crowded: bool = True) -> Reading:
    """Latents minus ranks found, where a head of 8 is crowded or where it is not."""
    which = CROWDED if crowded else ~CROWDED
    return table("features").filter(SINGLE, which, arm=arm).mean(MISSING)


def networks(arm: str, value: str | pl.Expr, *which: pl.Expr) -> Reading:
    """A mean over an arm's heads."""
    return table("networks").filter(*which, arm=arm).mean(value)


def swapped(condition: str) -> Reading:
    """What a swap does to the attention in heads of the paper's ranks, 3 and 5."""
    return table("swaps").filter(PAPER_PAIR, arm="main", condition=condition).value("moved")
