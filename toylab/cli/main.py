"""The command line: what is asked for, and what the answer's exit status is.

0: done; 1: a mistake in the input, said in a line or two; 2: a command that cannot be read;
130 and 143: stopped by Ctrl-C or SIGTERM, with the state saved. A claim that is not reproduced
is a result, not a failure.

Nothing heavy is imported here, so that ``toylab --help`` answers at once.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from toylab.cli.stop import Stop
from toylab.cli.text import any_encoding, message

COMMANDS = {
    "list": "the studies that come with the laboratory",
    "info": "a study's paper, presets with settings and costs, and claims",
    "new": "write a study of your own that runs as it stands",
    "run": "train, measure, judge and draw a study",
    "sweep": "run a study over a grid of settings",
    "replicate": "run a study again with fresh seeds, beside its published verdicts",
    "resume": "continue a run that was stopped",
    "judge": "judge a run's claims again, without training",
    "draw": "draw a run's figures again, without training",
    "report": "a run as one HTML file, to send or to put on a web space",
    "table": "the table of reproductions, from the committed verdicts",
    "publish": "copy a finished run's verdicts and figures into the repository",
    "check": "hold a task to the rules every task must keep",
    "bench": "time the laboratory beside its peers",
    "course": "the lessons: list, get, slides, test, grade",
    "explore": "the laboratory in a browser: live playgrounds, and a run to look into",
}
FILE_MENDS = "check the path, its permissions and the space left on the disk"


class UsageError(Exception):
    """A command line that cannot be read."""


class Parser(argparse.ArgumentParser):
    """A parser that raises :class:`UsageError` and knows its options' names."""

    def __init__(self, **settings: Any):
        self.options: list[str] = []
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument and remember the options' names."""
        self.options += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise the message instead of printing the usage."""
        wrong = re.search(r"invalid choice: '(.*?)'", message)
        if wrong and "COMMAND" in message:
            message = f"unknown command {wrong[1]!r}: {near(wrong[1], COMMANDS)}"
        raise UsageError(f"{message} ('{self.prog} --help' explains)")


def near(name: str, known: Sequence[str] | dict[str, str]) -> str:
    """Return the near names, as :func:`toylab.errors.nearest`, which would import JAX."""
    found = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if found:
        return "did you mean " + " or ".join(repr(n) for n in found) + "?"
    return "known: " + ", ".join(known)


def parser() -> tuple[Parser, dict[str, Parser]]:
    """Build the parser; also return the commands' own parsers."""
    top = Parser(prog="toylab", description="A laboratory for toy models.")
    top.add_argument("--version", action="store_true", help="print the version")
    spread = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    subs = {n: spread.add_parser(n, help=text, description=text) for n, text in COMMANDS.items()}
    for name in ("info", "run", "sweep"):
        subs[name].add_argument("study", metavar="STUDY|FILE", help="a name, or your own .py file")
    for name in ("resume", "judge", "draw", "report", "publish"):
        subs[name].add_argument("run", metavar="RUN", help="a run folder")
    for name in ("resume", "judge", "draw", "report"):
        subs[name].add_argument(
            "--study", metavar="FILE", help="the study file, of a run that somebody else made"
        )
    for name in ("run", "resume", "sweep"):
        subs[name].add_argument(
            "--on",
            metavar="ENGINE",
            default="",
            help="train elsewhere: local:4 (processes), dask, dask:ADDRESS|FILE, slurm:8,queue=...",
        )
    subs["resume"].add_argument(
        "--adopt", action="store_true", help="go on although the study has changed since"
    )
    for name, sub in subs.items():
        if name not in ("publish", "new", "sweep", "report", "explore"):
            sub.add_argument("--json", action="store_true", help="print JSON")
    subs["new"].add_argument("name", metavar="NAME", help="its name; NAME.py is written here")
    subs["info"].add_argument("--preset", help="also predict what training this preset takes")
    for name in ("run", "sweep"):
        _add_settings(subs[name])
    run = subs["run"]
    run.add_argument("--out", metavar="DIR", help="the run folder to make")
    run.add_argument(
        "--reuse",
        metavar="RUN",
        action="append",
        default=[],
        help="take what that run has trained alike, and do not train it; with several, as of other "
        "--first-seed, also what they have between them",
    )
    grid = subs["sweep"]
    grid.add_argument("--out", metavar="DIR", help="the sweep's folder, new or begun before")
    grid.add_argument(
        "--refine",
        metavar="N",
        default="0",
        help="add cells N times, halfway between neighbours that a claim divides",
    )
    grid.add_argument("--claim", metavar="KEY", default="", help="that claim; the headline")
    grid.add_argument(
        "--grid",
        metavar="key=values",
        nargs="+",
        action="extend",
        default=[],
        help="settings to vary: p=31,59,113 or weight_decay=0.5:4:log8 or rate=0:1:5",
    )
    grid.add_argument(
        "--dry-run", action="store_true", help="only predict operations, memory and time"
    )
    again = subs["replicate"]
    again.add_argument("study", metavar="STUDY", help="a study of the laboratory")
    again.add_argument("--preset", default="laptop", help="the preset that was published")
    again.add_argument("--out", metavar="DIR", help="the run folder to make")
    again.add_argument("--first-seed", metavar="N", default="1000", help="1000 by default")
    subs["judge"].add_argument(
        "--remeasure", action="store_true", help="measure again from the snapshots first, and draw"
    )
    subs["report"].add_argument("--out", metavar="FILE", help="by default RUN.html")
    subs["table"].add_argument(
        "--write", action="store_true", help="put the table and the gallery into README.md"
    )
    subs["publish"].add_argument(
        "--dirty", action="store_true", help="also a run of code that was not committed"
    )
    subs["check"].add_argument(
        "task", metavar="TASK|FILE", help="superposition, superposition.Sparse, or your .py file"
    )
    course = subs["course"]
    course.add_argument("action", metavar="list|get|slides|test|grade", nargs="?", default="list")
    course.add_argument("number", metavar="N", nargs="?", help="of a lesson")
    course.add_argument("folder", metavar="FOLDER", nargs="?", help="submissions to grade")
    course.add_argument("--to", metavar="DIR", default=".", help="where 'get' and 'slides' write")
    course.add_argument("--solutions", action="store_true", help="with the answers")
    course.add_argument(
        "--pictures", action="store_true", help="slides with what the lesson draws: trains it"
    )
    course.add_argument("--seconds", default="600", help="limit of each script, 600 by default")
    course.add_argument("--megabytes", default="4096", help="limit of memory, 4096 by default")
    explore = subs["explore"]
    explore.add_argument("run", metavar="RUN", nargs="?", help="a run folder to look into")
    explore.add_argument("--port", metavar="N", default="0", help="of loopback; a free one")
    explore.add_argument("--no-browser", action="store_true", help="print the address alone")
    subs["bench"].add_argument("name", metavar="NAME", nargs="?", help="one benchmark; else all")
    return top, subs


def _add_settings(sub: Parser) -> None:
    """Add what chooses a study's settings."""
    sub.add_argument(
        "--preset",
        default="laptop",
        help="smoke, laptop (default), night or paper; 'toylab info STUDY' lists them",
    )
    sub.add_argument("--seeds", metavar="N", help="the number of seeds")
    sub.add_argument(
        "--first-seed", metavar="N", default="0", help="count the seeds from N: fresh networks"
    )
    sub.add_argument(
        "--set",
        metavar="key=value",
        nargs="+",
        action="extend",
        default=[],
        help="change settings; 'toylab info STUDY' lists them",
    )
    sub.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave bad lines of a file of data out and list them (sets skip_bad=true)",
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UsageError: it cannot be read; near names are offered.
    """
    top, subs = parser()
    args, rest = top.parse_known_args(argv)
    if args.command is None and not args.version:
        raise UsageError(f"name a command: {', '.join(COMMANDS)} ('toylab --help' explains)")
    if rest:
        known = subs[args.command].options if args.command else top.options
        name = rest[0].split("=")[0]
        what = f"unknown option {name!r}" if name.startswith("-") else f"too much: {rest[0]!r}"
        hint = near(name, [*known, "--help"]) if name.startswith("-") else "quote what has spaces"
        raise UsageError(f"{what} of 'toylab {args.command}': {hint}")
    return args


def settings(args: argparse.Namespace) -> dict[str, str]:
    """Return the overrides of ``run``: ``--set`` and ``--seeds`` together."""
    pairs = list(args.set) + ([f"seeds={args.seeds}"] if args.seeds is not None else [])
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {pair!r} is not of the form key=value")
        if key in found:
            raise UsageError(f"the setting {key!r} is given twice")
        found[key] = value
    if args.skip_bad:
        found["skip_bad"] = "true"
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: the words after ``toylab``; the process's own by default.

    Example:
        >>> main(["list"])   # doctest: +SKIP
        0
    """
    any_encoding()
    with Stop().installed() as stop:
        try:
            return _dispatch(sys.argv[1:] if argv is None else argv, stop)
        except UsageError as error:
            return _say(str(error), 2)
        except SystemExit as error:  # from a user's functions
            return _say(f"the study ends the process (sys.exit({error.code!r})); take it out.", 1)
        except Exception as error:
            return _explain(error, stop)


def _dispatch(argv: Sequence[str], stop: Stop) -> int:
    try:
        args = parse(argv)
    except SystemExit:  # --help
        return 0
    if args.version:
        from importlib.metadata import version

        print(f"toylab {version('toylab')}")
        return 0
    if args.command in ("run", "sweep"):
        args.overrides = settings(args)
    args.words = argv
    if args.command == "explore":  # at once, without the studies
        from toylab.web.command import explore

        return explore(args, stop)
    from toylab.cli import commands
    from toylab.train.setup import setup

    setup()
    status = commands.TABLE[args.command](args, stop)
    sys.stdout.flush()
    return status


def _explain(error: Exception, stop: Stop) -> int:
    """Say an expected mistake in a line or two; let a defect show its traceback."""
    if isinstance(error, BrokenPipeError):  # the reader of a pipe left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    from toylab.errors import ToylabError
    from toylab.lab import Interrupted
    from toylab.runs.atomic import MENDS

    if isinstance(error, Interrupted):
        text = f"stopped; the state is saved. Continue with: {stop.again}"
        return _say(text, stop.status)
    if isinstance(error, ToylabError):
        return _say(str(error), 1)
    if isinstance(error, MemoryError):
        return _say("the memory is used up; lower what makes the study large, such as seeds.", 1)
    if isinstance(error, OSError):
        mend = MENDS.get(error.errno or 0, f"{error.strerror or error}; {FILE_MENDS}")
        return _say(f"{error.filename or 'a file'}: {mend}.", 1)
    raise error


def _say(text: str, status: int) -> int:
    print(f"toylab: {message(text)}", file=sys.stderr)
    return status
