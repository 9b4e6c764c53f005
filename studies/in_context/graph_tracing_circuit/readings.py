"""Readings of the study ``graph_tracing_circuit``: one value per network from its tables."""

import numpy as np
import polars as pl

from toylab.read import Reading, Rows, combine, table
from toylab.read.values import Measures

ALL = "all previous"
ABLATED = ("previous", "induction", "other", "previous only", ALL)
NEAR = 0.05  # nats above the counter's loss, at most, of a network that has learned
SOME = 0.2  # of distance correlation: with less there is no grid to lose


def condition(kind: str, beside: str | None = None) -> Rows:
    """Rows of one condition, two heads of a kind at zero, by layer and by draw of the heads.

    Other heads are drawn from the blocks of those that they are drawn ``beside``. Of all
    previous-token heads there are as many as there are, and as many others beside them.
    """
    rows = table("ablation", of="main").filter(kind=kind)
    rows = rows if beside is None else rows.filter(beside=beside)
    count = 0 if ALL in (kind, beside) else 2
    return rows.filter(heads=count, ablation="zero") if kind in ABLATED else rows


def best_layer(m: Measures) -> int:
    """The layer after a block with the highest mean distance correlation on the first map.

    Nothing is ablated, and all other numbers are of the other maps. Of the networks that have
    learned, if any has.
    """
    after = condition("none").filter(pl.col("layer") > 0).rows(m)
    learned = after.filter(pl.col("excess") <= NEAR)
    after = after if learned.is_empty() else learned
    means = after.group_by("layer").agg(pl.col("choosing").mean()).sort("layer")
    return int(means["layer"][means["choosing"].arg_max() or 0])


def rule(kind: str, beside: str | None = None) -> Reading:
    """Late rule mass of a condition."""
    return condition(kind, beside).mean("rule")


def lost(kind: str, beside: str | None = None) -> Reading:
    """Rule mass that a condition takes away."""
    return rule("none") - rule(kind, beside)


def at_best(kind: str, beside: str | None = None) -> Reading:
    """Distance correlation of a condition at the best layer."""
    rows = condition(kind, beside).filter(lambda m: pl.col("layer") == best_layer(m))
    return rows.mean("correlation")


def best_head(kind: str) -> Reading:
    """Score of the best previous-token or induction head."""
    return table("heads", of="main").filter(kind=kind, rank=0).value(kind)


def kept(kind: str, beside: str | None = None) -> Reading:
    """Fraction of the best layer's distance correlation that a condition leaves.

    Of networks that have one of 0.2 to lose, and whose ablated heads come before the layer.
    """
    after, before = at_best(kind, beside), at_best("none")
    differ = combine(lambda a, b: ~np.isclose(a, b, rtol=1e-6), after, before)
    return (after / before).where((before >= SOME) & differ)


def last_change(kind: str) -> Reading:
    """Change of the distance correlation after the last block, from 0.2 or more."""
    before = condition("none").last("layer").mean("correlation")
    return (condition(kind).last("layer").mean("correlation") - before).where(before >= SOME)


def moved(components: int | None) -> Reading:
    """Gain of a push to the target over a random push of its norm; of all components for None.

    At the best layer but the last, after which a class mean writes its own prediction.
    """
    rows = table("causal", of="main").filter(kind=("class mean", "random"))
    rows = rows.last("components") if components is None else rows.filter(components=components)
    of = lambda kind: pl.col("mass").filter(pl.col("kind") == kind)
    before = rows.filter(pl.col("layer") < pl.col("layer").max())
    ordered = before.then(lambda rows: rows.sort("layer"))
    return ordered.aggregate((of("class mean") - of("random")).max())


def mark_layers(cells: pl.DataFrame) -> pl.DataFrame:
    """Add ``chosen``: the layer after a block that correlates best on the first map in the end."""
    is_end = pl.col("step") == pl.col("step").max().over("depth", "width")
    score = pl.when(is_end).then(pl.col("choosing").fill_nan(None))
    score = score.mean().over("depth", "width", "layer").fill_null(-2.0)
    score = pl.when(pl.col("layer") > 0).then(score).otherwise(-3.0)
    best = pl.col("layer").sort_by(score).last().over("depth", "width")
    return cells.with_columns(chosen=pl.col("layer") == best)


def networks(deep: bool) -> Rows:
    """The second set over training at their chosen layers: those of one layer, or of more."""
    rows = table("cells").then(mark_layers).filter((pl.col("depth") > 1) == deep, chosen=True)
    return rows.then(lambda rows: rows.sort("step"))


def final(column: str, deep: bool) -> Reading:
    """A number of the networks at the end of training."""
    return networks(deep).last().value(column)


def gain(column: str, deep: bool) -> Reading:
    """What training adds to it."""
    return final(column, deep) - networks(deep).first().value(column)


def _half_grown(column: str) -> Reading:
    def first(rows: pl.DataFrame) -> float:
        curve = rows[column].to_numpy()
        rise = curve - curve[0]
        return rows["step"][int(np.argmax(rise >= 0.5 * rise[-1]))]

    return networks(deep=True).each(first)


# Whether a network's rule mass and distance correlation rise enough to time both.
RISES = (gain("rule", deep=True) >= 0.2) & (gain("correlation", deep=True) >= 0.1)
# Steps by which geometry is half grown before accuracy, from the first checkpoint to the last.
LEAD = (_half_grown("rule") - _half_grown("correlation")).where(RISES)
EXCESS = condition("none").mean("excess")  # of the loss above the undirected counter's, in nats
KNOWS = EXCESS <= NEAR  # the graph: a network that does not is not judged
