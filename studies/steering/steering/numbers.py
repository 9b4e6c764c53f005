"""Numbers that claims of the language half judge: one per seed, from the study's tables."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

BUDGET = 0.1  # nats that verbs may lose
Measure = Callable[[Mapping[str, Any]], np.ndarray]


def of(table: str, value: pl.Expr, *where: pl.Expr) -> Measure:
    """One aggregate per seed over some rows of a table."""
    return lambda m: per_unit(m[table].filter(*where), value)


def less(left: Measure, right: Measure) -> Measure:
    """Difference, seed by seed."""
    return lambda m: left(m) - right(m)


def reached(method: str, arm: str) -> Measure:
    """Largest swing at a cost within the budget, over doses and layers; the mean over draws.

    The swing is the share of good nouns at dose +d less that at -d; the cost is the larger KL at
    verbs. Dose 0 counts, with swing 0.
    """

    def measure(m: Mapping[str, Any]) -> np.ndarray:
        rows = m["doses"].filter(pl.col("method") == method, pl.col("arm") == arm)
        fits = pl.when(pl.col("cost") <= BUDGET).then(pl.col("swing")).otherwise(0.0)
        dead = pl.col("swing").is_nan().any()
        best = rows.group_by("init_seed", "draw").agg(
            pl.when(dead).then(float("nan")).otherwise(fits.max().clip(0, None)).alias("best")
        )
        return per_unit(best, pl.col("best").mean())

    return measure


def task_vector(value: str) -> Measure:
    """A number of the layer that was best on development sets."""
    return of("task_vectors", pl.col(value).first(), pl.col("chosen"))


def faithful(*relations: str, value: str = "faithful") -> Measure:
    """Mean over relations, held-out subjects."""
    return of("relations", pl.col(value).mean(), pl.col("relation").is_in(relations))


def neurons(arm: str, value: str = "own") -> Measure:
    """Mean over facts of the share of the correct probability that is lost."""
    return of("neurons", pl.col(value).mean(), pl.col("arm") == arm)
