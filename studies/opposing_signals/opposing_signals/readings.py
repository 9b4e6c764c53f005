"""Readings of the stored tables, one value per seed."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table

LEARNED_FROM = 1 / 3  # of the final |b|; see ``proportional``
BAND = 0.1  # about the edge, where samples decide
MATCHED = 0.04  # excess loss at which optimisers are compared


def arm(name: str, value: str) -> Reading:
    """A number of an arm's networks."""
    return table("arms").filter(arm=name).value(value)


def end(name: str, value: str | pl.Expr) -> Reading:
    """A number of an arm's networks after training."""
    return table("curves").filter(arm=name).last().value(value)


def looks(name: str) -> Rows:
    """The snapshots of an arm at which the sharpness is known, with what is known of the arm."""

    def joined(rows: pl.DataFrame, measures: dict[str, pl.DataFrame]) -> pl.DataFrame:
        known = measures["arms"].filter(arm=name).select("init_seed", "alpha", "best", "edge")
        return rows.join(known, on="init_seed", maintain_order="left")

    known = table("curves").filter(pl.col("bound").is_not_null() | pl.col("diverged"), arm=name)
    return known.then(joined, with_measures=True)


def proportional(name: str) -> Reading:
    """Largest relative distance of the sharpness from ``alpha |b|``.

    From a third of the final |b| on. Before ``|b| = |beta| / (1 + alpha)``, 0.22 of it, the
    residual gradient, of length ``|beta| - |b|``, gives an eigenvalue that is larger.
    """
    grown = pl.col("signal") >= LEARNED_FROM * pl.col("best")
    away = (pl.col("sharpness") / (pl.col("alpha") * pl.col("signal")) - 1).abs()
    return looks(name).filter(grown | pl.col("diverged")).aggregate(away.max())


def doubt(name: str) -> Reading:
    """Largest bound of the sharpness, relative to it, from a third of the final |b| on."""
    grown = pl.col("signal") >= LEARNED_FROM * pl.col("best")
    rows = looks(name).filter(grown | pl.col("diverged"))
    return rows.aggregate((pl.col("bound") / pl.col("sharpness")).max())


def foretold() -> Reading:
    """Whether the edge is reached where the closed form says: the share of cells, balanced."""
    past, reached = pl.col("predicted") >= pl.col("edge"), pl.col("peak") >= pl.col("edge")
    clear = ((pl.col("predicted") / pl.col("edge")) - 1).abs() > BAND
    right = (past == reached).cast(pl.Float64)
    both = (right.filter(past).mean() + right.filter(~past).mean()) / 2
    return table("cells").filter(clear).aggregate(both)


def spike(optimizer: str) -> Reading:
    """Spike at the matched excess, by interpolation over the optimiser's rates."""

    def matched(rows: pl.DataFrame) -> float | None:
        excess, spikes = (rows.sort("excess")[c].to_numpy() for c in ("excess", "spike"))
        if not (excess > 0).all() or not excess[0] <= MATCHED <= excess[-1]:
            return None
        return float(np.interp(np.log(MATCHED), np.log(excess), spikes))

    return table("spikes").filter(optimizer=optimizer).each(matched)
