"""What is printed: no control character, any encoding, at most two lines of error."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from toylab.cli import commands, main, start, tables
from toylab.cli.text import message, plain
from toylab.errors import ToylabError


@pytest.mark.parametrize("bad", ["\x1b[2J", "\x9b31m", "\x07", "\r", "\u202e", "\ud800", "\u2028"])
def test_control_characters_are_written_out(bad: str, capsys):
    assert "\\" in plain(bad) and plain(bad).isprintable()
    tables.show(f"a{bad}b", tables.table(("x",), [(f"c{bad}d",)]))
    commands._json([f"e{bad[0]}f"])
    out = capsys.readouterr().out
    assert bad[0] not in out or bad in "\u202e\u2028"  # JSON may hold them
    assert json.loads(out[out.index("[\n") :]) == [f"e{bad[0]}f"] or bad in "\u202e\ud800\u2028"


def test_a_message_has_two_lines_and_an_end():
    assert message("a\nb\nc\nd") == "a\nb c d"
    assert len(message("x" * 100_000)) < 3_000


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_shows_something(encoding: str, monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])

    def shows(args, stop):
        tables.show("ε → 1", tables.table(("ä…",), [("\udcff",)]))
        commands._json({"é": "\udcff"})
        raise ToylabError("→ ε")

    monkeypatch.setitem(commands.TABLE, "list", shows)
    assert main.main(["list"]) == 1
    out, err = (s.buffer.getvalue().decode(encoding) for s in streams if not s.flush())
    assert "toylab: " in err
    assert json.loads(out[out.index("{\n") :]) == {"é": "\udcff"}


@pytest.mark.parametrize("code", ["0", "'text'", "[]", ""])
def test_a_study_that_ends_the_process_is_told(code: str, monkeypatch, capsys):
    monkeypatch.setitem(
        commands.TABLE, "list", lambda args, stop: exec(f"raise SystemExit({code})")
    )
    assert main.main(["list"]) == 1
    assert "sys.exit" in capsys.readouterr().err
    assert main.main(["--help"]) == 0


def test_a_signal_before_anything_is_loaded_ends_the_process_with_a_line(monkeypatch, capfd):
    def leaves(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leaves)
    before = [signal.getsignal(signum) for signum in start.SIGNALS]
    try:
        start.quietly()
        for signum, status in ((signal.SIGINT, "130"), (signal.SIGTERM, "143")):
            with pytest.raises(SystemExit, match=status):
                os.kill(os.getpid(), signum)
            assert capfd.readouterr().err == "toylab: stopped at once.\n"
    finally:
        for signum, handler in zip(start.SIGNALS, before, strict=True):
            signal.signal(signum, handler)


def test_a_second_signal_ends_a_long_call_in_c(tmp_path):
    """Python's own handlers would wait until the call returns."""
    code = (
        "import hashlib, sys\n"
        "from toylab.cli.stop import Stop\n"
        "from toylab.show.tracker import Tracker\n"
        "with Stop().installed() as stop:\n"
        "    stop.tracker = Tracker()\n"
        "    stop.tracker.stage('measure')\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 1_000_000_000)\n"  # about five minutes
    )
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline() + process.stderr.readline() == ASKED
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert process.stderr.read() == b"toylab: stopped at once.\n"
    assert time.monotonic() - began < 60


ASKED = b"\ntoylab: stopping once the state is saved; press Ctrl-C again to stop now\n"
