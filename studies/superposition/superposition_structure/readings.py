"""Readings of the study ``superposition_structure``, one value per group of tries."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table

GROUP = "group"
DENSITY = 0.05  # the baseline of the non-uniform section; the paper gives none for sets


def nonuniform(low: float = 0.0, high: float = np.inf) -> Rows:
    """Best of every group and relative density, in a span of relative densities."""
    return table("nonuniform_best").filter(pl.col("ratio").is_between(low, high))


def snap(best: pl.DataFrame) -> float | None:
    """Relative density between the last digons and the next solution of one group, or None."""
    best = best.sort("ratio")
    ratio, digons = best["ratio"].to_numpy(), np.flatnonzero(best["kind"] == "digons")
    inside = len(digons) and digons[-1] + 1 < len(ratio)
    return (ratio[digons[-1]] + ratio[digons[-1] + 1]) / 2 if inside else None


LAST_DIGONS = pl.col("ratio").filter(pl.col("kind") == "digons").max().over(GROUP)

SNAPPED = nonuniform().where(pl.col("ratio") <= LAST_DIGONS)
SNAP = nonuniform().each(snap, GROUP)


def changes(value: str) -> pl.Expr:
    """Sizes of the changes of a column from one relative density to the next."""
    return pl.col(value).sort_by("ratio").diff().abs()


def low_loss(kind: str, density: float) -> Rows:
    """Tries of ``pairs`` that ended near the lowest loss of their group."""
    return table("pairs").filter(pl.col("low"), kind=kind, density=density)


def orthogonal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with |cos| < 0.2 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest_size") < 0.2, GROUP)


def antipodal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with cos < -0.9 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest") < -0.9, GROUP)


def ladder(low: float, high: float, kind: str = "correlated") -> Rows:
    """Best of every group and density of three pairs, in a span of densities."""
    return table("ladder_best").filter(pl.col("density").is_between(low, high), kind=kind)


def collapsed(low: float, high: float, kind: str = "correlated") -> Reading:
    """Mean number of collapsed pairs over a span of densities."""
    return ladder(low, high, kind).mean("collapsed", GROUP)


def bases(kind: str) -> Reading:
    """Share within sets of the squared overlaps of the best of two sets of ten."""
    return table("bases_best").filter(kind=kind).value("within_share", GROUP)
