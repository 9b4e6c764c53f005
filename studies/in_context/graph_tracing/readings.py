"""Readings of the study ``graph_tracing``: one value per seed from its tables."""

from collections.abc import Callable

import numpy as np
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


def _law(source: str, of: Callable[[float, float], float]) -> Reading:
    def fit(rows: pl.DataFrame) -> float | None:
        x, y = np.log(rows["n"].to_numpy()), np.log(rows["half"].to_numpy())
        if not np.isfinite(y).all() or np.ptp(y) == 0:
            return None
        slope, offset = np.polyfit(x, y, 1)
        left = np.sum((y - offset - slope * x) ** 2) / np.sum((y - y.mean()) ** 2)
        return of(slope, 1 - left)

    rectangles = pl.col("graph").str.contains("x")
    return table("fits").filter(rectangles, source=source).each(fit)


def exponent(source: str = "network") -> Reading:
    """Exponent of the power law ``place of mass 0.5 = c n^exponent`` over grids of n nodes."""
    return _law(source, lambda slope, r2: slope)


def straightness(source: str = "network") -> Reading:
    """R^2 of that power law in logarithms."""
    return _law(source, lambda slope, r2: r2)


STRONGEST_LAG = (
    table("lags")
    .filter(pl.col("lag") > 0, block=1)
    .aggregate(pl.col("lag").sort_by("attention").last())
)
# Doublings of context from half of the energy's fall to half of accuracy's rise.
HALF_TO_HALF = table("order").where(pl.col("fall") >= 0.1).value("half_to_half")
