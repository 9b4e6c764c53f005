"""Modules by name and by file: the laboratory's rooms, and Python files of the user's.

A user's file may import what lies beside it, whatever the folder it is called from; a file inside a
package (its folder has an ``__init__.py``) may also import relatively. A file of the laboratory is
the module that it is there.
"""

import collections
import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from toylab.errors import ToylabError

ROOMS = ("tasks", "studies", "figures", "course")
_brought: set[str] = set()  # what users' files brought in; another file may mean others by the name


def room(name: str) -> Path:
    """Folder of a room of the laboratory, in a checkout or installed."""
    return Path(str(importlib.import_module(f"toylab.{name}").__file__)).parent


def catalogue(name: str, pattern: str) -> dict[str, str]:
    """Modules of a room of the laboratory, by name.

    Args:
        name: ``tasks``, ``studies``, ``figures`` or ``benchmarks``.
        pattern: glob of the files below the room; a file ``study.py`` bears its folder's name.

    Returns:
        ``{name: dotted module}``, sorted by name. A name that two families have is preceded by its
        family: ``successor.lists``.
    """
    folder, found = room(name), collections.defaultdict(list)
    for path in folder.glob(pattern):
        parts = path.relative_to(folder).with_suffix("").parts
        found[parts[-2 if path.stem == "study" else -1]].append(parts)
    dotted = lambda parts: ".".join(("toylab", name, *parts))
    full = {
        key if len(alike) == 1 else f"{parts[0]}.{key}": dotted(parts)
        for key, alike in found.items()
        for parts in alike
    }
    return dict(sorted(full.items()))


def load_module(path: Path) -> ModuleType:
    """Run a Python file of the user's and return its module.

    Raises:
        ToylabError: no such file, or it does not run; the line is named.
    """
    if not path.is_file():
        raise ToylabError(f"No file {path}.")
    whole = Path(os.path.abspath(path))
    try:
        return _in_laboratory(whole) or _run(whole)
    except SyntaxError as error:
        raise ToylabError(f"{error.filename or path}, line {error.lineno}: {error.msg}.") from None
    except ToylabError as error:
        raise ToylabError(f"{path}: {error}") from None
    except SystemExit as error:
        line = _line_of(error, whole)
        raise ToylabError(f"{path}{line}: it ends the process (sys.exit); take that out.") from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ToylabError(f"{path}{_line_of(error, whole)}: {what}") from error


def _in_laboratory(path: Path) -> ModuleType | None:
    for name in ROOMS:
        folder = room(name).resolve()
        if path.resolve().is_relative_to(folder):
            parts = path.resolve().relative_to(folder).with_suffix("").parts
            return importlib.import_module(".".join(("toylab", name, *parts)))
    return None


def _run(path: Path) -> ModuleType:
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    with _beside(folder):
        if len(parts) == 1:
            return _run_alone(path)
        if parts[0] in sys.modules and not _lies_in(folder, parts[0]):
            raise ToylabError(f"another package is called {parts[0]!r}; rename its folder.")
        return importlib.import_module(".".join(parts))


def _run_alone(path: Path) -> ModuleType:
    """Run a file as a module that its own classes can be looked up in."""
    name = path.stem if path.stem not in sys.modules else f"_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ToylabError("it is not a Python file.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    _brought.add(name)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Let a file import what lies beside it, afresh: not what another file had by that name."""
    for name in _brought:
        sys.modules.pop(name, None)
    _brought.clear()
    before = set(sys.modules)
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        new = set(sys.modules) - before
        _brought.update(name for name in new if _lies_in(folder, name.split(".")[0]))


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a module lies in the folder itself: an environment may lie further below it."""
    file = getattr(sys.modules.get(name), "__file__", None)
    own = (folder / f"{name}.py", folder / name / "__init__.py")
    return name != "toylab" and file is not None and Path(file) in own


def _line_of(error: BaseException, path: Path) -> str:
    """Say in which line of the file an error arose, if in any."""
    line, trace = 0, error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}" if line else ""
