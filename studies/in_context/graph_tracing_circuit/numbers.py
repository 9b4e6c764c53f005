"""Numbers that the claims of ``graph_tracing_circuit`` take from its tables, one per unit."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Tables = Mapping[str, Any]
SOME = 0.2  # of distance correlation: with less there is no grid to lose


def rows_of(m: Tables, kind: str, heads: int = 2, ablation: str = "zero") -> pl.DataFrame:
    """Rows of one condition; those without ablated heads have ``heads`` 0."""
    table = m["ablation"].filter(pl.col("kind") == kind)
    if kind in ("previous", "induction", "other", "previous only"):
        table = table.filter((pl.col("heads") == heads) & (pl.col("ablation") == ablation))
    return table


def best_layer(m: Tables) -> int:
    """The layer after a block with the highest mean distance correlation on the first map.

    Nothing is ablated, and all other numbers are of the other maps.
    """
    after = rows_of(m, "none").filter(pl.col("layer") > 0)
    table = after.group_by("layer").agg(pl.col("choosing").mean()).sort("layer")
    return int(table["layer"][table["choosing"].arg_max() or 0])


def rule(m: Tables, kind: str, heads: int = 2, ablation: str = "zero") -> np.ndarray:
    """Late rule mass of a condition, per seed."""
    return per_unit(rows_of(m, kind, heads, ablation), pl.col("rule").mean())


def lost(kind: str, heads: int = 2, ablation: str = "zero") -> Callable[[Tables], np.ndarray]:
    """Rule mass that a condition takes away, per seed."""
    return lambda m: rule(m, "none") - rule(m, kind, heads, ablation)


def correlation(m: Tables, kind: str, layer: int, column: str = "correlation") -> np.ndarray:
    """Distance correlation of class means at a layer, two heads of a kind at zero, per seed."""
    rows = rows_of(m, kind).filter(pl.col("layer") == layer)
    return per_unit(rows, pl.col(column).mean())


def kept(kind: str) -> Callable[[Tables], np.ndarray]:
    """Share of the best layer's distance correlation that a condition leaves, per seed.

    NaN where there is nothing to lose (below 0.2), and where the heads come after the layer, so
    that nothing changes.
    """

    def measure(m: Tables) -> np.ndarray:
        layer = best_layer(m)
        after, before = correlation(m, kind, layer), correlation(m, "none", layer)
        told = (before >= SOME) & ~np.isclose(after, before, rtol=1e-6)
        return np.where(told, after / np.where(told, before, 1), np.nan)

    return measure


def gone(kind: str) -> Callable[[Tables], np.ndarray]:
    """Share of the best layer's distance correlation that a condition takes away, per seed."""
    return lambda m: 1 - kept(kind)(m)


def last_change(kind: str) -> Callable[[Tables], np.ndarray]:
    """Change of the distance correlation after the last block, per seed; NaN from below 0.2."""

    def measure(m: Tables) -> np.ndarray:
        last = int(m["ablation"]["layer"].cast(pl.Int64).to_numpy().max())
        before = correlation(m, "none", last)
        return np.where(before >= SOME, correlation(m, kind, last) - before, np.nan)

    return measure


def beyond_mixing(column: str) -> Callable[[Tables], np.ndarray]:
    """The best layer's ``correlation`` or ``energy`` less that of the neighbour mix, per seed."""

    def measure(m: Tables) -> np.ndarray:
        mixed = correlation(m, "mixing", 0, column)
        return correlation(m, "none", best_layer(m), column) - mixed

    return measure


def causal(m: Tables, components: int, kind: str, column: str = "mass") -> pl.DataFrame:
    """A causal test's number by seed and layer, as columns init_seed, layer, value."""
    picked = (pl.col("kind") == kind) & (pl.col("components") == components)
    return (
        m["causal"]
        .filter(picked)
        .group_by("init_seed", "layer")
        .agg(pl.col(column).mean().alias("value"))
    )


def moved(components: int, column: str = "mass") -> Callable[[Tables], np.ndarray]:
    """Gain of a push to the target over a random push of its norm, per seed.

    At the best layer but the last, after which a class mean writes its own prediction.
    """

    def measure(m: Tables) -> np.ndarray:
        push = causal(m, components or widest(m), "class mean", column)
        control = causal(m, components or widest(m), "random", column)
        both = push.join(control, on=["init_seed", "layer"], suffix="_random")
        both = both.filter(pl.col("layer") < pl.col("layer").max())
        return per_unit(both, (pl.col("value") - pl.col("value_random")).max())

    return measure


def widest(m: Tables) -> int:
    """The largest number of components replaced."""
    return int(m["causal"]["components"].cast(pl.Int64).to_numpy().max())


# Training ---------------------------------------------------------------------------------------


def networks(m: Tables) -> pl.DataFrame:
    """Each network of the cells over training, at its cell's best layer in the end.

    Columns: depth, width, init_seed, step, rule, correlation, gain (of the correlation over that
    before training).
    """
    cells = m["cells"].filter(pl.col("layer") > 0)
    end = cells.filter(pl.col("step") == pl.col("step").max().over("depth", "width"))
    mean = end.group_by("depth", "width", "layer").agg(pl.col("choosing").mean())
    best = mean.sort("choosing", descending=True).group_by("depth", "width").first()
    found = cells.join(best.select("depth", "width", "layer"), on=["depth", "width", "layer"])
    found = found.sort("depth", "width", "init_seed", "step")
    before = pl.col("correlation").first().over("depth", "width", "init_seed")
    return found.with_columns(gain=pl.col("correlation") - before)


def final(column: str, deep: bool) -> Callable[[Tables], np.ndarray]:
    """A number of the networks of one layer, or of more, at the end of training."""

    def measure(m: Tables) -> np.ndarray:
        table = networks(m).filter((pl.col("depth") > 1) == deep)
        ends = table.filter(pl.col("step") == pl.col("step").max())
        return ends.sort("depth", "width", "init_seed")[column].to_numpy()

    return measure


def lead(m: Tables) -> np.ndarray:
    """Steps by which geometry is half grown before accuracy is, per network of several layers.

    Half way from the first to the last snapshot. A network whose rule mass gains less than 0.2, or
    whose distance correlation gains less than 0.1, has no two rises to time: NaN.
    """
    leads = []
    table = networks(m).filter(pl.col("depth") > 1)
    for _, rows in table.group_by("depth", "width", "init_seed", maintain_order=True):
        steps, times = rows["step"].to_numpy(), []
        for column in ("rule", "correlation"):
            curve = rows[column].to_numpy()
            rise = (curve - curve[0]) / (curve[-1] - curve[0])
            times.append(steps[np.argmax(rise >= 0.5)])
        gained = rows["rule"][-1] - rows["rule"][0] >= 0.2 and rows["gain"][-1] >= 0.1
        leads.append(float(times[0] - times[1]) if gained else np.nan)
    return np.array(leads)
