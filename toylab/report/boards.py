"""Drawing of boards: discs, coloured squares, marks; for every figure of a board game.

Squares are numbered row by row from a1, row 1 at the top, columns by letters. Discs are black and
white with a rim, so that they differ in lightness alone; marks differ in shape as well as colour.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Circle, Rectangle
from numpy.typing import ArrayLike

from toylab.report import figures as fig

FIELD = "#F3F1EA"  # pale, so that discs, marks and colours stand out in grey as well
LINE = "#B9B5A6"
RADIUS = 0.38  # of a disc, in squares


def board(ax: Axes, size: int, labels: bool = True) -> None:
    """Draw an empty board of side ``size``; its square (row, column) has its centre there."""
    ax.add_patch(Rectangle((-0.5, -0.5), size, size, facecolor=FIELD, edgecolor="none"))
    for i in range(size + 1):
        edge = {"color": LINE, "linewidth": 0.6, "zorder": 2}
        ax.plot([-0.5, size - 0.5], [i - 0.5, i - 0.5], **edge)
        ax.plot([i - 0.5, i - 0.5], [-0.5, size - 0.5], **edge)
    ax.set_xlim(-0.55, size - 0.45)
    ax.set_ylim(size - 0.45, -0.55)
    ax.set_aspect("equal")
    ax.tick_params(length=0, pad=1, labelsize=7.5)
    letters = [chr(ord("a") + i) for i in range(size)] if labels else []
    ax.set_xticks(range(size) if labels else [], letters)
    ax.set_yticks(range(size) if labels else [], [str(i + 1) for i in range(size)][: len(letters)])
    for spine in ax.spines.values():
        spine.set_visible(False)


def discs(ax: Axes, size: int, states_N: ArrayLike, alpha: ArrayLike = 1.0) -> None:
    """Put discs on the board.

    Args:
        ax: where :func:`board` has drawn.
        size: side of the board.
        states_N: 0 no disc, 1 black, 2 white, square by square.
        alpha: opacity, one for all or one per square.
    """
    opacity_N = np.broadcast_to(np.asarray(alpha, np.float64), (size**2,))
    for square, state in enumerate(np.asarray(states_N)):
        if state:
            look: dict[str, Any] = {"facecolor": fig.INK if state == 1 else "white"}
            look |= {"edgecolor": fig.INK, "linewidth": 0.8, "zorder": 3}
            row, column = divmod(square, size)
            disc = Circle((column, row), RADIUS, alpha=float(opacity_N[square]), **look)
            ax.add_patch(disc)


def fields(
    ax: Axes, size: int, values_N: ArrayLike, low: float, high: float, cmap: str = fig.SEQUENTIAL
) -> ScalarMappable:
    """Colour squares by a number, NaN leaving one as it is; returns what a colour bar needs."""
    image = ScalarMappable(Normalize(low, high, clip=True), cmap)
    for square, value in enumerate(np.asarray(values_N, np.float64)):
        if np.isfinite(value):
            row, column = divmod(square, size)
            corner, colour = (column - 0.5, row - 0.5), image.to_rgba(value)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="none", zorder=1))
    return image


def marks(
    ax: Axes, size: int, squares: Iterable[int], marker: str, label: str | None = None, **look: Any
) -> None:
    """Put one mark (a matplotlib marker) on each of some squares."""
    rows, columns = np.divmod(np.asarray(list(squares), int), size)
    style = {"linestyle": "", "markersize": 5, "color": fig.BLUE, "zorder": 4} | look
    ax.plot(columns, rows, marker=marker, label=label, **style)


def outlines(
    ax: Axes, size: int, squares: Iterable[int], color: str = fig.VERMILLION, width: float = 1.6
) -> None:
    """Frame some squares."""
    for square in squares:
        row, column = divmod(int(square), size)
        look = {"fill": False, "edgecolor": color, "linewidth": width, "zorder": 5}
        ax.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, **look))


def name(square: int, size: int) -> str:
    """Return a square's usual name.

    Example:
        >>> name(7, 6)
        'b2'
    """
    row, column = divmod(int(square), size)
    return f"{chr(ord('a') + column)}{row + 1}"
