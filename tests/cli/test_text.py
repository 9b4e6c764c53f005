"""What is printed: no control character, any encoding, at most two lines of error."""

import io
import json
import os
import signal
import sys

import pytest

from toylab.cli import commands, main, tables
from toylab.cli.stop import Stop
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


def test_an_interrupt_that_breaks_an_import_is_told(monkeypatch, capsys):
    def breaks(args, stop):
        stop.signum = signal.SIGTERM
        raise AttributeError("partially initialized module 'jax'")

    monkeypatch.setitem(commands.TABLE, "list", breaks)
    assert main.main(["list"]) == 143
    assert capsys.readouterr().err == "toylab: stopped at once.\n"


def test_a_signal_while_the_libraries_are_imported_ends_the_process(monkeypatch, capfd):
    def leaves(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leaves)
    stop = Stop()
    stop.importing = True
    with pytest.raises(SystemExit, match="130"):
        stop.handle(signal.SIGINT, None)
    assert capfd.readouterr().err == "toylab: stopped at once.\n"


def test_an_interrupt_lost_in_a_callback_is_not_printed(capsys):
    class Loud:
        def __del__(self):
            raise KeyboardInterrupt

    hook = sys.unraisablehook
    with Stop().installed():
        loud = Loud()
        del loud
    assert capsys.readouterr().err == "" and sys.unraisablehook is hook
