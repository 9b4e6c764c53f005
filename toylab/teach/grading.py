"""Running lessons and submissions: each in a process with limits, the others unharmed."""

import csv
import dataclasses
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from toylab.errors import ToylabError
from toylab.runs.atomic import write_text
from toylab.teach.exercises import REPORT
from toylab.teach.lessons import Lesson
from toylab.teach.notebooks import from_ipynb

POLL = 0.2  # seconds between looks at a child's memory


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a script.

    Attributes:
        right: exercise by exercise, what the last check said.
        errors: of cells, with their lines.
        stopped: why it was stopped, or None.
        seconds: it took.
        peak: memory in MB, where the system tells.
    """

    right: dict[str, bool]
    errors: tuple[str, ...]
    stopped: str | None
    seconds: float
    peak: float


def run_script(source: str, *, seconds: float = 600, megabytes: float = 4096) -> Outcome:
    """Run a percent script in a process of its own and collect its checks.

    Args:
        source: the script.
        seconds: after which it is stopped.
        megabytes: of memory, beyond which it is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="toylab-course-") as scratch:
        folder = Path(scratch) / "work"
        folder.mkdir()
        script, report = Path(scratch) / "script.py", Path(scratch) / "report.jsonl"
        script.write_text(source, "utf-8")
        report.touch()
        own = {REPORT: str(report), "MPLBACKEND": "Agg", "TMPDIR": scratch}
        command = [sys.executable, "-m", "toylab.teach.child", str(script), str(folder)]
        begun = time.monotonic()
        with open(Path(scratch) / "output", "wb") as output:
            child = subprocess.Popen(
                command, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            stopped, peak = _watch(child, seconds, megabytes)
        took = time.monotonic() - begun
        lines = [json.loads(line) for line in report.read_text("utf-8").splitlines() if line]
        if child.returncode and not stopped:
            stopped = f"its process ended with status {child.returncode}"
            said = (Path(scratch) / "output").read_text("utf-8", "replace").split()
            stopped += f": ... {' '.join(said)[-300:]}" if said else ""
        right = {entry["exercise"]: entry["right"] for entry in lines if "exercise" in entry}
        errors = tuple(f"line {e['line']}: {e['error']}" for e in lines if "error" in e)
        return Outcome(right, errors, stopped, took, peak)


def _watch(
    child: subprocess.Popen[bytes], seconds: float, megabytes: float
) -> tuple[str | None, float]:
    """Wait for a child; stop it when it takes too long or too much."""
    end, peak, stopped = time.monotonic() + seconds, 0.0, None
    while child.poll() is None and not stopped:
        peak = max(peak, _memory(child.pid))
        if peak > megabytes:
            stopped = f"it took more than {megabytes:g} MB"
        elif time.monotonic() > end:
            stopped = f"it took longer than {seconds:g} s"
        else:
            time.sleep(POLL)
    if stopped:
        child.kill()
    child.wait()
    return stopped, peak


def _memory(pid: int) -> float:
    """Resident memory of a process in MB; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0.0
    rows = [line.split() for line in status.splitlines() if line.startswith("VmRSS")]
    return float(rows[0][1]) / 1024 if rows else 0.0


def grade(
    which: Lesson, folder: Path, *, seconds: float = 600, megabytes: float = 4096
) -> list[dict[str, str]]:
    """Run every submission of a folder, and write ``grades.csv`` beside them.

    Args:
        which: the lesson that was handed out.
        folder: submissions, ``.py`` or ``.ipynb``, each named by its student.
        seconds, megabytes: limits of each.

    Returns:
        A row per submission: student, points, of, each exercise (1 or 0), and a remark.

    Raises:
        ToylabError: no folder, or no submissions in it.
    """
    files = sorted(p for p in folder.glob("*") if p.suffix in (".py", ".ipynb"))
    if not files:
        raise ToylabError(f"{folder} holds no submissions; they end with .py or .ipynb.")
    rows: list[dict[str, str]] = []
    for path in files:  # each is kept at once: a class takes long
        rows.append(_row(which, path, seconds, megabytes))
        write_text(folder / "grades.csv", _csv(rows))
    return rows


def _csv(rows: list[dict[str, str]]) -> str:
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def _row(which: Lesson, path: Path, seconds: float, megabytes: float) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
        source = from_ipynb(text) if path.suffix == ".ipynb" else text
    except (ToylabError, ValueError, OSError) as error:
        found = Outcome({}, (), f"it cannot be read: {error}", 0.0, 0.0)
    else:
        found = run_script(source, seconds=seconds, megabytes=megabytes)
    marks = {name: str(int(found.right.get(name, False))) for name in which.exercises}
    points = sum(map(int, marks.values()))
    remark = found.stopped or "; ".join(found.errors[:2])
    head = {"student": path.stem, "points": str(points), "of": str(len(marks))}
    return head | marks | {"remark": remark}


def problems_of(which: Lesson, *, seconds: float = 600) -> list[str]:
    """Return what is wrong with a lesson: solutions that fail, and checks that pass unanswered.

    Args:
        which: the lesson.
        seconds: that either form may take.
    """
    from toylab.teach.notebooks import solved, unsolved

    problems = []
    full, empty = (run_script(form(which.text), seconds=seconds) for form in (solved, unsolved))
    for name, found in (("solved", full), ("student's", empty)):
        problems += [f"the {name} form was stopped: {found.stopped}"] if found.stopped else []
    problems += [f"the solved form fails at {error}" for error in full.errors]
    for exercise in which.exercises:
        if not full.right.get(exercise):
            problems.append(f"the solution of {exercise!r} is not right")
        if empty.right.get(exercise, False):
            problems.append(f"{exercise!r} passes unanswered")
    return problems


def summary(rows: Sequence[dict[str, str]]) -> str:
    """Return in a line how many submissions were graded, and how many were stopped."""
    points = [int(row["points"]) for row in rows]
    return f"{len(rows)} submissions, {sum(points) / len(points):.1f} of {rows[0]['of']} on average"
