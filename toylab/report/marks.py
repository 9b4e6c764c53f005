"""Values of units beside each other: a mark for each, with their mean as a point or as a bar."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from toylab.read import Reading
from toylab.report import figures as fig
from toylab.stats import seed_interval, without_nan

Cell = tuple[str, str, Callable[[Any], Reading]]  # label, colour, the reading of a group


def points(
    ax: Axes,
    at: float,
    values: Float[ArrayLike, " P"],
    color: str,
    *,
    label: str | None = None,
    marker: str = "o",
    filled: bool = True,
    upright: bool = True,
) -> None:
    """Draw units' values as ticks, their mean as a marker and its 95% interval as a line.

    Args:
        ax: where.
        at: place on the other axis.
        values: one per unit; NaN is left out.
        color: of all.
        label: legend entry.
        marker: of the mean.
        filled: whether the marker is.
        upright: whether values go up, or to the right.
    """
    units = without_nan(values)
    estimate, *ends = seed_interval(units)
    way = slice(None, None, 1 if upright else -1)
    draw = lambda x, y, *style, **how: ax.plot(*(x, y)[way], *style, **how)
    draw([at] * len(units), units, "_" if upright else "|", color=fig.INK, ms=4, mew=0.6)
    if np.isfinite(ends).all():
        draw([at, at], ends, color=color, lw=1.2, alpha=0.6)
    face = color if filled else "white"
    draw([at], [estimate], marker, ms=5, color=color, mfc=face, label=label, zorder=3)


def bars(
    ax: Axes,
    measures: Mapping[str, Any],
    groups: Sequence[Any],
    cells: Sequence[Cell],
    names: Sequence[str] | None = None,
    first: int = 0,
    *,
    upright: bool = True,
) -> None:
    """Draw a group of bars for each name: means over units, with a tick for every unit.

    Args:
        ax: where.
        measures: of a run.
        groups: what each group of bars is about, as a cell's reading takes it.
        cells: of each bar of a group its label, its colour, and its reading of the group.
        names: ticks, if not the groups.
        first: position of the first group; ticks of the groups before it stay.
        upright: whether bars go up, or to the right with the first group on top.
    """
    width, axis = 0.8 / len(cells), ax.xaxis if upright else ax.yaxis
    for j, (label, colour, reading) in enumerate(cells):
        for i, group in enumerate(groups):
            values = reading(group)(measures).values
            at = first + i + width * (j - (len(cells) - 1) / 2)
            look = {"color": colour, "label": None if i else label}
            long = values.mean() if len(values) else 0.0
            (ax.bar if upright else ax.barh)(at, long, 0.95 * width, **look)
            ends = (np.full(len(values), at), values)[:: 1 if upright else -1]
            ax.plot(*ends, "_" if upright else "|", color=fig.INK, markersize=5)
    before = [text.get_text() for text in axis.get_ticklabels()[:first]]
    axis.set_ticks(range(first + len(groups)), labels=[*before, *(names or groups)])
    if not (upright or first or ax.yaxis_inverted()):  # panels may share the axis
        ax.invert_yaxis()


def headroom(ax: Axes, top: float = 1.0, low: float = 0.0, step: float = 0.25) -> None:
    """Leave room for a legend above values that end at ``top``, with ticks ``step`` apart."""
    ax.set_ylim(low, low + 1.4 * (top - low))
    ax.set_yticks(np.arange(low, top + step / 2, step))
