"""Readings of the study ``superposition_dynamics``, one value per network."""

import polars as pl

from toylab.read import Reading, table

NETWORK = "member"
FORMED = pl.col("octahedron")


def level(value: str | pl.Expr) -> Reading:
    """A number of the networks with equal features."""
    return table("levels").value(value, NETWORK)


def six(world: str, value: str) -> Reading:
    """A number of the networks with six features, in two sets or independent."""
    return table("octahedra").filter(world=world).value(value, NETWORK)


def octahedron(world: str, value: str) -> Reading:
    """A number of the networks with six features that ended as an octahedron."""
    return table("octahedra").filter(world=world).where(FORMED).value(value, NETWORK)
