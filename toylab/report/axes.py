"""Axes with a logarithmic scale and plain numbers on it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter


def log_axis(
    ax: Axes,
    which: str = "x",
    ticks: Sequence[float] | np.ndarray | None = None,
    leads: Sequence[float] = (),
    base: float = 10,
) -> None:
    """Give an axis a logarithmic scale without labels at its minor ticks.

    Args:
        ax: where.
        which: "x" or "y".
        ticks: where to put plain numbers, with no minor ticks between them.
        leads: or what they are powers of ten times, as 1, 2 and 5; else there are powers alone.
        base: of the logarithm.
    """
    getattr(ax, f"set_{which}scale")("log", base=base)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_minor_formatter(NullFormatter())
    if leads:
        axis.set_major_locator(LogLocator(subs=leads))
        axis.set_major_formatter("{x:,.10g}")
    if ticks is not None:
        axis.set_ticks(ticks, labels=[f"{tick:,.10g}" for tick in ticks])
        axis.set_ticks([], minor=True)
