"""A headless Chromium that pages can be read and clicked in, over a pipe and without a driver."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic "
    "--no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--disable-extensions --hide-scrollbars --remote-debugging-pipe"
).split()
# The centre of the first link that is seen and says this, or None.
LINK = """(() => {
  for (const link of document.querySelectorAll('a')) {
    const said = link.innerText.trim().replace(/\\s+/g, ' ').toLowerCase();
    if (!said.includes(TEXT) || !link.getClientRects().length) continue;
    link.scrollIntoView({block: 'center', behavior: 'instant'});
    const box = link.getClientRects()[0];
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    if (link.contains(document.elementFromPoint(x, y))) return [x, y];
  }
  return null;
})()"""


def chromium() -> str | None:
    """Where Chromium is, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab.

    Attributes:
        errors: exceptions that scripts of its pages threw.
        asked: addresses that its pages asked for.
    """

    def __init__(self, read: int, write: int, seconds: float = 60.0):
        self._read, self._write, self._seconds = read, write, seconds
        self._buffer, self._count, self._session = b"", 0, ""
        self.errors: list[str] = []
        self.asked: list[str] = []
        self._loads = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        """The next message, noted where it is an event."""
        end = time.monotonic() + self._seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            got = os.read(self._read, 1 << 20)
            assert got, "the browser has ended"
            self._buffer += got
        first, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(first)
        about = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(about["exceptionDetails"])[:500])
        elif message.get("method") == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
        elif message.get("method") == "Page.loadEventFired":
            self._loads += 1
        return message

    def _loaded(self, before: int) -> None:
        while self._loads == before:
            self._next()

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window a size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def goto(self, address: str) -> None:
        """Open a page and wait for it."""
        before = self._loads
        self.call("Page.navigate", url=address)
        self._loaded(before)

    def value(self, script: str) -> Any:
        """What an expression of JavaScript is worth."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until an expression is worth something, and return that."""
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            if found := self.value(script):
                return found
            time.sleep(0.1)
        raise AssertionError(f"the page never had {script}")

    def click(self, text: str) -> None:
        """Click on the first link in sight that says a text, and wait for its page."""
        place = self.value(LINK.replace("TEXT", json.dumps(text.lower())))
        assert place, f"no link in sight says {text!r}"
        before = self._loads
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip
        self._loaded(before)

    def type(self, text: str) -> None:
        """Type a text where the cursor stands, and Enter, which opens a page."""
        self.call("Input.insertText", text=text)
        before = self._loads
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r")
        self._loaded(before)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write a screenshot."""
        got = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(got["data"]))


@contextmanager
def opened(program: str, profile: Path) -> Iterator[Browser]:
    """Start Chromium with an empty profile, and end it."""
    to_read, to_write = os.pipe(), os.pipe()
    # Chromium reads file descriptor 3 and writes 4; high ones are in nobody's way meanwhile.
    theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_write[0], to_read[1])]
    moved = "".join(f"os.dup2({fd}, {place}); " for fd, place in zip(theirs, (3, 4), strict=True))
    words = [sys.executable, "-c", f"import os, sys; {moved}os.execv(sys.argv[1], sys.argv[1:])"]
    words += [program, *FLAGS, f"--user-data-dir={profile}"]
    with open(profile / "log", "wb") as log:
        process = subprocess.Popen(words, pass_fds=theirs, stdout=log, stderr=log)
    for fd in (*theirs, to_write[0], to_read[1]):
        os.close(fd)
    try:
        yield Browser(to_read[0], to_write[1])
    finally:
        os.close(to_read[0])
        os.close(to_write[1])
        process.kill()
        process.wait()
