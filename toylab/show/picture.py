"""A picture: a piece of HTML for a notebook or a file of its own, and a figure for paper."""

import dataclasses
import html
import math
from pathlib import Path
from typing import TYPE_CHECKING

from toylab.errors import ToylabError
from toylab.runs.atomic import write_bytes
from toylab.show.paper import Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PAPER = (".png", ".svg", ".pdf")

STYLE = """
body{margin:12px;font:13px/1.45 system-ui,sans-serif;color:#222;background:#fff}
h1{font-size:15px;font-weight:600;margin:0 0 8px}
.panels{display:flex;flex-wrap:wrap;gap:14px}
figure{margin:0;display:grid;grid-template-columns:auto auto;justify-content:start}
figcaption{grid-column:2;font-size:12px;margin-bottom:3px}
.rows,.columns{display:grid;font-size:10px;color:#555;white-space:nowrap}
.rows{grid-auto-rows:1fr;align-items:center;text-align:right;padding-right:5px}
.columns{grid-column:2;grid-auto-flow:column;grid-auto-columns:1fr;text-align:center}
.columns span{overflow:hidden;text-overflow:ellipsis}
canvas{grid-column:2;image-rendering:pixelated;border:1px solid #ddd;max-width:100%}
canvas:focus{outline:2px solid #0072B2}
output{display:block;min-height:1.5em;margin-top:8px;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:2px 8px;text-align:right;font-weight:400;border:1px solid #eee}
th{color:#555}input[type=range]{width:min(420px,90vw)}
"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """What :mod:`toylab.show` returns.

    Attributes:
        body: its HTML, the script included.
        title: what it shows, in words; the title of the page as well.
        height: pixels that it takes in a notebook.
        sheet: the same for paper.
    """

    body: str
    title: str
    height: int
    sheet: Sheet

    def page(self) -> str:
        """Return the picture as a whole page that asks the network for nothing."""
        title = html.escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<style>{STYLE}</style></head><body><h1>{title}</h1>{self.body}</body></html>\n"
        )

    def figure(self, width: float = 7.0) -> "Figure":
        """Return the picture as a matplotlib figure in the project's style, its title above it.

        Args:
            width: inches: 7 for a page, 3.4 for a column. The height is what the content takes.

        Raises:
            ToylabError: more than fits on a page.

        Example:
            >>> from toylab import show
            >>> float(show.heat(np.eye(3), "An identity").figure(3.4).get_figwidth())
            3.4
        """
        from toylab.report import figures  # late: models load this room, and not every user draws

        with figures.style():
            letters = max(12, width * 72 / (0.55 * 9.5))  # of a line, as figures.title breaks them
            above = 0.15 * (1 + math.ceil(len(self.title) / letters)) if self.title else 0.0
            sheet = figures.figure(width, self.sheet.height(width) + above)
            self.sheet.draw(sheet)
            if self.title:
                figures.title(sheet, self.title)
        return sheet

    def draw(self, into: "Figure | SubFigure") -> None:
        """Draw the picture into an empty figure or subfigure, as one panel among others.

        Args:
            into: such as one of ``tl.figure(7, 3).subfigures(1, 2)``.
        """
        from toylab.report import figures

        with figures.style():
            self.sheet.draw(into)

    def save(self, path: str | Path) -> Path:
        """Write the picture as one file: a page to look at (.html), or :meth:`figure` for paper.

        Args:
            path: where to, ending in .html, .png, .svg or .pdf; folders on the way are made.

        Returns:
            The path.
        """
        path = Path(path)
        if path.suffix not in (*PAPER, ".html"):
            raise ToylabError(f"show: no format {path.suffix!r}; give .html, .png, .svg or .pdf.")
        if path.suffix == ".html":
            return write_bytes(path, self.page().encode())
        from toylab.report import figures

        return figures.save(self.figure(), path.parent, path.stem, formats=(path.suffix[1:],))[0]

    def _repr_html_(self) -> str:
        """A frame of its own, so that neither its style nor its script meets the notebook's."""
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.page())}" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )
