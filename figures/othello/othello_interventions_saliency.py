"""Figures of the study ``othello_interventions``: what a move hangs on; and points with bars."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import boards
from toylab.report import figures as fig
from toylab.stats import bootstrap_interval
from toylab.tasks.othello.othello_lines import ROLES

SHOWN = 3  # boards with a map
AUCS = {
    "auc": ("saliency", fig.BLUE),
    "auc_near": ("nearness", fig.ORANGE),
    "auc_random": ("random", fig.MUTED),
    "auc_in_line": ("saliency, in line", fig.BLUE),
    "auc_near_in_line": ("nearness, in line", fig.ORANGE),
}


def saliency(measures: Measures, config: Any) -> Figure:
    """How far a move's logit falls when each disc is flipped, on boards and by the disc's role."""
    table, discs = main(measures["saliency"]), main(measures["saliency_discs"])
    typical = (pl.col("auc") - table["auc"].median()).abs()
    shown = table.drop_nulls("auc").sort(typical, "case").head(SHOWN)
    sheet = fig.figure(fig.PAGE, 5.4)
    grid = sheet.add_gridspec(2, SHOWN)
    drops = discs.join(shown, on=["case", "move"])["drop"].to_numpy()
    high = float(np.quantile(np.abs(drops), 0.95)) if len(drops) else 1.0
    axes, image = [], None
    for i, row in enumerate(shown.iter_rows(named=True)):
        axes.append(sheet.add_subplot(grid[0, i]))
        image = _map(axes[-1], discs.filter(case=row["case"]), row, config.size, high)
    if image is not None:
        label = "fall of the logit, ends cut off"
        sheet.colorbar(image, ax=axes, label=label, shrink=0.8)
    below = [sheet.add_subplot(grid[1, :2]), sheet.add_subplot(grid[1, 2:])]
    _roles(below[0], discs)
    _aucs(below[1], table)
    for ax, letter in zip([*axes, *below], "abcde"[SHOWN - len(axes) :], strict=True):
        fig.panel_label(ax, letter)
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
    fig.title(ax, f"Move {boards.name(row['move'], size)}")
    return image


def _roles(ax: Axes, discs: pl.DataFrame) -> None:
    names = []
    for role in ROLES:
        for need, colour in ((True, fig.VERMILLION), (False, fig.BLUE)):
            rows = discs.filter(role=role, needed=need)
            if not len(rows):
                continue
            by_case = rows.group_by("case").agg(pl.col("drop", "random").mean()).sort("case")
            bars(ax, {len(names): by_case["drop"]}, "", colour, "o")
            bars(ax, {len(names) + 0.25: by_case["random"]}, "", fig.MUTED, "s")
            names.append(f"{role},\n{'' if need else 'not '}needed")
    ax.set_xticks(range(len(names)), names, rotation=35)
    ax.axhline(0, color=fig.INK, linewidth=0.6)
    ax.set_ylabel("fall of the logit\n(grey: random direction)")
    need, rest = (discs.filter(needed=n)["drop"].mean() or 0 for n in (True, False))
    words = "more" if need > rest else "no more"  # pyright: ignore
    fig.title(ax, f"Flips of needed discs cost {words} than of others")


def _aucs(ax: Axes, table: pl.DataFrame) -> None:
    for i, (column, (_, colour)) in enumerate(AUCS.items()):
        bars(ax, {i: table[column].drop_nulls()}, "", colour, "o")
    ax.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=1)
    ax.set_xticks(range(len(AUCS)), [label for label, _ in AUCS.values()], rotation=35, ha="right")
    ax.set(ylim=(0.3, 1.02), ylabel="AUC")
    fig.title(ax, f"Needed or not: AUC {table['auc'].mean() or 0:.2f}")


def bars(ax: Axes, found: dict[float, pl.Series], label: str, colour: str, marker: str) -> None:
    """Draw the means of values with their 95% intervals, at the places that have values."""
    at = [place for place, values in found.items() if len(values)]
    if at:
        middle, *ends = np.array([bootstrap_interval(found[place], "mean") for place in at]).T
        look = {"linestyle": "", "capsize": 2, "elinewidth": 1, "markersize": 4}
        off = np.abs(np.array(ends) - middle)
        ax.errorbar(at, middle, off, color=colour, marker=marker, label=label, **look)


def main(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first large network."""
    table = table.filter(network="main")
    return table.filter(pl.col("init_seed") == pl.col("init_seed").min())
