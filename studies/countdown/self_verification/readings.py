"""Readings of the stored tables of self-verification, one value per seed."""

from typing import Any

import polars as pl

from toylab.read import Reading, table

REWARD = "reward"


def of(name: str, value: str, arm: str = REWARD, **where: Any) -> Reading:
    """Mean of a table's column over the rows that are asked for."""
    return table(name).filter(arm=arm, **where).mean(value)


def best(kind: str, arm: str = REWARD) -> Reading:
    """Test accuracy at "(" of a kind of probe, at the layer that other pairs chose."""
    rows = table("probes").filter(arm=arm, kind=kind, back=0)
    return rows.aggregate(pl.col("accuracy").sort_by("choice", "layer").last())


def unaccepted(condition: str) -> Reading:
    """Share of right attempts, accepted by the full network, that are no longer accepted."""
    return of("conditions", "silenced", condition=condition)


def refused(condition: str) -> Reading:
    """Share of these attempts to which the network then says no."""
    return of("conditions", "says_no", condition=condition)
