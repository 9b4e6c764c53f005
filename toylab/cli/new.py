"""``toylab new NAME``: a study of one file that runs as it stands, to be changed piece by piece."""

import keyword
import sys
from importlib import resources
from importlib.machinery import PathFinder
from pathlib import Path

from toylab.errors import ToylabError
from toylab.runs.atomic import write_text
from toylab.study import study_names


def new_study(name: str, folder: Path = Path()) -> Path:
    """Write ``NAME.py``, a world, claims and a figure, into a folder; return its path.

    Raises:
        ToylabError: the name is no name of a module, or is taken.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ToylabError(
            f"{name!r} cannot name a study: give a letter, then letters, digits and underscores, "
            "and no word of Python's own."
        )
    if name in study_names():
        raise ToylabError(f"A study of the laboratory is called {name!r} already; name another.")
    path = folder / f"{name}.py"
    if path.exists():
        raise ToylabError(f"{path} exists already; name the study otherwise.")
    if name in sys.stdlib_module_names or PathFinder.find_spec(name):
        raise ToylabError(f"A module of Python is called {name!r}; name the study otherwise.")
    text = resources.files("toylab.cli").joinpath("template.txt").read_text("utf-8")
    return write_text(path, text.replace("NAME", name))
