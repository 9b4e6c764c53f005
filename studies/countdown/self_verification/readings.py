"""Readings of the stored tables of self-verification, one value per seed."""

from typing import Any

import polars as pl

from toylab.read import Reading, table

REWARD = "reward"
LEE = "Lee et al. 2025 (arXiv:2504.14379)"
LEE_OURS = f"{LEE}; region: this laboratory"
YU = "Yu et al. 2025 (arXiv:2510.12157), of other tasks; region: this laboratory"
PILOT = "found on a pilot network, this laboratory"
OURS = "expected, this laboratory"
ADDED = "added after a first judged run"


def of(name: str, value: str, arm: str = REWARD, **where: Any) -> Reading:
    """Mean of a table's column over the rows that are asked for."""
    return table(name).filter(arm=arm, **where).mean(value)


def best(kind: str, arm: str = REWARD) -> Reading:
    """Test accuracy at "(" of a kind of probe, at the layer that other pairs chose."""
    rows = table("probes").filter(arm=arm, kind=kind, back=0)
    return rows.aggregate(pl.col("accuracy").sort_by("choice", "layer").last())


def silenced(condition: str, arm: str = REWARD) -> Reading:
    """Share of right attempts, accepted by the unablated network, that are no longer accepted."""
    return of("conditions", "silenced", arm, condition=condition)


def says_no(condition: str) -> Reading:
    """Share of these attempts that the network after reward refuses."""
    return of("conditions", "says_no", condition=condition)
