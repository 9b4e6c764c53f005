"""Readings of the study ``adversarial_spheres``; a unit is a seed with all its networks."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, table

FRESH = table("networks").filter(pool=0.0)
POOLS = table("networks").filter(population="pools").last()
RATIO = pl.col("distance") / pl.col("cap")
WINDOW = pl.col("inner").is_between(1e-4, 0.2)  # error rates at which nearness is judged


def of_dim(which: Literal["largest", "smallest"]) -> Rows:
    """Networks on fresh points in the most or the fewest dimensions."""
    edge = pl.Expr.max if which == "largest" else pl.Expr.min
    return FRESH.filter(pl.col("dim") == edge(pl.col("dim")))


def three_largest() -> Rows:
    """Networks on fresh points in the three largest numbers of dimensions."""
    return FRESH.filter(pl.col("dim").rank("dense", descending=True) <= 3)


def nearness() -> Reading:
    """Mean distance over the cap's, averaged over a training; the lowest of three dimensions."""

    def lowest(own: pl.DataFrame) -> float | None:
        means = own.filter(WINDOW).group_by("dim").agg(RATIO.mean().alias("ratio"))["ratio"]
        return means.min() if len(means) == own["dim"].n_unique() else None  # type: ignore[return-value]

    return three_largest().each(lowest)


def over_the_bound() -> Reading:
    """Most that a network's distance, less three standard errors, is of the cap's."""
    excess = (pl.col("distance") - 3 * pl.col("error")) / pl.col("cap")
    rows = table("networks").filter(excess.is_not_null() & (pl.col("step") > 0))
    return rows.aggregate(excess.max())


def first_when(
    test: pl.Expr, value: pl.Expr | str, which: Literal["largest", "smallest"] = "largest"
) -> Reading:
    """A value at the first look at which a test holds."""
    value = pl.col(value) if isinstance(value, str) else value

    def take(own: pl.DataFrame) -> float | None:
        passed = own.sort("step").filter(test)
        return passed.select(value.cast(pl.Float64)).item(0, 0) if passed.height else None

    return of_dim(which).each(take)


def at_rate(own: pl.DataFrame, value: pl.Expr, rate: float) -> float:
    """A positive value of a training where its error rate passes ``rate``, or NaN.

    It is interpolated between looks, both on logarithmic scales.
    """
    own = own.filter((pl.col("inner") > 0) & value.is_not_null()).sort("inner")
    rates = own["inner"].to_numpy()
    if not len(rates) or not rates[0] <= rate <= rates[-1]:
        return float("nan")
    values = own.select(value.alias("value"))["value"].to_numpy()
    return float(np.exp(np.interp(np.log(rate), np.log(rates), np.log(values))))


def exponent(rate: float) -> Reading:
    """Slope of log distance on log dimensions at an error rate, over three dimensions."""

    def slope(own: pl.DataFrame) -> float | None:
        parts = sorted(own.group_by("dim"), key=lambda part: part[0])
        x = [np.log(dim) for (dim,), _ in parts]
        y = [np.log(at_rate(rows, pl.col("distance"), rate)) for _, rows in parts]
        return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.isfinite(y).all() else None

    return three_largest().each(slope)


def trained(rate: float) -> Reading:
    """Distance over the cap's where a training in most dimensions passes an error rate."""
    return of_dim("largest").each(lambda own: at_rate(own, RATIO, rate))


def untrained(rate: float) -> Reading:
    """The same of the untrained network, whose bias gives it that error rate."""
    rows = table("untrained").filter(pl.col("dim") == pl.col("dim").max())
    return rows.filter(rate=rate).value(RATIO)


def perfect(which: Literal["largest", "smallest"]) -> Reading:
    """Whether no alpha is bad at the end, 1 or 0."""
    return of_dim(which).last().value((pl.col("bad") == 0).cast(pl.Float64)) >= 1.0


def later() -> Reading:
    """Rank correlation of dimensions with the first step at which a network is perfect."""

    def correlation(own: pl.DataFrame) -> float | None:
        when = pl.col("step").filter(pl.col("bad") == 0).min().fill_null(10**12)  # never
        rows = own.group_by("dim").agg(when.alias("when"))
        moves = rows["when"].n_unique() > 1
        return rows.select(pl.corr("dim", "when", method="spearman")).item() if moves else 0.0

    return FRESH.each(correlation)


def follows_the_bound() -> Reading:
    """Slope of the distance on the cap's over training sets of several sizes."""

    def slope(own: pl.DataFrame) -> float | None:
        own = own.drop_nulls(["distance", "cap"])
        enough = own.height > 2 and own["cap"].n_unique() > 1
        return float(np.polyfit(own["cap"], own["distance"], 1)[0]) if enough else None

    return POOLS.each(slope)


def untrained_slope() -> Reading:
    """Slope of the distance on the cap's over error rates of the untrained network."""

    def slope(own: pl.DataFrame) -> float | None:
        enough = own["cap"].n_unique() > 1
        return float(np.polyfit(own["cap"], own["distance"], 1)[0]) if enough else None

    rows = table("untrained").filter(pl.col("dim") == pl.col("dim").max())
    return rows.each(slope)


def of_pool(edge: Callable[[pl.Expr], pl.Expr], value: str | pl.Expr) -> Reading:
    """A value of the networks with the most or the fewest examples."""
    return POOLS.filter(pl.col("pool") == edge(pl.col("pool"))).value(value)


def relu_nearness() -> Reading:
    """Distance of attacks on ReLU networks over the cap's, at the last look with enough errors.

    Earlier, where errors are many, an attack finds far ones, which says that it is weak there.
    """

    def last(own: pl.DataFrame) -> float | None:
        # Twenty counted errors at least.
        seen = own.filter((pl.col("step") > 0) & (pl.col("inner") >= 2e-4)).sort("step")
        return seen.select(RATIO.last()).item() if seen.height else None

    return table("relu").each(last)
