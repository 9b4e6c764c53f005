"""Readings of the stored tables, one value per seed."""

import polars as pl

from toylab.read import Reading, least, table
from toylab.read.networks import trend
from toylab.tasks.planning.delayed_sums import DelayedSums

EIGHTHS = {f"dose {n / 8}": n / 8 for n in range(1, 5)}
DOSES = {"myopic": 0.0} | EIGHTHS  # half is enough for many networks
TERMS = DelayedSums().terms


def error(arm: str) -> Reading:
    """Squared error of sums after training, over the variance of a sum."""
    return table("curves").filter(arm=arm).last(over="arm").value("error")


def plain(arm: str) -> Reading:
    """Squared error after training where a position's own number is asked for."""
    return table("curves").filter(arm=arm).last(over="arm").value("plain")


def best_myopic() -> Reading:
    """The error of myopic training at the better of two rates."""
    return least(error("myopic"), error("slow"))


def decodable(arm: str, site: str = "first block", *, first: bool = False) -> Reading:
    """R^2 of the probe of f(x_n) at a site, after training or before."""
    rows = table("sites").filter(arm=arm, site=site)
    return (rows.first(over="arm") if first else rows.last(over="arm")).value("r2")


def furthest(arm: str, *, within: bool) -> Reading:
    """The slope furthest from 1 at the lags of the sum's terms, or from 0 at others."""
    inside = pl.col("lag").is_between(1, TERMS)
    rows = table("slopes").filter(inside if within else ~inside, arm=arm).last(over="arm")
    return rows.aggregate((pl.col("slope") - float(within)).abs().max())


def doses() -> Reading:
    """Rank correlation of the error with the dose of the gradient."""
    dose = pl.col("arm").replace_strict(DOSES, default=None, return_dtype=pl.Float64)
    rows = table("curves").filter(arm=tuple(DOSES)).last(over="arm")
    return trend(rows.then(lambda own: own.with_columns(dose=dose)), pl.col("error").mean(), "dose")
