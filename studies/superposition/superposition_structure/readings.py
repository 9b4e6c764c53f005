"""Readings of the study ``superposition_structure``, one value per group of tries."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table

GROUP = "group"
DENSITY = 0.05  # the baseline of the non-uniform section; the paper gives none for sets


def lowest(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    """The network of lowest loss of every group of rows, in order."""
    return rows.sort("loss", nulls_last=True).group_by(*by, maintain_order=True).first().sort(*by)


def is_low(*by: str) -> pl.Expr:
    """Whether a network's loss is near the lowest of its group: within 10%, or within 1e-4.

    The second is for losses of nearly 0; in ``pairs`` one feature lost costs 0.008 or more.
    """
    loss = pl.col("loss")
    low = loss <= 1.1 * loss.min().over(*by) + 1e-4
    return low | loss.is_null().all().over(*by)


def nonuniform(low: float = 0.0, high: float = np.inf) -> Rows:
    """Best of every group and relative density, in a span of relative densities."""
    best = table("nonuniform").then(lambda rows: lowest(rows, GROUP, "ratio"))
    return best.filter(pl.col("ratio").is_between(low - 1e-9, high + 1e-9))


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


def of_kind(name: str, kind: str, density: float | None = None) -> Rows:
    """Networks of one kind of sets, and of one density."""
    rows = table(name).filter(kind=kind)
    return rows if density is None else rows.filter((pl.col("density") - density).abs() < 1e-9)


def low_loss(kind: str, density: float) -> Rows:
    """Tries of ``pairs`` that ended near the lowest loss of their group."""
    return of_kind("pairs", kind, density).then(lambda rows: rows.filter(is_low(GROUP)))


def orthogonal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with |cos| < 0.2 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest_size") < 0.2, GROUP)


def antipodal(kind: str, density: float = DENSITY) -> Reading:
    """Share of low-loss tries with cos < -0.9 within both pairs."""
    return low_loss(kind, density).mean(pl.col("largest") < -0.9, GROUP)


def ladder(low: float, high: float, kind: str = "correlated") -> Rows:
    """Best of every group and density of three pairs, in a span of densities."""
    best = of_kind("ladder", kind).then(lambda rows: lowest(rows, GROUP, "density"))
    return best.filter(pl.col("density").is_between(low - 1e-9, high + 1e-9))


def collapsed(low: float, high: float, kind: str = "correlated") -> Reading:
    """Mean number of collapsed pairs over a span of densities."""
    return ladder(low, high, kind).mean("collapsed", GROUP)


def bases(kind: str) -> Rows:
    """Best of every group of two sets of ten."""
    return of_kind("bases", kind).then(lambda rows: lowest(rows, GROUP))
