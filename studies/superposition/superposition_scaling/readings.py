"""Readings of the study ``superposition_scaling``, one value per seed."""

import polars as pl

from toylab.read import Reading, Rows, table

WEAK, STRONG = 1.0, -1.0  # the coefficient gamma of the two regimes
WIDTH = pl.col("width")
# Of the squared overlap of random directions in m dimensions.
RANDOM_VARIANCE = 2 * (WIDTH - 1) / (WIDTH**2 * (WIDTH + 2))


def of(gamma: float, alpha: float | None = None) -> Rows:
    """Networks of a regime, and of one exponent of the frequencies, at every width."""
    rows = table("models").filter(gamma=gamma)
    return rows if alpha is None else rows.filter((pl.col("alpha") - alpha).abs() < 1e-9)


def exponent(gamma: float, alpha: float) -> Reading:
    """Exponent a of loss ~ m^-a, by least squares on logarithms."""
    x, y = WIDTH.log(), pl.col("loss").log()
    return of(gamma, alpha).aggregate(-pl.cov(x, y) / x.var())
