"""A server for one reader: it binds to loopback, answers its own pages alone, and never writes.

What may be read is a table made when it starts, not a path made from what is asked: nothing outside
the table can be reached. Pages of other hosts are refused, by the names that their browser gives
(``Host``, against names that are made to point here; ``Origin`` and ``Sec-Fetch-Site``, against
pages that ask across).
"""

import hashlib
import html
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from toylab.errors import ToylabError

LOOPBACK = "127.0.0.1"
SITE = Path(__file__).parent / "site"
EXHIBITS = Path(__file__).parent / "exhibits"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".safetensors": "application/octet-stream",
}
# Scripts and styles from here alone; WebAssembly is compiled in the page. A notebook of this
# machine may frame a page.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
MARK = '<meta name="toylab-run" content="" />'


class Answer(NamedTuple):
    """What is sent: bytes, and of which type."""

    body: bytes
    type: str


Question = Callable[[Mapping[str, str]], Answer]
"""Answers a query, the part of an address after ``?``."""


def as_json(value: Any) -> Answer:
    """Return an answer in JSON; numbers that are not finite must have become None before."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Answer(text.encode(), TYPES[".json"])


def pages(run: str | None = None, site: Path = SITE) -> dict[str, Question]:
    """Return the shipped pages and trained networks by path, the first page told of the open run.

    Args:
        run: name of the open run, if there is one.
        site: the built files.

    Raises:
        ToylabError: they are not there.
    """
    if not (site / "index.html").is_file():
        raise ToylabError(f"{site}: no built pages; 'npm ci && npm run build' in web/ makes them.")
    table: dict[str, Question] = {}
    for path in sorted([*site.iterdir(), *EXHIBITS.glob("*.safetensors")]):
        body = path.read_bytes()
        if path.name == "index.html":
            told = f'<meta name="toylab-run" content="{html.escape(run or "")}" />'
            body = body.replace(MARK.encode(), told.encode())
        kind = TYPES.get(path.suffix, "application/octet-stream")
        table[f"/{path.name}"] = _always(Answer(body, kind))
    table["/"] = table["/index.html"]
    return table


def _always(answer: Answer) -> Question:
    return lambda query: answer


class Server(ThreadingHTTPServer):
    """Serves a table of questions on loopback.

    Args:
        table: what can be asked, by path.
        port: where; 0 is any free one.

    Raises:
        ToylabError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, table: Mapping[str, Question], port: int = 0):
        self.table = table
        try:
            super().__init__((LOOPBACK, port), Handler)
        except (OSError, OverflowError) as error:
            raise ToylabError(
                f"Port {port} of this machine cannot be had ({error}); give another --port."
            ) from None
        names = (LOOPBACK, "localhost", "[::1]")
        self.hosts = {f"{name}:{self.server_port}" for name in names}

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that closes a connection is no mistake of the user."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "toylab", ""
    timeout = 30
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Answer, if it is a page of ours that asks for something in the table."""
        if refusal := self._refusal():
            return self._say(HTTPStatus.FORBIDDEN, refusal)
        address = urlsplit(self.path)
        question = self.server.table.get(unquote(address.path))
        if question is None:
            return self._say(HTTPStatus.NOT_FOUND, "There is nothing of this name here.")
        try:
            answer = question(dict(parse_qsl(address.query)))
        except ToylabError as error:
            return self._say(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except Exception as error:  # a defect of ours: the page says so, and the server lives on
            return self._say(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}")
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        if self.headers.get("If-None-Match") == tag:
            return self._send(HTTPStatus.NOT_MODIFIED, Answer(b"", answer.type), tag)
        return self._send(HTTPStatus.OK, answer, tag)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Refuse: nothing here can be written."""
        self.close_connection = True  # what the request brings stays unread
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, "Nothing here can be changed.", Allow="GET, HEAD")

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_CONNECT = do_TRACE = do_POST

    def _refusal(self) -> str:
        """Why a request is not one of our own pages, or of a reader; empty if it is."""
        if self.headers.get("Host", "") not in self.server.hosts:
            return f"This server answers as {self.server.url} alone."
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
            return "Pages of other hosts may not read this."
        site, mode = (self.headers.get(f"Sec-Fetch-{name}", "") for name in ("Site", "Mode"))
        if site in ("cross-site", "same-site") and mode != "navigate":
            return "Pages of other hosts may not read this."
        return ""

    def _say(self, status: HTTPStatus, text: str, **headers: str) -> None:
        answer = as_json({"error": text})
        self._send(status, answer, **headers)

    def _send(self, status: HTTPStatus, answer: Answer, tag: str = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in (HEADERS | headers).items():
            self.send_header(name, value)
        if tag:
            self.send_header("ETag", tag)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status != HTTPStatus.NOT_MODIFIED:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet."""
