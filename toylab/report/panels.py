"""Figures of several panels side by side, lettered."""

from typing import Any

from matplotlib.figure import Figure

from toylab.report import figures as fig


def panels(count: int, height: float, width: float = fig.PAGE, **grid: Any) -> tuple[Figure, Any]:
    """Return a figure and its axes in a row, each with a bold letter: a, b, c, ...

    Call it inside :func:`toylab.report.figures.style`.

    Args:
        count: number of panels.
        height: inches.
        width: inches.
        **grid: passed to ``Figure.subplots``, such as ``sharey`` or ``width_ratios``.
    """
    sheet = fig.figure(width, height)
    axes = sheet.subplots(1, count, squeeze=False, **grid)[0]
    for i, ax in enumerate(axes):
        fig.panel_label(ax, chr(ord("a") + i))
    return sheet, axes
