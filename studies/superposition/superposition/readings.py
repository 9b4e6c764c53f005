"""Readings of the study ``superposition``: tables with a row per feature, one value per seed."""

import polars as pl

from toylab.read import Reading, Rows, table

KEPT = pl.col("norm") > 0.5  # a feature of norm above this counts as kept
LINES = (1.0, 3 / 4, 2 / 3, 1 / 2, 2 / 5, 3 / 8)  # the paper's polytope lines
POPULATIONS = {"untrained": "geometry"}  # of the tables that do not bear their name


def rows_of(name: str) -> Rows:
    """Features of the networks of a table."""
    return table(name, of=POPULATIONS.get(name, name))


def at(name: str, density: float) -> Rows:
    """Features of the networks of one density."""
    return rows_of(name).filter(density=density)


def band(low: float, high: float, name: str = "geometry") -> Rows:
    """Features of the networks whose 1/(1-S) lies in a band."""
    return rows_of(name).filter((1 / pl.col("density")).is_between(low - 1e-6, high + 1e-6))


def kept(name: str, density: float) -> Reading:
    """Number of features that the network of one density keeps."""
    return at(name, density).aggregate(KEPT.sum())


def unused_dimensions(name: str) -> Reading:
    """Greatest distance over densities of the sum of all D_i from M, as a fraction of M."""
    # D* is M / ||W||^2, which gives M back.
    hidden = (pl.col("d_star").first() * (pl.col("norm") ** 2).sum()).round()
    gap = (pl.col("dimensionality").sum() / hidden - 1).abs().alias("gap")
    models = rows_of(name).then(lambda rows: rows.group_by("init_seed", "density").agg(gap))
    return models.aggregate(pl.col("gap").max())


def on_polytopes(name: str, tolerance: float = 0.02) -> Reading:
    """Share of kept features whose D_i lies near a polytope's, for 1/(1-S) up to 5."""
    near = pl.any_horizontal([(pl.col("dimensionality") - x).abs() < tolerance for x in LINES])
    return band(1.0, 5.0, name).aggregate(near.filter(KEPT).mean())
