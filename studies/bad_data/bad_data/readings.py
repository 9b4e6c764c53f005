"""Readings of the study ``bad_data``; a unit is a seed with its networks of all shares."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table

FEATURES = table("features").filter(arm="trained")
KEPT = pl.col("kept") == 1.0
STEERED = table("steered")
COST = 0.05  # nats per token that clean texts may lose


def of(rare: bool, share: float, arm: str = "trained") -> Rows:
    """Rare or other features at a share."""
    return table("features").filter(arm=arm, rare=rare, share=share)


def represented(share: float, rare: bool = True, arm: str = "trained") -> Reading:
    """Share of the rare or the other features that have a norm above a half."""
    return of(rare, share, arm).mean("kept")


def at_first(rare: bool, column: str) -> Reading:
    """Mean of a column over features at the lowest share, represented or not."""
    return FEATURES.filter(rare=rare).first("share").mean(column)


def appearing(measure: str) -> Reading:
    """Entanglement of the rare features where the first are represented, minus at share 1."""

    def fall(own: pl.DataFrame) -> float | None:
        rare = own.filter("rare", KEPT)
        first = rare.filter(pl.col("share") == pl.col("share").min(), pl.col("share") < 1)[measure]
        equal = rare.filter(share=1.0)[measure]
        if first.is_empty() or equal.is_empty():
            return None
        return float(first.to_numpy().mean() - equal.to_numpy().mean())

    return FEATURES.each(fall)


def gap(measure: str, low: float, high: float) -> Reading:
    """Entanglement of represented rare features minus that of the others.

    It is averaged over networks of shares from ``low`` to ``high`` that represent both.
    """

    def mean(own: pl.DataFrame) -> float | None:
        sides = own.filter(KEPT).group_by("share", "rare").agg(pl.col(measure).mean())
        wide = sides.filter("rare").join(sides.filter(~pl.col("rare")), on="share")
        return wide.select((pl.col(measure) - pl.col(f"{measure}_right")).mean()).item()

    return FEATURES.filter(pl.col("share").is_between(low, high)).each(mean)


def steered(share: float | None = None, push: str = "found") -> Rows:
    """Steered networks of a share, of the lowest one by default."""
    rows = STEERED.filter(push=push)
    return rows.first("share") if share is None else rows.filter(share=share)


def unsteered(column: str, share: float | None = None) -> Reading:
    """A column of networks that are not steered."""
    return steered(share).filter(strength=0.0).value(column)


def removed(share: float | None = None, push: str = "found", strength: float = 1.0) -> Reading:
    """Part of the rough words that steering takes away."""
    rows = steered(share, push)
    left = rows.filter(strength=strength).value("rough") / rows.filter(strength=0.0).value("rough")
    return 1 - left


def removed_at_cost(share: float | None = None) -> Reading:
    """Part of the rough words that is gone when clean texts lose ``COST`` more than unsteered.

    It is interpolated between strengths; where no strength costs as much, it is the last one's.
    """

    def part(own: pl.DataFrame) -> float | None:
        own = own.sort("strength")
        cost = own["loss"].to_numpy() - own["loss"][0]
        gone = 1 - own["rough"].to_numpy() / own["rough"][0]
        over = np.flatnonzero(cost > COST)
        if not len(over):
            return float(gone[-1])
        i = over[0]
        return float(np.interp(COST, cost[i - 1 : i + 1], gone[i - 1 : i + 1]))

    return steered(share).each(part)
