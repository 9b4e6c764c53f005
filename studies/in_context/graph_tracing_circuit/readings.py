"""Readings of the study ``graph_tracing_circuit``: one value per network from its tables."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, combine, table
from toylab.read.values import Measures

ABLATED = ("previous", "induction", "other", "previous only")
SOME = 0.2  # of distance correlation: with less there is no grid to lose


def condition(kind: str, heads: int = 2, ablation: str = "zero") -> Rows:
    """Rows of one condition, by layer and by draw of the ablated heads."""
    rows = table("ablation", of="main").filter(kind=kind)
    return rows.filter(heads=heads, ablation=ablation) if kind in ABLATED else rows


def best_layer(m: Measures) -> int:
    """The layer after a block with the highest mean distance correlation on the first map.

    Nothing is ablated, and all other numbers are of the other maps.
    """
    after = condition("none").filter(pl.col("layer") > 0).rows(m)
    means = after.group_by("layer").agg(pl.col("choosing").mean()).sort("layer")
    return int(means["layer"][means["choosing"].arg_max() or 0])


def rule(kind: str, heads: int = 2, ablation: str = "zero") -> Reading:
    """Late rule mass of a condition."""
    return condition(kind, heads, ablation).mean("rule")


def lost(kind: str, heads: int = 2, ablation: str = "zero") -> Reading:
    """Rule mass that a condition takes away."""
    return rule("none") - rule(kind, heads, ablation)


def at_best(kind: str, column: str = "correlation", heads: int = 2, ablation: str = "zero"):
    """A column of a condition, at the best layer."""
    rows = condition(kind, heads, ablation)
    return rows.filter(lambda m: pl.col("layer") == best_layer(m)).mean(column)


def neighbour_mix(column: str = "correlation") -> Reading:
    """A column of one step of neighbour mixing of the network's own embeddings."""
    return condition("mixing").mean(column)


def kept(kind: str) -> Reading:
    """Fraction of the best layer's distance correlation that a condition leaves.

    Of networks that have one of 0.2 to lose, and whose ablated heads come before the layer.
    """
    after, before = at_best(kind), at_best("none")
    differ = combine(lambda a, b: ~np.isclose(a, b, rtol=1e-6), after, before)
    return (after / before).where((before >= SOME) & differ)


def last_change(kind: str) -> Reading:
    """Change of the distance correlation after the last block, from 0.2 or more."""
    before = condition("none").last("layer").mean("correlation")
    return (condition(kind).last("layer").mean("correlation") - before).where(before >= SOME)


def beyond_mixing(column: str) -> Reading:
    """The best layer's ``correlation`` or ``energy`` minus that of the neighbour mix."""
    return at_best("none", column) - neighbour_mix(column)


def moved(components: int | None, column: str = "mass") -> Reading:
    """Gain of a push to the target over a random push of its norm; of all components for None.

    At the best layer but the last, after which a class mean writes its own prediction.
    """
    rows = table("causal", of="main").filter(kind=("class mean", "random"))
    rows = rows.last("components") if components is None else rows.filter(components=components)
    of = lambda kind: pl.col(column).filter(pl.col("kind") == kind)
    before = rows.filter(pl.col("layer") < pl.col("layer").max())
    ordered = before.then(lambda rows: rows.sort("layer"))
    return ordered.aggregate((of("class mean") - of("random")).max())


# Training ---------------------------------------------------------------------------------------


def with_gain(cells: pl.DataFrame) -> pl.DataFrame:
    """Networks over training at their cell's best layer in the end, on the first map.

    ``gain`` is that of the correlation over its value before training.
    """
    cells = cells.filter(pl.col("layer") > 0)
    end = cells.filter(pl.col("step") == pl.col("step").max().over("depth", "width"))
    mean = end.group_by("depth", "width", "layer").agg(pl.col("choosing").mean())
    best = mean.sort("choosing", descending=True).group_by("depth", "width").first()
    found = cells.join(best.select("depth", "width", "layer"), on=["depth", "width", "layer"])
    found = found.sort("depth", "width", "init_seed", "step")
    before = pl.col("correlation").first().over("depth", "width", "init_seed")
    return found.with_columns(gain=pl.col("correlation") - before)


NETWORKS = table("cells").then(with_gain)


def final(column: str, deep: bool) -> Reading:
    """A number of the networks of one layer, or of more, at the end of training."""
    return NETWORKS.filter((pl.col("depth") > 1) == deep).last().value(column)


def _lead(rows: pl.DataFrame) -> float | None:
    steps, times = rows["step"].to_numpy(), []
    for column in ("rule", "correlation"):
        curve = rows[column].to_numpy()
        rise = (curve - curve[0]) / (curve[-1] - curve[0])
        times.append(steps[np.argmax(rise >= 0.5)])
    gained = rows["rule"][-1] - rows["rule"][0] >= 0.2 and rows["gain"][-1] >= 0.1
    return float(times[0] - times[1]) if gained else None


# Steps by which geometry is half grown before accuracy is, half way from the first to the last
# snapshot. A network whose rule mass gains less than 0.2, or whose distance correlation gains less
# than 0.1, has no two rises to time.
LEAD = NETWORKS.filter(pl.col("depth") > 1).each(_lead)
