"""Readings of the study ``graph_tracing``: one value per seed from its tables."""

import polars as pl

from toylab.read import Reading, table

GRID = "4x4"


def curve(column: str, when: str, source: str = "network", graph: str = GRID) -> Reading:
    """Mean of a curve's column early or late in the context."""
    return table("curves").filter(source=source, graph=graph, when=when).mean(column)


def geometry(column: str, when: str, source: str = "network") -> Reading:
    """A measure of geometry at the chosen layer."""
    return table("geometry").filter(source=source, when=when, chosen=True).value(column)


def after_block(column: str, first: bool) -> Reading:
    """A measure of the network's late geometry after its first or its last block."""
    rows = table("geometry").filter(source="network", when="late")
    return (rows.filter(layer=1) if first else rows.last("layer")).value(column)


def neighbour_mix(column: str) -> Reading:
    """A measure of one step of neighbour mixing of the network's own embeddings."""
    return table("geometry").filter(source="neighbour mix").value(column)


def fit(column: str, source: str = "network") -> Reading:
    """A number of the two-segment fit."""
    return table("fits").filter(source=source, graph=GRID).value(column)


def law(place: str, value: str, source: str = "network") -> Reading:
    """Exponent or R^2 of a place's power law in the number of nodes."""
    return table("laws").filter(source=source, column=place).value(value)


def order(column: str) -> Reading:
    """Doublings of context by which the energy is ahead of accuracy."""
    return table("order").value(column)


STRONGEST_LAG = (
    table("lags")
    .filter(pl.col("lag") > 0, block=1)
    .aggregate(pl.col("lag").sort_by("attention").last())
)
