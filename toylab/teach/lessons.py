"""The lessons of the course: found by folder, handed out in two forms."""

import dataclasses
import re
from pathlib import Path

from toylab import __version__
from toylab.errors import ToylabError
from toylab.load import room
from toylab.runs.atomic import write_text
from toylab.teach import notebooks

FOLDER = re.compile(r"lesson_(\d\d)_(\w+)")


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A lesson of the course.

    Attributes:
        number: its place, from 1.
        name: of its folder, without the number.
        source: its file, with solutions.
    """

    number: int
    name: str
    source: Path

    @property
    def text(self) -> str:
        """The lesson, with its marks."""
        return self.source.read_text("utf-8")

    @property
    def title(self) -> str:
        """The heading of its first cell."""
        found = re.search(r"(?m)^# # (.+)$", self.text)
        return found[1] if found else self.name

    @property
    def exercises(self) -> list[str]:
        """Names of its exercises, in the order in which they are asked."""
        return list(dict.fromkeys(re.findall(r'(?m)^check\("(\w+)"', self.text)))


def lessons() -> dict[int, Lesson]:
    """Return the lessons by number."""
    found = {}
    for folder in sorted(room("course").glob("lesson_*")):
        match = FOLDER.fullmatch(folder.name)
        if match and (folder / "lesson.py").is_file():
            number = int(match[1])
            found[number] = Lesson(number, match[2], folder / "lesson.py")
    return found


def lesson(number: int) -> Lesson:
    """Return one lesson.

    Raises:
        ToylabError: there is none of that number.
    """
    known = lessons()
    if number not in known:
        told = ", ".join(map(str, known)) or "none"
        raise ToylabError(f"There is no lesson {number}; there are {told}.")
    return known[number]


def hand_out(which: Lesson, folder: Path, *, solutions: bool = False) -> list[Path]:
    """Write a lesson as a percent script and as a notebook.

    Args:
        which: the lesson.
        folder: where; it is made if need be.
        solutions: with the answers.

    Raises:
        ToylabError: a file of that name is there, perhaps with a student's work in it.
    """
    form = notebooks.solved if solutions else notebooks.unsolved
    # Said before the first cell that could fail.
    text = form(which.text).replace("\n\n# %%\n", f"\n#\n# {_made_by()}\n\n# %%\n", 1)
    stem = f"{which.number:02d}_{which.name}" + ("_solved" if solutions else "")
    files = {
        folder / f"{stem}.py": text,
        folder / f"{stem}.ipynb": notebooks.ipynb(text, which.title),
    }
    for path in files:
        if path.exists():
            raise ToylabError(f"{path} is there already; move it, or give another --to.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write_text(path, content.rstrip("\n") + "\n")
    return list(files)


def _made_by() -> str:
    return (
        f"*Made by toylab {__version__}. If an import fails, install that version, or get the "
        "lesson again with yours: `toylab course get`.*"
    )
