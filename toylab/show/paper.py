"""What a picture holds for paper, and how matplotlib draws it into a figure or a part of one.

Sizes are inches, of type points. Shape suffixes: P panels, R rows, C columns, N layers, L length.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float

from toylab.errors import ToylabError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

TALLEST = 9.5  # inches: what a page has
LETTER = 0.6  # of the type's size: the width of a letter, with room to spare
INCH = 72  # points
CELL = 0.4  # inches: the highest cell of a picture of one panel
TICKS, NAMES = 6.5, 7.0  # points: names of rows and columns, and of panels
NOTHING = "#DDDDDD"  # where there is no number


class Sheet(Protocol):
    """What can be drawn for paper."""

    def height(self, width: float) -> float:
        """Return the inches that a drawing of this width takes."""
        ...

    def draw(self, into: "Figure | SubFigure") -> None:
        """Draw into an empty figure or subfigure, in the style that is on."""
        ...


def width_of(into: "Figure | SubFigure") -> float:
    """Return the width of a figure or subfigure in inches."""
    return into.bbox.width / into.dpi


def check_page(height: float, what: str) -> float:
    """Return a height; refuse one that no page has."""
    if height > TALLEST:
        raise ToylabError(
            f"show: {what} would be {height:.0f} inches high, and a page has {TALLEST}; choose "
            "fewer, or make it narrower."
        )
    return height


@dataclasses.dataclass(frozen=True)
class Heat:
    """Matrices side by side with one scale of colours.

    Attributes:
        values_PRC: the numbers.
        rows: names of the rows, which stand at the left.
        columns: names of the columns, below.
        panels: names of the panels.
        axes: what rows and columns are.
        limits: numbers of the first and the last colour.
        diverging: whether the middle colour means 0.
        across: most panels side by side.
    """

    values_PRC: Float[np.ndarray, "P R C"]
    rows: Sequence[str]
    columns: Sequence[str]
    panels: Sequence[str]
    axes: tuple[str, str]
    limits: tuple[float, float]
    diverging: bool
    across: int = 4

    def _panel(self, width: float) -> tuple[int, float, float, bool]:
        """Panels side by side, width and height of one, and whether its cells are square."""
        count, rows, columns = self.values_PRC.shape
        across = min(count, self.across)
        beside = longest(self.rows) + 0.9  # names, colour bar
        wide = max(width - min(beside, width / 2), 0.3) / across - 0.08
        cell = min(wide / columns, CELL if count == 1 else wide)
        tall = min(max(cell * rows, 0.25), 2 * wide)
        return across, wide, tall, math.isclose(tall / rows, wide / columns)

    def height(self, width: float) -> float:
        """Return the inches that a drawing of this width takes."""
        across, wide, tall, _ = self._panel(width)
        lines = math.ceil(len(self.values_PRC) / across)
        turned = longest(self.columns) > wide / len(self.columns)
        below = 0.12 + 0.2 * bool(self.axes[1]) + turned * longest(self.columns)
        return check_page(lines * (tall + 0.2) + below, f"{len(self.values_PRC)} panels")

    def draw(self, into: "Figure | SubFigure") -> None:
        """Draw a panel for every matrix, and a bar of colours."""
        from toylab.report.figures import DIVERGING, SEQUENTIAL  # late: not every user draws

        across, wide, tall, square = self._panel(width_of(into))
        count, rows, columns = self.values_PRC.shape
        lines = math.ceil(count / across)
        grid: Any = into.subplots(lines, across, squeeze=False).ravel()
        look = dict(zip(("vmin", "vmax"), self.limits, strict=True))
        look |= {"cmap": DIVERGING if self.diverging else SEQUENTIAL}
        for i, ax in enumerate(grid[:count]):
            image = ax.imshow(self.values_PRC[i], aspect="equal" if square else "auto", **look)
            ax.set_title(self.panels[i], fontsize=NAMES, loc="center", pad=2)
            named(ax, "y", self.rows if i % across == 0 else (), tall)
            named(ax, "x", self.columns if i + across >= count else (), wide)
        for ax in grid[count:]:
            ax.remove()
        left, below = self.axes
        grid[across * ((lines - 1) // 2)].set_ylabel(left, fontsize=NAMES)
        for ax in grid[max(count - across, 0) : count]:
            ax.set_xlabel(below, fontsize=NAMES)
        _bar(into, image, list(grid[:count]), 25)
        if count == 1 and wide / columns > 0.3 and tall / rows > 0.16:
            write(grid[0], _short(self.values_PRC[0]), image.to_rgba(self.values_PRC[0]), NAMES)


def _bar(into: "Figure | SubFigure", image: Any, axes: Sequence["Axes"], aspect: float) -> Any:
    """A bar of colours beside axes."""
    bar: Any = into.colorbar(image, ax=axes, fraction=0.05, aspect=aspect, pad=0.02)
    bar.ax.tick_params(labelsize=TICKS, width=0.5, length=2)
    bar.outline.set_linewidth(0.5)
    return bar


def _short(values_RC: Float[np.ndarray, "R C"]) -> list[list[str]]:
    """Numbers with as many decimals as give the largest two digits, 1 counting as just below."""
    largest = np.abs(values_RC[np.isfinite(values_RC)]).max(initial=0) or 1.0
    digits = int(np.clip(1 - math.floor(math.log10(0.999 * largest)), 0, 4))
    tell = lambda v: f"{round(v, digits) + 0.0:.{digits}f}" if math.isfinite(v) else "–"
    return [[tell(v) for v in row] for row in values_RC.tolist()]


def longest(names: Sequence[str]) -> float:
    """Return the inches of the longest name."""
    return TICKS / INCH * LETTER * max(map(len, names), default=0)


def named(ax: "Axes", which: str, names: Sequence[str], room: float) -> None:
    """Name rows ("y") or columns ("x") in an axis of ``room`` inches: as many as fit, evenly."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    step = max(1, math.ceil(1.25 * TICKS / INCH * len(names) / room))
    shown = range(0, len(names), step)
    axis.set_ticks(shown, labels=[names[i] for i in shown])
    told = longest([names[i] for i in shown])
    turn = 90 if which == "x" and names and told > step * room / len(names) else 0
    ax.tick_params(axis=which, labelsize=TICKS, length=0, pad=2, labelrotation=turn)  # pyright: ignore[reportArgumentType]
    ax.set_facecolor(NOTHING)
    ax.spines[:].set(visible=True, linewidth=0.5)


def write(
    ax: "Axes", words: Sequence[Sequence[str]], colours: Float[np.ndarray, "R C 4"], size: float
) -> None:
    """Write a word into every cell, dark on light colours and light on dark ones."""
    light = np.asarray(colours)[..., :3] @ np.array([0.299, 0.587, 0.114])
    for r, row in enumerate(words):
        for c, word in enumerate(row):
            ink = "black" if light[r, c] > 0.46 or word == "–" else "white"
            ax.text(c, r, word, ha="center", va="center", fontsize=size, color=ink, clip_on=True)


@dataclasses.dataclass(frozen=True)
class Words:
    """A table of words, shaded by their probability; the last layer on top.

    Attributes:
        share_NL: probability of each word.
        words: one per layer and place.
        tokens: the text, above the table.
    """

    share_NL: Float[np.ndarray, "N L"]
    words: Sequence[Sequence[str]]
    tokens: Sequence[str]

    def height(self, width: float) -> float:
        """Return the inches that a drawing of this width takes."""
        turned = longest(self.tokens) > (width - 1.3) / len(self.tokens)
        above = 0.25 + turned * min(longest(self.tokens), 1.3)
        return check_page(max(0.22 * len(self.words), 0.7) + above, f"{len(self.words)} layers")

    def draw(self, into: "Figure | SubFigure") -> None:
        """Draw the table and a bar of colours."""
        wide = (width_of(into) - 1.3) / len(self.tokens)
        if wide < 0.2:
            raise ToylabError(
                f"show.lens: {len(self.tokens)} places in {width_of(into):.1f} inches leave no "
                "room for words; draw it wider, or fewer places."
            )
        letters = max(len(word) for row in self.words for word in row)
        size = min(max(wide * INCH / (LETTER * max(letters, 1)), 4.5), NAMES)
        most = max(int(wide * INCH / (LETTER * size)), 2)
        cut = lambda word: word if len(word) <= most else word[: most - 1] + "…"
        ax: Any = into.subplots()
        image = ax.imshow(self.share_NL, vmin=0, vmax=1, aspect="auto", origin="lower")
        named(ax, "y", [f"layer {n}" for n in range(len(self.words))], 0.22 * len(self.words))
        named(ax, "x", [token[:24] for token in self.tokens], wide * len(self.tokens))
        ax.xaxis.tick_top()
        write(ax, [[cut(w) for w in row] for row in self.words], image.to_rgba(self.share_NL), size)
        _bar(into, image, [ax], 15).set_label("probability", fontsize=NAMES)


@dataclasses.dataclass(frozen=True)
class Graph:
    """Parts in rows, the stream upwards, and edges between them.

    Attributes:
        spots: of each part, its place from 0 at the left to 1 at the right, and its row from 0.
        edges: writer, reader, what is read ("" where it needs no word), score, and how far the
            edge bows to the side, past parts that are not its own.
        colours: of scores below 0 and above.
    """

    spots: Mapping[str, tuple[float, int]]
    edges: Sequence[tuple[str, str, str, float, float]]
    colours: tuple[str, str]

    def height(self, width: float) -> float:
        """Return the inches that a drawing of this width takes."""
        rows = 1 + max(row for _, row in self.spots.values())
        return check_page(0.72 * rows + 0.45, f"{rows} rows of parts")

    def draw(self, into: "Figure | SubFigure") -> None:
        """Draw the edges beneath the parts, and say what colours and widths mean."""
        ax: Any = into.subplots()
        largest = max(abs(edge[3]) for edge in self.edges) or 1.0
        for writer, reader, kind, score, bow in self.edges:
            x, y = bezier(self.spots[writer], self.spots[reader], bow)
            width = 0.6 + 3.4 * abs(score) / largest
            ax.plot(x, y, color=self.colours[score > 0], lw=width, alpha=0.75, zorder=1, snap=False)
            note = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none"}
            if kind:
                ax.text(x[30], y[30], kind, fontsize=TICKS, ha="center", va="center", bbox=note)
        box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": "#8A8A8A", "lw": 0.8}
        for name, (x, row) in self.spots.items():
            ax.text(x, row, name, fontsize=NAMES, ha="center", va="center", bbox=box, zorder=3)
        for sign, word in ((False, "below 0"), (True, "above 0")):
            own = [score for *_, score, _ in self.edges if (score > 0) == sign]
            if own:
                text = f"scores {word}, to {max(own, key=abs):.2g}"
                ax.plot([], [], color=self.colours[sign], lw=2, label=text)
        into.legend(loc="outside lower left", ncols=2)
        rows = max(row for _, row in self.spots.values())
        ax.set(xlim=(0, 1), ylim=(-0.4, rows + 0.4))
        ax.axis("off")


def bezier(
    start: tuple[float, float], end: tuple[float, float], bow: float
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Return points of an edge that leaves and arrives upright, its middle moved by 3/4 ``bow``."""
    (x, y), (u, v) = start, end
    t = np.linspace(0, 1, 41)
    ends, near, far = ((1 - t) ** 3, t**3), 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2
    across = ends[0] * x + near * (x + bow) + far * (u + bow) + ends[1] * u
    return across, ends[0] * y + (near + far) * (y + v) / 2 + ends[1] * v
