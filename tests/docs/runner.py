"""Run the code of a page: its Python blocks in order, its commands, what they should print.

    <!-- not run: why -->      before a block that is only read
    <!-- file: name.py -->     before a block that is written there, and run too

A block of the kind ``text`` after one of Python holds what that prints, with ``...`` for anything.
"""

import contextlib
import dataclasses
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toylab.cli.main import main

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK = re.compile(r"(?:<!-- (not run|file): (.+?) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        kind: its language.
        text: what is in it.
        line: of its first line.
        skipped: why it is not run.
        file: where it is written, too.
    """

    kind: str
    text: str
    line: int
    skipped: str = ""
    file: str = ""


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in BLOCK.finditer(page):
        mark, value, kind, text = found.groups()
        line = page.count("\n", 0, found.start(4)) + 1
        about = {"not run": "skipped", "file": "file"}
        yield Block(kind, text, line, **({about[mark]: value} if mark else {}))


def run_page(path: Path) -> None:
    """Run a page in the folder at hand.

    Raises:
        AssertionError: a command failed, or something else was printed.
    """
    names: dict[str, Any] = {"__name__": "page"}
    told = ""
    for block in blocks(path.read_text("utf-8")):
        place = f"{path.name}:{block.line}"
        if block.kind == "text" and told:
            right = doctest.OutputChecker().check_output(block.text, told, FLAGS)
            assert right, f"{place}: printed\n{told}in place of\n{block.text}"
        told = ""
        if block.skipped:
            continue
        if block.file:
            Path(block.file).write_text(block.text, "utf-8")
        if block.kind == "python":
            told = _python(block, path, names)
        elif block.kind == "bash":
            _commands(block, place)


def _python(block: Block, path: Path, names: dict[str, Any]) -> str:
    code = compile("\n" * (block.line - 1) + block.text, str(path), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, names)
    return out.getvalue()


def _commands(block: Block, place: str) -> None:
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] == "toylab", f"{place}: {line} is not run; say so before the block."
            with contextlib.redirect_stdout(io.StringIO()):
                assert main(words[1:]) == 0, f"{place}: {line}"
