"""Readings of the study ``graph_tracing``: one value per seed from its tables."""

import numpy as np
import polars as pl

from toylab.read import Reading, table
from toylab.stats.lines import line

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


def power_law(part: str, source: str = "network") -> Reading:
    """``slope`` or ``r2`` of ``log place = slope log n + c``, over grids of n nodes.

    The place is where mass reaches 0.5.
    """
    logs = lambda rows: (np.log(rows["n"].to_numpy()), np.log(rows["half"].to_numpy()))
    rectangles = table("fits").filter(pl.col("graph").str.contains("x"), source=source)
    return rectangles.each(lambda rows: getattr(line(*logs(rows)), part))


STRONGEST_LAG = (
    table("lags")
    .filter(pl.col("lag") > 0, block=1)
    .aggregate(pl.col("lag").sort_by("attention").last())
)
# How many places after visits to the present node a head of the second block looks most, and how
# much of its attention is there.
VISITS = table("copies").filter(pl.col("after") > 0, block=2)
AFTER_VISITS = VISITS.aggregate(pl.col("after").sort_by("attention").last())
ON_VISITS = VISITS.aggregate(pl.col("attention").max())
# Mass soon after a turn on the node ahead minus that on the one not seen for longest.
AFTER_TURN = table("turned").value("ahead") - table("turned").value("oldest")
# Doublings of context from half of the energy's fall to half of accuracy's rise.
HALF_TO_HALF = table("order").where(pl.col("fall") >= 0.1).value("half_to_half")
