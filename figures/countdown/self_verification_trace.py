"""The trace of self-verification: the probe's belief under each token of a pair of attempts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.report import figures as fig

AFTER = pl.col("arm") == "reward"


def first_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first seed."""
    return rows.filter(pl.col("init_seed") == pl.col("init_seed").min())


def trace(measures: Mapping[str, Any], config: Any) -> Figure:
    """The probe's belief under each token of a pair, and its mean before "("."""
    rows = first_seed(measures["trace"].filter(AFTER))
    lines = rows["line"].max() + 1
    sheet = fig.figure(fig.PAGE, 0.7 + 0.5 * lines)
    left, right = sheet.subplots(1, 2, width_ratios=[2, 1])
    starts = dict(rows.group_by("line").agg(pl.col("place").min()).iter_rows())
    last, columns = {}, 0
    for told in (True, False):
        own = rows.filter(pl.col("right") == told).sort("place")
        last[told] = own["belief"][-1]
        for place, line, word, value in own.select("place", "line", "word", "belief").iter_rows():
            column, y = place - starts[line], 2.25 * line + 0.97 * (not told)
            columns = max(columns, column + 1)
            left.add_patch(_box(column, y, _colour(value)))
            ink = "white" if value < 0.12 or value > 0.88 else fig.INK  # NaN is drawn white
            middle = {"ha": "center", "va": "center", "fontsize": 6.5, "color": ink}
            left.text(column + 0.5, y + 0.46, word, **middle)
        y = 2.25 * (lines - 1) + 0.46 + 0.97 * (not told)
        end = own.filter(pl.col("line") == lines - 1).height
        left.text(end + 0.1, y, "right" if told else "wrong", va="center", fontsize=7)
    left.set_xlim(-0.1, columns + 1.3)
    left.set_ylim(2.25 * lines, -0.15)
    left.axis("off")
    fig.title(left, f'Belief in right (orange) at "(": {last[True]:.2f}, {last[False]:.2f}')
    _readable(sheet, right, measures["probes"].filter(AFTER & (pl.col("kind") == "truth")))
    return sheet


def _colour(value: float) -> Any:
    """Colour of a belief: violet for 0, orange for 1, white for none."""
    if np.isnan(value):
        return "white"
    return colormaps[fig.DIVERGING](1 - value)


def _box(column: int, y: float, shade: Any) -> Any:
    return Rectangle((column + 0.03, y), 0.94, 0.9, facecolor=shade, edgecolor="none")


def _readable(sheet: Figure, ax: Axes, rows: pl.DataFrame) -> None:
    """Accuracy of each token's and layer's probe, mean over seeds."""
    mean = rows.group_by("layer", "back").agg(pl.col("accuracy").mean())
    depth, span = mean["layer"].max() + 1, mean["back"].max() + 1
    value_ST = np.full((depth, span), np.nan)
    for layer, back, accuracy in mean.select("layer", "back", "accuracy").iter_rows():
        value_ST[layer, span - 1 - back] = accuracy
    image = ax.imshow(value_ST, vmin=0.5, vmax=1, origin="lower", aspect="auto")
    ax.set_xticks([0, span - 2, span - 1], ["first", "result", "("], rotation=40, ha="right",
                  rotation_mode="anchor")  # fmt: skip
    ax.set_yticks(range(depth))
    ax.set_xlabel("token of the attempt")
    ax.set_ylabel("blocks passed")
    sheet.colorbar(image, ax=ax, label="probe's accuracy", shrink=0.9)
    result, bracket = value_ST[:, -2:].T
    fig.title(ax, f'Probes: result {result.max():.2f}, "(" {bracket.max():.2f}')


def lines(
    ax: Axes, x: np.ndarray, values_PS: np.ndarray, label: str, colour: str, style: str
) -> None:
    """Every seed as a thin line, their mean as a thick one."""
    ax.plot(x, values_PS.T, style, color=colour, alpha=0.3, lw=0.7)
    ax.plot(x, values_PS.mean(0), style, color=colour, marker=".", label=label)
