"""Figures of the study ``othello_interventions``: what a move hangs on; and points with bars."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.stats import Interval, bootstrap_interval

from . import boards

ROLES = ("first", "within", "anchor", "in line", "elsewhere")
SHOWN = 3  # boards with a map


def saliency(measures: Mapping[str, Any], config: Any) -> Figure:
    """How far a move's logit falls when each disc is flipped, on boards and by the disc's role."""
    table, discs = main(measures["saliency"]), main(measures["saliency_discs"])
    typical = (pl.col("auc") - table["auc"].median()).abs()
    shown = table.drop_nulls("auc").sort(typical, "case").head(SHOWN)
    sheet = fig.figure(fig.PAGE, 5.0)
    grid = sheet.add_gridspec(2, SHOWN)
    drops = discs.join(shown, on=["case", "move"])["drop"].to_numpy()
    high = float(np.quantile(np.abs(drops), 0.95)) if len(drops) else 1.0
    axes, image = [], None
    for i, row in enumerate(shown.iter_rows(named=True)):
        ax = sheet.add_subplot(grid[0, i])
        image = _map(ax, discs.filter(pl.col("case") == row["case"]), row, config.size, high)
        axes.append(ax)
    if image is not None:
        label = "fall of the logit, ends cut off\n(framed: needed by the rules)"
        sheet.colorbar(image, ax=axes, label=label, shrink=0.8)
    _roles(sheet.add_subplot(grid[1, :2]), discs)
    _aucs(sheet.add_subplot(grid[1, 2:]), table)
    return sheet


def _map(ax: Axes, rows: pl.DataFrame, row: dict[str, Any], size: int, high: float) -> Any:
    drop, states = np.full(size**2, np.nan), np.zeros(size**2, int)
    drop[rows["square"].to_numpy()] = rows["drop"].to_numpy()
    states[rows["square"].to_numpy()] = rows["state"].to_numpy()
    boards.board(ax, size)
    image = boards.fields(ax, size, drop, -high, high, fig.DIVERGING)
    boards.discs(ax, size, states)
    boards.marks(ax, size, [row["move"]], "*", color=fig.VERMILLION, markersize=8)
    boards.outlines(ax, size, rows.filter("needed")["square"].to_list(), fig.VERMILLION)
    fig.title(ax, f"move {boards.name(row['move'], size)}: AUC {row['auc']:.2f}")
    return image


def _roles(ax: Axes, discs: pl.DataFrame) -> None:
    place, colours = 0, {True: fig.VERMILLION, False: fig.BLUE}
    names = []
    for role in ROLES:
        for need in (True, False):
            rows = discs.filter((pl.col("role") == role) & (pl.col("needed") == need))
            if not len(rows):
                continue
            for column, shift in (("drop", 0.0), ("random", 0.25)):
                by_case = rows.group_by("case").agg(pl.col(column).mean()).sort("case")[column]
                colour = fig.MUTED if column == "random" else colours[need]
                found = [(place + shift, bootstrap_interval(by_case, "mean"))]
                bars(ax, found, "", colour, "s" if column == "random" else "o")
            names.append(f"{role}\n{'needed' if need else 'not'}")
            place += 1
    ax.set_xticks(range(place), names, fontsize=6.5)
    ax.axhline(0, color=fig.INK, linewidth=0.6)
    ax.set_ylabel("fall of the logit\n(grey: random direction)")
    need, rest = (discs.filter(pl.col("needed") == n)["drop"].mean() for n in (True, False))
    fig.title(ax, f"needed discs: {need or 0:.1f}, others: {rest or 0:.1f}")


def _aucs(ax: Axes, table: pl.DataFrame) -> None:
    columns = {
        "auc": ("saliency", fig.BLUE),
        "auc_near": ("nearness", fig.ORANGE),
        "auc_random": ("random", fig.MUTED),
        "auc_in_line": ("saliency,\nin line", fig.BLUE),
        "auc_near_in_line": ("nearness,\nin line", fig.ORANGE),
    }
    for i, (column, (_, colour)) in enumerate(columns.items()):
        values = table[column].drop_nulls()
        if len(values):
            bars(ax, [(i, bootstrap_interval(values, "mean"))], "", colour, "o")
    ax.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=1)
    labels = [label for label, _ in columns.values()]
    ax.set_xticks(range(len(columns)), labels, fontsize=6, rotation=35)
    ax.set_ylim(0.3, 1.02)
    ax.set_ylabel("AUC, needed discs")
    fig.title(ax, f"mean AUC {table['auc'].mean() or 0:.2f}")


def bars(
    ax: Axes, found: list[tuple[float, Interval]], label: str, colour: str, marker: str
) -> None:
    """Draw points with their intervals."""
    x = [place for place, _ in found]
    middle = np.array([i.estimate for _, i in found])
    ends = np.abs(np.array([(i.low, i.high) for _, i in found]).T - middle)
    look = {"linestyle": "", "capsize": 2, "elinewidth": 1, "markersize": 4}
    ax.errorbar(x, middle, ends, color=colour, marker=marker, label=label, **look)


def main(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first main network."""
    return table.filter((pl.col("network") == "main") & (pl.col("init_seed") == 0))
