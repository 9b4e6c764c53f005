"""Sheets: a study's figures by name, and figures of several panels, lettered."""

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig

Make = Callable[[Measures, Any], Figure]


def drawing(*makers: Make, **named: Make) -> Callable[[Measures, Any], dict[str, Figure]]:
    """Return a study's ``draw``: from its measures and settings to its figures, by name.

    Args:
        *makers: functions of measures and settings; a figure has the name of its function.
        **named: the same, under another name.
    """
    figures = {make.__name__: make for make in makers} | named

    def draw(measures: Measures, config: Any) -> dict[str, Figure]:
        return {name: make(measures, config) for name, make in figures.items()}

    return draw


def panels(
    count: int, height: float, width: float = fig.PAGE, *, rows: int = 1, **grid: Any
) -> tuple[Figure, Any]:
    """Return a figure and its axes, each with a bold letter, row by row: a, b, c, ...

    Call it inside :func:`toylab.report.figures.style`.

    Args:
        count: number of panels in a row.
        height: inches.
        width: inches.
        rows: number of rows; with more than one the axes are an array (rows, count).
        **grid: passed to ``Figure.subplots``, such as ``sharey`` or ``width_ratios``.
    """
    sheet = fig.figure(width, height)
    axes = sheet.subplots(rows, count, squeeze=False, **grid)
    for i, ax in enumerate(axes.flat):
        fig.panel_label(ax, chr(ord("a") + i))
    return sheet, axes if rows > 1 else axes[0]


def legend_below(sheet: Figure, ax: Axes, columns: int = 4) -> None:
    """Put one legend for all panels below them, with the entries of one of them."""
    sheet.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def gallery(height: float, count: int, width: float = fig.PAGE) -> tuple[Figure, Any, Any]:
    """Return a figure, its row of pictures (a), and the two panels below them (b, c).

    Args:
        height: inches.
        count: number of pictures.
        width: inches.
    """
    sheet = fig.figure(width, height)
    halves: Any = sheet.subfigures(2, 1, height_ratios=(1, 1.9))
    above, below = halves
    pictures = above.subplots(1, count, squeeze=False)[0]
    two = below.subplots(1, 2)
    for ax, letter in zip((pictures[0], *two), "abc", strict=True):
        fig.panel_label(ax, letter)
    return sheet, pictures, two
