"""Readings of the study ``othello``: per held-out game of the network, per seed of small ones."""

from typing import Any

import numpy as np
import polars as pl

from toylab.read import Reading, table

GAIN = pl.col("accuracy") - pl.col("untrained")


def games(value: str | pl.Expr) -> Reading:
    """A score of each held-out game, the mean over the networks."""
    return table("games", of="main").mean(value, unit="game")


def small(value: str | pl.Expr, **where: Any) -> Reading:
    """A score of the small networks that ``where`` picks, at the end of training."""
    return table("small").last("step").filter(**where).mean(value)


def over(setting: str, value: str | pl.Expr) -> Reading:
    """A score of the networks with the least value of a setting, over that with the greatest."""
    rows = table("small").last("step").filter(row=setting)
    return rows.first(setting).mean(value) / rows.last(setting).mean(value)


def _ahead(rows: pl.DataFrame) -> float | None:
    end = rows.filter(row="main").sort("step").tail(1)
    path = rows.filter(row="expected").sort("divergence")
    if path.is_empty():
        return None
    near = np.log([end["divergence"][0], *path["divergence"]])
    return np.interp(near[0], near[1:], path["accuracy"]) - end["accuracy"][0]


# Accuracy of the board probe of networks trained on expected moves minus that of networks trained
# on played ones, where both are as near to the best prediction. That is where the latter end: the
# former's accuracy is interpolated between its checkpoints, in the logarithm of the divergence.
ahead = table("small").filter(row=("main", "expected")).each(_ahead)
