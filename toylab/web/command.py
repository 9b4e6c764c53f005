"""The command ``explore``: serve the pages, and a run, until Ctrl-C.

The studies are not imported before a run is opened, so that the first page is there soon.
"""

import argparse
import contextlib
import os
import sys
import webbrowser

from toylab.cli.stop import Stop
from toylab.errors import ToylabError

from .server import Server, pages


def explore(args: argparse.Namespace, stop: Stop) -> int:
    """Serve the pages, and a run if one is named, and open them in a browser."""
    name, table = None, {}
    if args.run:
        from .run import questions

        name, table = questions(args.run)
    server = Server({**pages(name), **table}, _port(args.port))
    print(f"{server.url} shows {name or 'the laboratory'}; Ctrl-C ends it.", flush=True)
    if not args.no_browser and _can_show():
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(server.url)
    with server:
        server.serve_forever()
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 65_536):
        raise ToylabError(f"--port {text[:50]!r} is no port; give a whole number up to 65535.")
    return int(text)


def _can_show() -> bool:
    """Whether somebody sits at a screen: no browser is started in a terminal, or for a program."""
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY")
    return sys.stdout.isatty() and bool(screen or os.environ.get("WAYLAND_DISPLAY"))
