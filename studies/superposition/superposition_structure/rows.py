"""Rows of the tables that the claims of ``superposition_structure`` look at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

DENSITY = 0.05  # the baseline of the non-uniform section; the paper gives none for sets


def lowest(table: pl.DataFrame, *by: str) -> pl.DataFrame:
    """The member of lowest loss of every group of rows, in order."""
    return table.sort("loss").group_by(*by, maintain_order=True).first().sort(*by)


def near_lowest(table: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Members whose loss is near the lowest of their group: within 10%, or within 1e-4.

    The second is for losses of nearly 0; in ``pairs`` one feature lost costs 0.008 or more.
    """
    return table.filter(pl.col("loss") <= 1.1 * pl.col("loss").min().over(*by) + 1e-4)


def snap(best: pl.DataFrame) -> np.ndarray:
    """Relative density between the last digons and the next solution, per group; NaN for none."""
    found = []
    for _, rows in best.sort("ratio").group_by("group", maintain_order=True):
        ratio, digons = rows["ratio"].to_numpy(), np.flatnonzero(rows["kind"] == "digons")
        inside = len(digons) and digons[-1] + 1 < len(ratio)
        found.append((ratio[digons[-1]] + ratio[digons[-1] + 1]) / 2 if inside else np.nan)
    return np.array(found)


def crossing(table: pl.DataFrame) -> np.ndarray:
    """Relative density where the best pentagon and the best digons cost the same, per group.

    Interpolated between the last ratio at which digons cost less and the next with both.
    """
    best = lowest(table.filter(pl.col("kind") != "other"), "group", "ratio", "kind")
    wide = best.pivot("kind", index=["group", "ratio"], values="loss").sort("group", "ratio")
    found = []
    for group in table["group"].unique().sort():
        rows = wide.filter(pl.col("group") == group)
        names = {"pentagon", "digons"} & set(rows.columns)
        rows = rows.drop_nulls() if len(names) == 2 else rows.clear()
        ratio = rows["ratio"].to_numpy()
        gap = (rows["pentagon"] - rows["digons"]).to_numpy() if len(rows) else np.zeros(0)
        last = np.flatnonzero(gap > 0)
        if len(last) == 0 or last[-1] + 1 == len(ratio):
            found.append(np.nan)
            continue
        i = last[-1]
        found.append(ratio[i] + (ratio[i + 1] - ratio[i]) * gap[i] / (gap[i] - gap[i + 1]))
    return np.array(found)


def per_group(table: pl.DataFrame, value: pl.Expr) -> np.ndarray:
    """One value per group, in order."""
    return table.group_by("group").agg(value.alias("v")).sort("group")["v"].to_numpy()


def of_kind(table: pl.DataFrame, kind: str, density: float | None = None) -> pl.DataFrame:
    """Rows of one kind of sets, and of one density."""
    rows = table.filter(pl.col("kind") == kind)
    return rows if density is None else rows.filter((pl.col("density") - density).abs() < 1e-9)


def best_nonuniform(m: Mapping[str, Any], low: float = 0.0, high: float = np.inf) -> pl.DataFrame:
    """Best of every group and relative density, in a span of relative densities."""
    best = lowest(m["nonuniform"], "group", "ratio")
    return best.filter(pl.col("ratio").is_between(low - 1e-9, high + 1e-9))


def snapped(m: Mapping[str, Any]) -> pl.DataFrame:
    """Best of every group, up to the group's last relative density with digons."""
    last = pl.col("ratio").filter(pl.col("kind") == "digons").max().over("group")
    return best_nonuniform(m).filter(pl.col("ratio") <= last)


def best_ladder(
    m: Mapping[str, Any], low: float, high: float, kind: str = "correlated"
) -> pl.DataFrame:
    """Best of every group and density, in a span of densities."""
    best = lowest(of_kind(m["ladder"], kind), "group", "density")
    return best.filter(pl.col("density").is_between(low - 1e-9, high + 1e-9))


def best_bases(m: Mapping[str, Any], kind: str) -> pl.DataFrame:
    """Best of every group."""
    return lowest(of_kind(m["bases"], kind), "group")


def share(
    m: Mapping[str, Any], kind: str, column: str, limit: float, density: float = DENSITY
) -> np.ndarray:
    """Per group, share of the low-loss tries in which a column of ``pairs`` is below a limit."""
    rows = near_lowest(of_kind(m["pairs"], kind, density), "group")
    return per_group(rows, (pl.col(column) < limit).mean())


def steps_of(value: str) -> pl.Expr:
    """Sizes of the changes of a column from one setting to the next."""
    return pl.col(value).sort_by("ratio").diff().abs()
