"""The command ``course``: hand lessons out, show them, test them, grade what comes back."""

import argparse
import dataclasses
import json
from pathlib import Path

from toylab.cli import tables
from toylab.cli.stop import Stop
from toylab.errors import ToylabError, nearest
from toylab.runs.atomic import write_text
from toylab.study import parse
from toylab.teach import grading, pictures
from toylab.teach.lessons import Lesson, hand_out, lesson, lessons
from toylab.teach.slides import deck

ACTIONS = ("list", "get", "slides", "test", "grade")


def course(args: argparse.Namespace, stop: Stop) -> int:
    """List the lessons, write one or its slides, test them, or grade a folder of submissions."""
    if args.action not in ACTIONS:
        raise ToylabError(f"Unknown action {args.action!r}: {nearest(args.action, ACTIONS)}")
    table = {"list": _list, "get": _get, "slides": _slides, "test": _test, "grade": _grade}
    return table[args.action](args)


def _list(args: argparse.Namespace) -> int:
    found = list(lessons().values())
    if args.json:
        about = [dataclasses.asdict(each) | {"title": each.title} for each in found]
        print(json.dumps(about, indent=2, default=str))
        return 0
    rows = [(each.number, each.title, len(each.exercises)) for each in found]
    tables.show(tables.table(("lesson", "title", "exercises"), rows, right=("exercises",)))
    return 0


def _get(args: argparse.Namespace) -> int:
    paths = hand_out(_chosen(args), Path(args.to), solutions=args.solutions)
    tables.show(*(f"Wrote {path}" for path in paths))
    return 0


def _slides(args: argparse.Namespace) -> int:
    which, folder = _chosen(args), Path(args.to)
    path = folder / f"{which.number:02d}_{which.name}_slides.html"
    if path.exists():
        raise ToylabError(f"{path} is there already; move it, or give another --to.")
    shown = pictures.shown_by(which.text) if args.pictures else {}
    made = deck(which.text, which.title, solutions=args.solutions, shown=shown)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, made)
    tables.show(f"Wrote {path}; a browser shows it, without a network.")
    return 0


def _test(args: argparse.Namespace) -> int:
    """Run lessons in both forms; 1 when a solution fails or a check passes unanswered."""
    found = [_chosen(args)] if args.number else list(lessons().values())
    seconds, broken = parse("--seconds", args.seconds, 600.0), 0
    for each in found:
        problems = grading.problems_of(each, seconds=seconds)
        told = [f"BROKEN  {problem}" for problem in problems] or ["ok"]
        tables.show(f"{each.number} {each.title}", *told)
        broken += bool(problems)
    return 1 if broken else 0


def _grade(args: argparse.Namespace) -> int:
    which = _chosen(args)
    if not args.folder or not Path(args.folder).is_dir():
        raise ToylabError(f"'toylab course grade {which.number} FOLDER' needs a folder.")
    limits = {
        "seconds": parse("--seconds", args.seconds, 600.0),
        "megabytes": parse("--megabytes", args.megabytes, 4096.0),
    }
    rows = grading.grade(which, Path(args.folder), **limits)
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    cells = [tuple(row.values()) for row in rows]
    tables.show(tables.table(tuple(rows[0]), cells), "", grading.summary(rows))
    tables.show(f"Wrote {Path(args.folder) / 'grades.csv'}")
    return 0


def _chosen(args: argparse.Namespace) -> Lesson:
    if args.number is None:
        raise ToylabError(f"'toylab course {args.action}' needs a lesson's number; see the list.")
    return lesson(parse("lesson", args.number, 1))
