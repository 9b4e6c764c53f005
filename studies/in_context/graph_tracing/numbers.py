"""From the tables of the study ``graph_tracing`` to one number per seed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

GRID = "4x4"

Tables = Mapping[str, Any]
Measure = Callable[[Tables], np.ndarray]


def curve(column: str, when: str, source: str = "network", graph: str = GRID) -> Measure:
    """Mean of a curve's column early or late in context, per seed."""

    def measure(m: Tables) -> np.ndarray:
        kept = (pl.col("source") == source) & (pl.col("graph") == graph) & (pl.col("when") == when)
        return per_unit(m["curves"].filter(kept), pl.col(column).mean())

    return measure


def geometry(column: str, when: str, source: str = "network", layer: int | None = None) -> Measure:
    """A measure of geometry at the chosen layer, or at one counted from the last (-1)."""

    def measure(m: Tables) -> np.ndarray:
        rows = m["geometry"].filter(pl.col("source") == source, pl.col("when") == when)
        if layer is None:
            rows = rows.filter(pl.col("chosen"))
        else:
            depth = m["geometry"]["layer"].max()
            rows = rows.filter(pl.col("layer") == (layer if layer >= 0 else depth + 1 + layer))
        return per_unit(rows, pl.col(column).mean())

    return measure


def fit(column: str, source: str = "network", graph: str = GRID) -> Measure:
    """A number of the two-segment fit, per seed."""

    def measure(m: Tables) -> np.ndarray:
        kept = (pl.col("source") == source) & (pl.col("graph") == graph)
        return per_unit(m["fits"].filter(kept), pl.col(column).first())

    return measure


def law(column: str, value: str, source: str = "network") -> Measure:
    """Exponent or R^2 of a place's power law in the number of nodes, per seed."""

    def measure(m: Tables) -> np.ndarray:
        kept = (pl.col("source") == source) & (pl.col("column") == column)
        return per_unit(m["laws"].filter(kept), pl.col(value).first())

    return measure


def strongest_lag(m: Tables) -> np.ndarray:
    """Of earlier places, how far back the first block's largest mean attention goes."""
    first = m["lags"].filter(pl.col("block") == 1, pl.col("lag") > 0)
    return per_unit(first, pl.col("lag").sort_by("attention").last())


def order(column: str) -> Measure:
    """Doublings of context by which the energy is ahead of accuracy, per seed."""
    return lambda m: per_unit(m["order"], pl.col(column).first())


def less(one: Measure, other: Measure) -> Measure:
    """One number minus another, seed by seed."""
    return lambda m: one(m) - other(m)


def over(one: Measure, other: Measure) -> Measure:
    """One number by another, seed by seed."""
    return lambda m: one(m) / other(m)
