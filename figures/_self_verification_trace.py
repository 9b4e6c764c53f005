"""The trace of self-verification: the probe's belief under each token of a pair of attempts."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab import figures as fig

AFTER = pl.col("arm") == "reward"


def first_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first seed."""
    return rows.filter(pl.col("init_seed") == pl.col("init_seed").min())


def trace(measures: Mapping[str, Any], config: Any) -> Figure:
    """The probe's belief under each token of a pair, and its mean before "("."""
    rows = first_seed(measures["trace"].filter(AFTER))
    lines = rows["line"].max() + 1
    sheet = fig.figure(fig.PAGE, 0.7 + 0.5 * lines)
    left, right = sheet.subplots(1, 2, width_ratios=[2.6, 1])
    starts = dict(rows.group_by("line").agg(pl.col("place").min()).iter_rows())
    last, columns = {}, 0
    for told in (True, False):
        own = rows.filter(pl.col("right") == told).sort("place")
        last[told] = own["belief"][-1]
        for place, line, word, value in own.select("place", "line", "word", "belief").iter_rows():
            column, y = place - starts[line], 2.25 * line + 0.97 * (not told)
            columns = max(columns, column + 1)
            left.add_patch(_box(column, y, _colour(value)))
            ink = "white" if value < 0.12 or value > 0.88 else fig.INK
            middle = {"ha": "center", "va": "center", "fontsize": 6.5, "color": ink}
            left.text(column + 0.5, y + 0.46, word, **middle)
        y = 2.25 * (lines - 1) + 0.46 + 0.97 * (not told)
        left.text(columns + 0.1, y, "right" if told else "wrong", va="center", fontsize=7)
    left.set_xlim(-0.1, columns + 1.3)
    left.set_ylim(2.25 * lines, -0.15)
    left.axis("off")
    fig.title(left, f'Belief at the last "(": {last[True]:.2f} if right, {last[False]:.2f} if not')
    _mean_belief(right, measures["belief"].filter(AFTER))
    return sheet


def _colour(value: float) -> Any:
    """Colour of a belief, dark blue-violet for 0 and orange for 1."""
    return colormaps[fig.DIVERGING](1 - value)


def _box(column: int, y: float, shade: Any) -> Any:
    return Rectangle((column + 0.03, y), 0.94, 0.9, facecolor=shade, edgecolor="none")


def _mean_belief(ax: Axes, rows: pl.DataFrame) -> None:
    for told, colour, name in ((True, fig.ORANGE, "right"), (False, fig.PURPLE, "wrong")):
        own = rows.filter(pl.col("right") == told).sort("init_seed", "back")
        back = own["back"].unique().sort().to_numpy()
        fig.interval_line(
            ax, -back, own["belief"].to_numpy().reshape(-1, len(back)), name, colour, marker="."
        )
    ax.set_xlabel('tokens from "("')
    ax.set_ylabel('probe\'s belief "right"')
    ax.set_ylim(-0.03, 1.03)
    ax.legend(loc="upper left")
    before = rows.filter(pl.col("back") == 1).group_by("right").agg(pl.col("belief").mean())
    mean = dict(before.iter_rows())
    fig.title(ax, f"At the result: {mean[True]:.2f}, {mean[False]:.2f}")
