"""Bars of readings, side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from toylab.read import Reading
from toylab.report import figures as fig

Cell = tuple[str, str, Callable[[str], Reading]]


def mean(measures: Mapping[str, Any], reading: Reading) -> float:
    """Mean of a reading over its seeds; NaN where none has a value."""
    values = reading(measures).values
    return float(values.mean()) if len(values) else float("nan")


def bars(
    ax: Axes,
    measures: Mapping[str, Any],
    groups: Sequence[str],
    cells: Sequence[Cell],
    names: Sequence[str] | None = None,
    first: int = 0,
) -> None:
    """Draw a group of bars for each name: means over seeds, with a tick for every seed.

    Args:
        ax: where.
        measures: of the run.
        groups: names of the groups.
        cells: of each bar of a group its label, its colour, and its reading of the group.
        names: ticks, if not the groups.
        first: position of the first group; ticks to its left stay.
    """
    width = 0.8 / len(cells)
    for j, (label, colour, reading) in enumerate(cells):
        for i, group in enumerate(groups):
            values = reading(group)(measures).values
            x = first + i + width * (j - (len(cells) - 1) / 2)
            height = values.mean() if len(values) else 0.0
            ax.bar(x, height, 0.95 * width, color=colour, label=None if i else label)
            ax.plot(np.full(len(values), x), values, "_", color=fig.INK, markersize=5)
    before = [text.get_text() for text in ax.get_xticklabels()[:first]]
    ax.set_xticks(range(first + len(groups)), [*before, *(names or groups)])


def headroom(ax: Axes, top: float = 1.0, low: float = 0.0, step: float = 0.25) -> None:
    """Leave room for a legend above values that end at ``top``."""
    ax.set_ylim(low, low + 1.4 * (top - low))
    ax.set_yticks(np.arange(low, top + step / 2, step))
