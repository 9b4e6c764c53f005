"""The trace of self-verification: the probe's belief under each token of a pair of attempts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.read import table
from toylab.read.values import FLAG
from toylab.report import figures as fig

ROW, PAIR = 0.97, 2.25  # heights: of one attempt, and from pair to pair


def finite(measures: Mapping[str, Any], name: str, arm: str) -> pl.DataFrame:
    """Rows of a table and an arm, of seeds whose networks did not diverge."""
    return table(name).filter(~pl.col(FLAG), arm=arm).rows(measures)


def first_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first seed."""
    return rows.filter(pl.col("init_seed") == pl.col("init_seed").min())


def trace(measures: Mapping[str, Any], config: Any) -> Figure:
    """The probe's belief under each token of a pair, and the probes' accuracy."""
    rows = first_seed(finite(measures, "trace", "reward"))
    lines = rows["line"].max() + 1
    sheet = fig.figure(fig.PAGE, 0.8 + 0.55 * lines)
    left, right = sheet.subplots(1, 2, width_ratios=[2.2, 1])
    starts = dict(rows.group_by("line").agg(pl.col("place").min()).iter_rows())
    last, columns = {}, 0
    for is_right in (True, False):
        own = rows.filter(right=is_right).sort("place")
        last[is_right] = own["belief"][-1] or 0.0
        for place, line, word, value in own.select("place", "line", "word", "belief").iter_rows():
            column, y = place - starts[line], PAIR * line + ROW * (not is_right)
            columns = max(columns, column + 1)
            left.add_patch(Rectangle((column + 0.03, y), 0.94, 0.9, facecolor=_colour(value)))
            ink = fig.INK if value is None or 0.12 <= value <= 0.88 else "white"
            left.text(column + 0.5, y + 0.46, word, ha="center", va="center", fontsize=7.5,
                      color=ink)  # fmt: skip
        end = own.filter(line=lines - 1).height
        y = PAIR * (lines - 1) + 0.46 + ROW * (not is_right)
        left.text(end + 0.1, y, "right" if is_right else "wrong", va="center", fontsize=7.5)
    left.set_xlim(-0.1, columns + 1.6)
    left.set_ylim(PAIR * lines, -0.15)
    left.axis("off")
    apart = "tells" if last[True] > 0.5 > last[False] else "does not tell"
    fig.title(left, f'At "(" the probe {apart} the right attempt (orange) from the wrong one')
    _accuracy(sheet, right, finite(measures, "probes", "reward").filter(kind="truth"))
    return sheet


def _colour(value: float | None) -> Any:
    """Colour of a belief: violet for 0, orange for 1, white for none."""
    return "white" if value is None else colormaps[fig.DIVERGING](1 - value)


def _accuracy(sheet: Figure, ax: Axes, rows: pl.DataFrame) -> None:
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
    sheet.colorbar(image, ax=ax, label="accuracy of the probe", shrink=0.9)
    early = value_ST[:, :-2].max() > 0.9
    fig.title(ax, "Probes read it early" if early else "Probes read it at the end")
