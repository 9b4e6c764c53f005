"""The trace of self-verification: the probe's belief under each token of a pair of attempts."""

from typing import Any

import polars as pl
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.read import Measures, table
from toylab.read.values import FLAG
from toylab.report import figures as fig

ROW, PAIR = 0.97, 2.25  # heights: of one attempt, and from pair to pair


def finite(measures: Measures, name: str, arm: str) -> pl.DataFrame:
    """Rows of a table and an arm, of seeds whose networks did not diverge."""
    return table(name).filter(~pl.col(FLAG), arm=arm).rows(measures)


def first_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first seed."""
    return rows.filter(pl.col("init_seed") == pl.col("init_seed").min())


def trace(measures: Measures, config: Any) -> Figure:
    """The probe's belief under each token of a pair."""
    rows = first_seed(finite(measures, "trace", "reward"))
    lines = rows.select(pl.col("line").max() + 1).item()
    sheet = fig.figure(0.75 * fig.PAGE, 0.5 + 0.5 * lines)
    ax = sheet.subplots()
    starts = dict(rows.group_by("line").agg(pl.col("place").min()).iter_rows())
    last, columns = {}, 0
    for is_right in (True, False):
        own = rows.filter(right=is_right).sort("place")
        last[is_right] = own["belief"][-1] or 0.0
        for place, line, word, value in own.select("place", "line", "word", "belief").iter_rows():
            column, y = place - starts[line], PAIR * line + ROW * (not is_right)
            columns = max(columns, column + 1)
            ax.add_patch(Rectangle((column + 0.03, y), 0.94, 0.9, facecolor=_colour(value)))
            ink = fig.INK if value is None or 0.12 <= value <= 0.88 else "white"
            look = {"ha": "center", "va": "center", "fontsize": 7.5, "color": ink}
            ax.text(column + 0.5, y + 0.46, word, **look)
        end = own.filter(line=lines - 1).height
        y = PAIR * (lines - 1) + 0.46 + ROW * (not is_right)
        ax.text(end + 0.1, y, "right" if is_right else "wrong", va="center", fontsize=7.5)
    ax.set(xlim=(-0.1, columns + 1.6), ylim=(PAIR * lines, -0.15))
    ax.axis("off")
    apart = "tells" if last[True] > 0.5 > last[False] else "does not tell"
    fig.title(ax, f'At "(" the probe {apart} the right attempt (orange) from the wrong one')
    return sheet


def _colour(value: float | None) -> Any:
    """Colour of a belief: violet for 0, orange for 1, white for none."""
    return "white" if value is None else colormaps[fig.DIVERGING](1 - value)
