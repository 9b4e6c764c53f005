"""Values of seeds at one place: a tick for each, their mean, and the interval of a verdict."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from toylab.report import figures as fig
from toylab.stats import seed_interval, without_nan


def mean(values: ArrayLike) -> float:
    """Mean over the seeds that have a value; NaN of none."""
    units = without_nan(values)
    return float(units.mean()) if len(units) else float("nan")


def seeds(
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
    """Draw the seeds' values as ticks, their mean as a marker and its 95% interval as a line.

    Args:
        ax: where.
        at: place on the other axis.
        values: one per seed; NaN is left out.
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
