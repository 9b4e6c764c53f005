"""The trace of self-verification: the probe's belief under each token of a pair of attempts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tasks.countdown_rules import Rules
from toylab import figures as fig

AFTER = pl.col("arm") == "reward"


def first_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first seed."""
    return rows.filter(pl.col("init_seed") == pl.col("init_seed").min())


def trace(measures: Mapping[str, Any], config: Any) -> Figure:
    """The probe's belief under each token of a pair, and its mean before "("."""
    rows = first_seed(measures["trace"].filter(AFTER))
    rules: Rules = config.rules
    start = rules.prompt_length
    lines = int(np.ceil((rows["place"].max() + 1 - start) / rules.attempt_length)) + 1
    sheet = fig.figure(fig.PAGE, 0.75 + 0.52 * lines)
    left, right = sheet.subplots(1, 2, width_ratios=[2.6, 1])
    last = {}
    for told in (True, False):
        own = rows.filter(pl.col("right") == told).sort("place")
        last[told] = own["belief"][-1]
        for place, token, value in own.select("place", "token", "belief").iter_rows():
            attempt, offset = divmod(place - start, rules.attempt_length)
            column, line = (place, 0) if place < start else (offset, attempt + 1)
            y = 2 * line + 0.95 * (not told)
            shade = _colour(value)
            left.add_patch(_box(column, y, shade))
            ink = "white" if value < 0.12 or value > 0.88 else fig.INK
            left.text(column + 0.5, y + 0.46, rules.decode([token]), ha="center", va="center",
                      fontsize=6.5, color=ink)  # fmt: skip
    left.set_xlim(-0.1, rules.attempt_length + 1.6)
    left.set_ylim(2 * lines + 0.1, -0.15)
    left.axis("off")
    where = rules.attempt_length + 0.1 - (rows["place"].max() + 1 - start > 0)
    for told, name in ((True, "right"), (False, "wrong")):
        left.text(where, 2 * (lines - 1) + 0.46 + 0.95 * (not told), name, va="center", fontsize=7)
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
