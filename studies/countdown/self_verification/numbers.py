"""One number per seed, from the measures of self-verification."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Measure = Callable[[Mapping[str, Any]], np.ndarray]
REWARD = "reward"
LEE = "Lee et al. 2025 (arXiv:2504.14379)"
LEE_OURS = f"{LEE}; region: this laboratory"
YU = "Yu et al. 2025 (arXiv:2510.12157), of other tasks; region: this laboratory"
PILOT = "found on a pilot network, this laboratory"
OURS = "expected, this laboratory"
ADDED = "added after a first judged run"


def of(table: str, value: str, arm: str = REWARD, **where: Any) -> Measure:
    """A seed's mean of a column over the rows that are asked for."""

    def measure(m: Mapping[str, Any]) -> np.ndarray:
        rows = m[table].filter(pl.col("arm") == arm, *(pl.col(k) == v for k, v in where.items()))
        return per_unit(rows, pl.col(value).mean())

    return measure


def best(kind: str, arm: str = REWARD) -> Measure:
    """Test accuracy at "(" of a kind of probe, at the layer that other pairs chose."""

    def measure(m: Mapping[str, Any]) -> np.ndarray:
        rows = m["probes"].filter(pl.col("arm") == arm, pl.col("kind") == kind, pl.col("back") == 0)
        return per_unit(rows, pl.col("accuracy").sort_by("choice", "layer").last())

    return measure


def silenced(condition: str, arm: str = REWARD) -> Measure:
    """Share of right attempts, accepted by the whole network, that are no longer accepted."""
    return of("conditions", "silenced", arm, condition=condition)


def says_no(condition: str) -> Measure:
    """Share of these attempts that the network after reward refuses."""
    return of("conditions", "says_no", condition=condition)


def less(left: Measure, right: Measure) -> Measure:
    """Difference, seed by seed."""
    return lambda m: left(m) - right(m)
