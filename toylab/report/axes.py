"""Axes with a logarithmic scale and plain numbers on it."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter


def log_axis(
    ax: Axes, which: str = "x", ticks: Sequence[float] | None = None, base: float = 10
) -> None:
    """Give an axis a logarithmic scale without labels at its minor ticks.

    Args:
        ax: where.
        which: "x" or "y".
        ticks: where to put a plain number, without minor ticks between them; by default matplotlib
            chooses, in powers of ten.
        base: of the logarithm.
    """
    getattr(ax, f"set_{which}scale")("log", base=base)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_minor_formatter(NullFormatter())
    if ticks is not None:
        axis.set_ticks(ticks, labels=[f"{tick:,.10g}" for tick in ticks])
        axis.set_ticks([], minor=True)


def round_ticks(low: float, high: float, leads: Sequence[float] = (1, 2, 5)) -> list[float]:
    """Return the round numbers from ``low`` to ``high``, powers of ten times each of ``leads``.

    Example:
        >>> round_ticks(0.4, 30)
        [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    every = sorted(lead * 10.0**power for power in range(-12, 13) for lead in leads)
    return [float(f"{tick:.10g}") for tick in every if low <= tick <= high]
