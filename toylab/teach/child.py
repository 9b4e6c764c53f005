"""What runs a submission, in a process of its own: cells in order, each error kept.

    python -m toylab.teach.child SOURCE FOLDER

Writes outside the folder, processes and connections are refused through an audit hook. That stops
accidents and mischief of a student's Python code, not an attacker with C.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from toylab.teach.exercises import REPORT
from toylab.teach.notebooks import cells

CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate")
# Which arguments are paths that change, where it is not the first alone.
PLACES = {"os.rename": slice(2), "os.link": slice(2), "os.symlink": slice(1, 2)}
FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
)


def guard(roots: list[Path]) -> None:
    """Refuse from now on what would change anything outside of some folders.

    Args:
        roots: where files may be written.
    """
    allowed = [os.path.realpath(root) for root in roots]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise PermissionError(f"{event} is not for exercises")
        writes = event in CHANGES
        if event == "open":
            mode, flags = args[1], args[2]
            changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
            writes = bool(mode and set(mode) & set("wax+")) or bool((flags or 0) & changing)
        touched = args[PLACES.get(event, slice(1))] if writes else ()
        for path in touched:
            if path is not None and not _within(path, allowed):
                raise PermissionError(f"writing to {path!r}, outside of the exercise's folder")

    sys.addaudithook(hook)


def _within(path: Any, roots: list[str]) -> bool:
    """Whether a path, or a file that is open already, lies in one of some folders."""
    if isinstance(path, int) or os.fspath(path) in (os.devnull, b"/dev/null"):
        return True
    whole = os.path.realpath(os.fsdecode(path))
    return any(os.path.commonpath([whole, root]) == root for root in roots)


def run(source: Path, folder: Path) -> None:
    """Run every cell of a percent script and append each error to the report.

    Args:
        source: the script.
        folder: where it may write.
    """
    import matplotlib
    import matplotlib.pyplot

    import toylab

    toylab.setup()
    sys.dont_write_bytecode = True
    text = source.read_text("utf-8")
    os.chdir(folder)
    report = open(os.environ[REPORT], "a", encoding="utf-8")  # before the guard
    guard([folder, Path(tempfile.gettempdir()), Path(matplotlib.get_cachedir())])
    scope: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(text):
        if cell.kind == "code":
            warnings.resetwarnings()
            warnings.simplefilter("ignore")  # Agg cannot show
            try:
                exec(compile("\n" * (cell.line - 1) + cell.text, source.name, "exec"), scope)
            except BaseException as error:
                told = f"{type(error).__name__}: {error}"[:300]
                report.write(json.dumps({"line": cell.line, "error": told}) + "\n")
                report.flush()
            matplotlib.pyplot.close("all")


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
