"""Readings of the study ``superposition_adversarial``, one value per seed."""

from typing import Literal

import polars as pl

from toylab.read import Reading, table

PLAIN = table("plain", of="plain")


def sparsest(column: str) -> Reading:
    """A column at the lowest density."""
    return PLAIN.first("density").value(column)


def against_features(method: Literal["pearson", "spearman"]) -> Reading:
    """Correlation over densities of vulnerability with the number of features per dimension."""
    return PLAIN.aggregate(pl.corr("vulnerability", "features_per_dimension", method=method))


def hardened(radius: float) -> Reading:
    """Features per dimension after training against attacks of a radius."""
    rows = table("hardened", of="hardened").filter((pl.col("radius") - radius).abs() < 1e-9)
    return rows.value("features_per_dimension")
