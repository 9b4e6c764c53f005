"""Readings of the stored tables: one value per seed for a claim."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Measure = Callable[[Mapping[str, Any]], np.ndarray]
LEARNED = 0.05  # nats


def at(arm: str, score: str, first: bool = False) -> Measure:
    """A score of an arm's networks at the last step, or before training."""

    def measure(m: Mapping[str, Any]) -> np.ndarray:
        rows = m["curves"].filter(pl.col("arm") == arm)
        step = rows["step"].min() if first else rows["step"].max()
        return per_unit(rows.filter(pl.col("step") == step), pl.col(score).first())

    return measure


def law(arm: str, score: str, kind: str, column: str) -> Measure:
    """Slope or R2 of a line through the last decade."""
    is_law = (pl.col("arm") == arm) & (pl.col("score") == score) & (pl.col("law") == kind)
    return lambda m: per_unit(m["growth"].filter(is_law), pl.col(column).first())


def rising(arm: str, score: str, kind: str) -> Measure:
    """R2 of a line that rises; minus one where it falls."""
    slope, r2 = law(arm, score, kind, "slope"), law(arm, score, kind, "r2")
    return lambda m: np.where(slope(m) > 0, r2(m), np.where(np.isnan(slope(m)), np.nan, -1.0))


def cut(condition: str, score: str, arm: str = "adam") -> Measure:
    """A score under a condition."""
    is_it = (pl.col("arm") == arm) & (pl.col("condition") == condition)
    return lambda m: per_unit(m["conditions"].filter(is_it), pl.col(score).first())


def over(top: Measure, bottom: Measure) -> Measure:
    """Ratio, unit by unit."""
    return lambda m: top(m) / bottom(m)


def less(left: Measure, right: Measure) -> Measure:
    """Difference, unit by unit."""
    return lambda m: left(m) - right(m)


def largest(*measures: Measure) -> Measure:
    """The largest of several, unit by unit."""
    return lambda m: np.max([f(m) for f in measures], axis=0)


def against_adam(arm: str) -> Measure:
    """An arm's growth of the residual over Adam's; NaN where Adam's does not grow."""
    own = law(arm, "resid_start", "linear", "slope")
    adam = law("adam", "resid_start", "linear", "slope")
    return lambda m: own(m) / np.where(adam(m) > 0, adam(m), np.nan)


def excess(arm: str) -> Measure:
    """How far both risks together are from the oracle's, the larger of the two."""
    off = less(at(arm, "bigram_risk"), at(arm, "bigram_floor"))
    return largest(off, less(at(arm, "backcopy_risk"), at(arm, "backcopy_floor")))


def where_learned(arm: str, measure: Measure) -> Measure:
    """A symptom of an arm; NaN for a network further than ``LEARNED`` from the oracle's risks."""
    return lambda m: np.where(excess(arm)(m) <= LEARNED, measure(m), np.nan)
