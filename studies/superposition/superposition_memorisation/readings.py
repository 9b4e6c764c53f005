"""Readings of the study ``superposition_memorisation``, one value per data set."""

import polars as pl

from toylab.read import Rows, greatest, table

SET = "set_seed"
SIZES = table("sets").then(lambda rows: rows.sort("size"))
LARGEST = SIZES.last("size")
RATIO = pl.col("example_dimensionality") * pl.col("size") / 2  # 1 for a T-gon of T examples
INTERIOR = (pl.col("size") > 10) & (pl.col("size") < pl.col("size").max())

WORST = SIZES.aggregate(pl.col("test").filter(INTERIOR).max(), SET)
ENDS = greatest(SIZES.first("size").value("test", SET), LARGEST.value("test", SET))


def of_sizes(low: int, high: int) -> Rows:
    """Networks trained on ``low`` to ``high`` examples."""
    return SIZES.filter(pl.col("size").is_between(low, high))
