"""Readings of the stored tables, one value per seed."""

import polars as pl

from toylab.read import Reading, Rows, greatest, table
from toylab.read.networks import trend

FARTHEST = "ahead 8"


def ends(name: str, arm: str, first: bool = False) -> Rows:
    """Rows of an arm's networks after training, or before."""
    rows = table(name).filter(arm=arm)
    return rows.first() if first else rows.last()


def chain(arm: str, column: str, *, first: bool = False) -> Reading:
    """A score of networks on chains."""
    return ends("chains", arm, first).value(column)


def topic(arm: str) -> Reading:
    """Accuracy of the topic's probe at the encoder; of next-token networks at the better place.

    These have two places: after as many blocks as the encoder has, and after all of them.
    """
    encoded = chain(arm, "topic encoded")
    return greatest(encoded, chain(arm, "topic ahead")) if arm == "next" else encoded


def doses() -> Reading:
    """Rank correlation of the topic's accuracy with the number of tokens ahead."""
    ahead = pl.col("arm").str.extract(r"ahead (\d+)").cast(pl.Int64)
    rows = table("chains").filter(pl.col("arm").str.starts_with("ahead")).last()
    named = rows.then(lambda own: own.with_columns(ahead=ahead))
    return trend(named, pl.col("topic encoded").mean(), "ahead")


def pair(arm: str) -> Reading:
    """Loss on a pair, both tokens together, in nats."""
    return ends("pairs", arm).value(pl.col("first") + pl.col("second"))


def known(column: str) -> Reading:
    """The pair's information, or its mean entropy per token."""
    return ends("pairs", "pair decoder").value(column)


def solved(arm: str, column: str = "solved") -> Reading:
    """Share of stars whose path is right, or of its first steps."""
    return ends("stars", arm).value(column)
