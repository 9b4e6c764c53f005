"""One look for every figure, and files that come out the same each time.

Figures are drawn with matplotlib's objects (``Figure()``), never through pyplot, so nothing
global is touched and nothing leaks between figures. Widths are those of a paper: 3.4 inches
for one column, 7 for the page. A figure's title states its finding.
"""

import contextlib
import io
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from toylab.errors import ToylabError
from toylab.runs.atomic import write_bytes
from toylab.stats import bootstrap_interval, without_nan

COLUMN = 3.4  # inches: one column
PAGE = 7.0  # inches: the whole page
DPI = 200

# Okabe and Ito 2008, "Color Universal Design"; yellow last, as it is faint on white.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILLION, PURPLE, SKY, YELLOW = "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW)
INK, MUTED = "#222222", "#8A8A8A"

SEQUENTIAL = "cividis"  # made for colour-blind readers; even in lightness
DIVERGING = "PuOr"  # differs in lightness and hue for every common colour blindness

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "figure.titlesize": 9.5,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws alike
    "font.size": 8,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "toylab",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.color": INK,
    "ytick.labelsize": 7.5,
}


FROZEN: dict[Any, Any] = {"figure.autolayout": False, "figure.constrained_layout.use": False}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the project's style inside the ``with``; matplotlib's settings return after it.

    The user's own matplotlibrc has no say, so a figure looks alike everywhere.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def figure(width: float = COLUMN, height: float | None = None) -> Figure:
    """Make an empty figure in the project's style; call it inside :func:`style`.

    Args:
        width: inches, :data:`COLUMN` or :data:`PAGE`.
        height: inches; by default the width over the golden ratio.
    """
    new = Figure(figsize=(width, width / 1.618 if height is None else height))
    FigureCanvasAgg(new)
    return new


def save(
    figure: Figure,
    folder: str | Path,
    name: str,
    metadata: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Write a figure; the same figure gives the same bytes.

    The same bytes, that is, with the same matplotlib: another version may draw otherwise. The
    layout is settled and frozen by the first save, so every format shows the same one.

    Args:
        figure: the drawing.
        folder: where to; made if needed.
        name: file name without ending.
        metadata: study, preset, commit, ...; kept inside the file (PNG text, SVG description,
            PDF keywords). No date is written.
        formats: of "png" (200 dpi), "svg" and "pdf".

    Returns:
        The files' paths, in the order of ``formats``.

    Raises:
        ToylabError: an unknown format, or the folder cannot be written.
    """
    unknown = sorted(set(formats) - {"png", "svg", "pdf"})
    if unknown:
        raise ToylabError(f"figure {name!r}: no format {unknown[0]!r}; give png, svg or pdf.")
    facts = {key: str(value) for key, value in (metadata or {}).items()}
    paths = []
    _settle(figure)
    for kind in formats:
        stream = io.BytesIO()
        with style(), mpl.rc_context(FROZEN):
            figure.savefig(stream, format=kind, dpi=DPI, metadata=_metadata(kind, name, facts))
        paths.append(write_bytes(Path(folder) / f"{name}.{kind}", stream.getvalue()))
    return paths


def _settle(figure: Figure) -> None:
    """Lay the figure out and keep it so: constrained layout moves a little at every draw."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    with style():
        for _ in range(2):
            engine.execute(figure)
    # Not "none": that leaves a placeholder, for whose sake every savefig draws twice.
    with mpl.rc_context(FROZEN):
        figure.set_layout_engine(None)


def _metadata(kind: str, name: str, facts: dict[str, str]) -> dict[str, Any]:
    """Arrange the facts as each format wants them; dates and versions are left out."""
    line = json.dumps(facts, sort_keys=True)
    if kind == "png":
        return {"Software": "toylab", "Title": name, **facts}
    if kind == "svg":
        return {"Date": None, "Creator": "toylab", "Title": name, "Description": line}
    dates = {"CreationDate": None, "ModDate": None}
    return {"Creator": "toylab", "Producer": None, "Title": name, "Keywords": line, **dates}


def interval_line(
    ax: Axes,
    x: ArrayLike,
    values_PS: Float[ArrayLike, "P S"],
    label: str | None = None,
    color: str | None = None,
    level: float = 0.95,
    **line: Any,
) -> None:
    """Draw the median over seeds as a line, its bootstrap interval as a band.

    Args:
        ax: where.
        x: the S positions.
        values_PS: one row per member; NaN (diverged) entries are left out of their column.
        label: legend entry.
        color: of line and band; by default the next of the palette.
        level: confidence level of the band.
        **line: passed to ``ax.plot``.
    """
    columns = [without_nan(column) for column in np.asarray(values_PS, np.float64).T]
    ends = np.array([bootstrap_interval(c, "median", level, 1000) for c in columns])
    (drawn,) = ax.plot(np.asarray(x), ends[:, 0], label=label, color=color, **line)
    ax.fill_between(
        np.asarray(x), ends[:, 1], ends[:, 2], color=drawn.get_color(), alpha=0.2, linewidth=0
    )


def panel_label(ax: Axes, letter: str) -> None:
    """Put a bold panel letter at the upper left, outside the axes."""
    ax.annotate(
        letter,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        weight="bold",
        size=10,
    )


def title(target: Axes | Figure, finding: str) -> None:
    """Set the finding as the title, wrapped to the width of the axes or the figure.

    Args:
        target: axes (title above them) or figure (title above all).
        finding: one sentence that says what the figure shows.
    """
    if isinstance(target, Figure):
        text = _wrap(finding, target.get_figwidth(), mpl.rcParams["figure.titlesize"])
        target.suptitle(text, x=0.01, ha="left")
        return
    parent = target.get_figure(root=True)
    assert parent is not None
    inches = parent.get_figwidth() * target.get_position().width
    target.set_title(_wrap(finding, inches, mpl.rcParams["axes.titlesize"]))


def _wrap(text: str, inches: float, points: float | str) -> str:
    """Break a text into lines that fit; DejaVu's letters are about 0.55 em wide."""
    size = points if isinstance(points, float | int) else 9.5
    return textwrap.fill(text, max(12, int(inches * 72 / (0.55 * size))))
