"""A picture: a piece of HTML with its style and script, for a notebook or a file of its own."""

import dataclasses
import html
from pathlib import Path

from toylab.runs.atomic import write_bytes

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
    """

    body: str
    title: str = ""
    height: int = 480

    def page(self) -> str:
        """Return the picture as a whole page that asks the network for nothing."""
        title = html.escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<style>{STYLE}</style></head><body><h1>{title}</h1>{self.body}</body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Write the picture as one file.

        Args:
            path: where to; folders are not made.

        Returns:
            The path.
        """
        path = Path(path)
        write_bytes(path, self.page().encode())
        return path

    def _repr_html_(self) -> str:
        """A frame of its own, so that neither its style nor its script meets the notebook's."""
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.page())}" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )
