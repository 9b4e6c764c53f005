"""The local server: it answers its own pages alone, and nothing can be written or climbed to."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.docs.browser import chromium, opened
from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.web.server import MARK, SITE, Server, as_json, pages


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with the shipped pages, and a question that fails."""

    def broken(query: object) -> None:
        raise ZeroDivisionError("a defect")

    def refused(query: object) -> None:
        raise ToylabError("say it otherwise")

    table = {**pages("a <run>"), "/api/broken": broken, "/api/refused": refused}
    with Server(table) as found:  # pyright: ignore[reportArgumentType]
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


def ask(server: Server, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Send one request, with exactly these headers besides the host's name."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    link.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        link.putheader(name.replace("_", "-"), value)
    link.endheaders()
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def test_it_serves_the_shipped_pages_and_names_the_run(server: Server):
    status, body = ask(server)
    assert status == 200 and b'content="a &lt;run&gt;"' in body
    assert MARK in (SITE / "index.html").read_text()
    for name in ("index.js", "worker.js", "index.css"):
        assert ask(server, f"/{name}") == (200, (SITE / name).read_bytes())
    assert ask(server, "/", "HEAD") == (200, b"")


def test_it_binds_to_loopback_alone(server: Server):
    assert server.server_address[0] == "127.0.0.1"
    for host in {socket.gethostbyname(socket.gethostname())} - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((host, server.server_port), timeout=2).close()


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/%2e%2e/server.py",
        "/..%2fserver.py",
        "//etc/passwd",
        "/index.html/../../server.py",
        "/site/index.html",
        "/index.js%00.html",
        "/" + quote(str(Path(__file__).resolve())),
        "/INDEX.HTML",
    ],
)
def test_nothing_outside_its_table_is_there(server: Server, path: str):
    status, body = ask(server, path)
    assert status == 404 and "error" in json.loads(body)


HOSTS = ("evil.example", "127.0.0.1", "localhost.evil.example", "", "10.0.0.1")


@pytest.mark.parametrize("host", HOSTS)
def test_names_that_were_made_to_point_here_are_refused(server: Server, host: str):
    for port in ("", f":{server.server_port}"):
        if (status := ask(server, Host=host + port)[0]) == 200:
            assert host == "127.0.0.1" and port
        else:
            assert status == 403


def test_pages_of_other_hosts_are_refused(server: Server):
    mine = f"127.0.0.1:{server.server_port}"
    assert ask(server, Origin=f"http://{mine}")[0] == 200
    assert ask(server, Host=f"localhost:{server.server_port}")[0] == 200
    for origin in ("http://evil.example", "null", f"https://{mine}", f"http://{mine}.evil.example"):
        assert ask(server, Origin=origin)[0] == 403
    for site in ("cross-site", "same-site"):
        refused = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors"}
        assert ask(server, "/index.js", **refused)[0] == 403
        assert ask(server, **refused | {"Sec_Fetch_Mode": "navigate"})[0] == 200  # a link


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(server: Server, method: str):
    status, body = ask(server, "/", method)
    assert status == 405 and "error" in json.loads(body)


def test_unknown_methods_and_nonsense_leave_it_alive(server: Server):
    assert ask(server, "/", "BREW")[0] == 501
    for junk in (
        b"\0\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET " + b"/" * 70_000 + b"\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as link:
            link.sendall(junk)
            link.recv(100)
    assert ask(server)[0] == 200


def test_mistakes_are_said(server: Server):
    status, body = ask(server, "/api/refused")
    assert (status, json.loads(body)) == (422, {"error": "say it otherwise"})
    status, body = ask(server, "/api/broken")
    assert (status, json.loads(body)) == (500, {"error": "ZeroDivisionError: a defect"})


def test_headers_keep_a_page_to_itself(server: Server):
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    link.request("GET", "/worker.js")
    answer = link.getresponse()
    answer.read()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    link.request("GET", "/worker.js", headers={"If-None-Match": answer.headers["ETag"]})
    again = link.getresponse()
    assert again.status == 304 and not again.read()
    link.close()


def test_a_taken_port_and_a_lost_site_are_said(server: Server, tmp_path: Path):
    server_two = None
    with pytest.raises(ToylabError, match="--port"):
        server_two = Server({}, 99_999)
    assert server_two is None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ToylabError, match="--port"):
            Server({}, taken.getsockname()[1])
    with pytest.raises(ToylabError, match="npm ci"):
        pages(site=tmp_path)


def test_json_holds_no_number_that_is_none():
    with pytest.raises(ValueError, match="Out of range"):
        as_json({"loss": float("nan")})


def test_the_command_prints_the_address_and_ends_with_ctrl_c():
    words = [sys.executable, "-m", "toylab", "explore", "--no-browser"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", "/")
    assert link.getresponse().status == 200
    link.close()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in out + err


@pytest.mark.parametrize("port", ["-1", "x", "70000", "1.5", "²", "٣", "9" * 5000])
def test_a_wrong_port_is_said(port: str, capsys: pytest.CaptureFixture[str]):
    assert main(["explore", f"--port={port}"]) == 1
    assert "--port" in capsys.readouterr().err


def test_the_shipped_pages_train_in_a_browser(server: Server, tmp_path: Path):
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    with opened(program, tmp_path) as browser:
        browser.goto(f"{server.url}#/superposition")
        browser.until("/step [1-9]/.test(document.querySelector('.count')?.textContent)")
        assert browser.errors == []
        hosts = {url.split("/")[2] for url in browser.asked if url.startswith("http")}
        assert hosts == {f"127.0.0.1:{server.server_port}"}
