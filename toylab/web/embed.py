"""A page of the laboratory inside a notebook."""

import functools
import html
import threading
from urllib.parse import urlencode

from toylab.errors import ToylabError, nearest

from .server import Server, pages

PAGES = ("superposition", "grokking", "attention", "othello", "graph_tracing", "countdown", "run")


class Playground:
    """A page that shows itself where a notebook's cell ends with it; elsewhere it is a word.

    It is served from this machine, to this machine alone, from when it is first shown until the
    notebook's process ends: one that runs elsewhere (on a cluster, in a cloud) shows nothing.

    Args:
        page: superposition, grokking, attention, othello, graph_tracing, countdown, or run for
            the shipped runs.
        height: of the frame, pixels.
        settings: as they stand in the page's address, e.g. ``density=0.05``.

    Raises:
        ToylabError: there is no page of this name.

    Example:
        >>> Playground("superposition", density=0.05)
        Playground of superposition: a notebook shows it, elsewhere 'toylab explore' opens it.
    """

    def __init__(self, page: str, height: int = 820, **settings: float | str):
        if page not in PAGES:
            raise ToylabError(f"Playground: no page {page!r}: {nearest(page, PAGES)}")
        self.page, self.height, self.settings = page, height, settings

    def __repr__(self) -> str:
        """Say how it can be seen."""
        return (
            f"Playground of {self.page}: a notebook shows it, elsewhere 'toylab explore' opens it."
        )

    def _repr_html_(self) -> str:
        """A frame with the page in it."""
        query = f"?{urlencode(self.settings)}" if self.settings else ""
        address = html.escape(f"{_served().url}#/{self.page}{query}")
        return (
            f'<iframe src="{address}" title="Playground of {self.page}" '
            f'style="width: 100%; height: {self.height:d}px; border: 0"></iframe>'
        )


@functools.cache
def _served() -> Server:
    """The server of this process, started when a page is first shown."""
    server = Server(pages())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
