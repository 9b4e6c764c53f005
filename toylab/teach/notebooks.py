"""Lessons as plain text: cells in the percent format, with a student's form and a solved one.

A lesson is a Python file that Jupyter (with jupytext), VS Code and Spyder open as a notebook:

    # %% [markdown]
    # Text.
    # %%
    code()

What only the solved form holds stands between ``# <solution>`` and ``# </solution>``; what the
student's form has in its place stands in comments after ``# student:``.
"""

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

from toylab.errors import ToylabError

OPEN, CLOSE, STUDENT = "# <solution>", "# </solution>", "# student:"


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a notebook.

    Attributes:
        kind: ``markdown`` or ``code``.
        text: its source, without comment signs where it is Markdown.
        line: of its first line in the file.
    """

    kind: str
    text: str
    line: int


def cells(source: str) -> list[Cell]:
    """Split a percent script into cells; what stands before the first is left out."""
    found: list[Cell] = []
    kind, lines, first = "", [], 0
    for number, line in enumerate([*source.splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        text = "\n".join(lines).strip("\n")
        if kind and text:
            text = re.sub(r"(?m)^# ?", "", text) if kind == "markdown" else text
            found.append(Cell(kind, text, first))
        kind, lines, first = "markdown" if "[markdown]" in line else "code", [], number + 1
    return found


def solved(source: str) -> str:
    """Return a lesson with its solutions, and without what stands for them.

    Example:
        >>> print(solved("# <solution>\\nx = 4\\n# </solution>\\n# student: x = ..."))
        x = 4
    """
    _check(source)
    marks = re.compile(rf"\s*({re.escape(OPEN)}|{re.escape(CLOSE)}|{re.escape(STUDENT)})")
    return "\n".join(line for line in source.splitlines() if not marks.match(line))


def unsolved(source: str) -> str:
    """Return a lesson as a student gets it.

    Example:
        >>> print(unsolved("# <solution>\\nx = 4\\n# </solution>\\n# student: x = ..."))
        x = ...

    Raises:
        ToylabError: a solution that does not end, or one inside another.
    """
    _check(source)
    lines, inside = [], False
    for line in source.splitlines():
        text = line.strip()
        if text in (OPEN, CLOSE):
            inside = text == OPEN
        elif text.startswith(STUDENT):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append((indent + text.removeprefix(STUDENT)[1:]).rstrip())
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _check(source: str) -> None:
    marks = [line.strip() for line in source.splitlines() if line.strip() in (OPEN, CLOSE)]
    if marks != [OPEN, CLOSE] * (len(marks) // 2):
        raise ToylabError(f"a lesson's solutions must each begin with {OPEN} and end with {CLOSE}.")


def ipynb(source: str, title: str) -> str:
    """Return a percent script as a Jupyter notebook (format 4.5), without outputs.

    Args:
        source: of :func:`solved` or :func:`unsolved`.
        title: kept in the metadata.
    """
    made: list[dict[str, Any]] = []
    for place, cell in enumerate(cells(source)):
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": f"cell-{place}", "metadata": {}}
        entry["source"] = cell.text.splitlines(keepends=True)
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
        made.append(entry)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}, "title": title}
    whole = {"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def from_ipynb(text: str) -> str:
    """Return a notebook's code as a percent script, for grading.

    Raises:
        ToylabError: it is no notebook.
    """
    try:
        entries = json.loads(text)["cells"]
        code = ["".join(e["source"]) for e in entries if e["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ToylabError(f"it is no notebook ({type(error).__name__}).") from None
    return "".join(f"# %%\n{part}\n" for part in _plain(code))


def _plain(code: Iterable[str]) -> Iterable[str]:
    """Cells without the lines that only a notebook understands."""
    for part in code:
        yield re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", part)
