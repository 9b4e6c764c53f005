"""What the command line prints for people: tables that fit the terminal."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toylab.claims import Claim, Verdict
from toylab.cli.text import plain
from toylab.report.replication import Replication
from toylab.report.results import number, units
from toylab.show.tracker import duration
from toylab.study import Study
from toylab.train.cost import SHARE, Cost

COLORS = {
    "reproduced": "green",
    "reproduced, few seeds": "green",
    "not reproduced": "red",
    "confounded": "red",
    "not testable": "yellow",
    "inconclusive": "bright_black",
}

WIDTH = 120  # columns where there is no terminal
VERDICT = ("verdict", "claim", "expected", "measured [95%]", "n")
SOLID = ("measured [95%]", "verdict", "expected", "benchmark", "rule")


class Output(Console):
    """A console that leaves a reader who is gone, as ``head`` is, to the command line."""

    def on_broken_pipe(self) -> None:
        """Raise what rich has caught; it would end the process."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console for standard output, as it is at this moment."""
    out = Output(highlight=False, markup=False)
    # A file or a pipe has no width of its own; 80 columns would break sentences to pieces.
    return out if out.is_terminal else Output(highlight=False, markup=False, width=WIDTH)


def show(*blocks: Any) -> None:
    """Print texts and tables."""
    out = console()
    for block in blocks:
        # Plain text is for copying: a path broken at the margin would not work.
        text = isinstance(block, str)
        out.print(plain(block) if text else block, soft_wrap=text)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()
) -> Table:
    """Return a table of texts.

    Args:
        columns: headings.
        rows: cells; texts keep their brackets.
        right: headings of the columns set to the right.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        solid = name in right or name in SOLID
        grid.add_column(name, justify="right" if name in right else "left", no_wrap=solid)
    for row in rows:
        grid.add_row(*(c if isinstance(c, Text) else Text(plain(str(c))) for c in row))
    return grid


def verdicts(items: Iterable[Verdict]) -> Table:
    """Return the table of a run's verdicts."""
    return table(VERDICT, cells(items), right=("n",))


def cells(items: Iterable[Verdict]) -> list[tuple[Text | str, ...]]:
    """Return what each row of a run's verdicts has under ``VERDICT``."""
    rows = []
    for v in items:
        measured = number(_none(v.estimate))
        if not (math.isnan(v.low) or math.isnan(v.high)):
            measured += f" [{number(v.low)}, {number(v.high)}]"
        verdict = Text(v.verdict, style=COLORS.get(v.verdict, ""))
        rows.append((verdict, v.text, v.expected, measured, units(v)))
    return rows


def replications(items: Iterable[Replication]) -> Table:
    """Return the table of a replication."""
    rows = []
    for r in items:
        published = f"{number(r.published)} [{number(r.low)}, {number(r.high)}]"
        inside = {True: "inside", False: "outside", None: ""}[r.inside]
        verdict = r.verdict if r.verdict == r.fresh_verdict else f"{r.verdict} → {r.fresh_verdict}"
        rows.append((r.text, published, number(r.fresh), inside, verdict))
    columns = ("claim", "published [95%]", "fresh", "", "verdict")
    return table(columns, rows, right=("fresh",))


def studies(items: Iterable[Study]) -> Table:
    """Return the table of studies."""
    rows = [(s.name, s.title, len(s.claims), s.costs.get("laptop", "")) for s in items]
    return table(("study", "title", "claims", "laptop"), rows, right=("claims",))


def presets(study: Study, took: Mapping[str, str]) -> Table:
    """Return a study's settings, one column per preset.

    Args:
        study: the study.
        took: how long a preset's judged run took, in words.
    """
    names = list(study.presets)
    fields = {f.name: None for c in study.presets.values() for f in dataclasses.fields(c)}
    rows = [(f, *(_setting(getattr(study.presets[n], f, "")) for n in names)) for f in fields]
    rows.append(("cost", *(study.costs.get(n, "") for n in names)))
    return table(("setting", *names), [*rows, ("judged run", *(took.get(n, "–") for n in names))])


def claims(items: Iterable[Claim]) -> Table:
    """Return what each claim says and expects."""
    rows = [(c.key, c.text, c.expect.describe(), c.bar, number(c.paper), c.source) for c in items]
    names = ("claim", "text", "expected", "bar from", "paper", "source")
    return table(names, rows, right=("paper",))


def costs(preset: str, found: Mapping[str, Cost]) -> list[Any]:
    """Predicted cost of a preset's populations, and their sum in a line."""
    rows = [
        (
            name,
            f"{c.members:,}",
            f"{c.steps:,}",
            f"{c.flops:.2g}",
            f"{c.bytes_ / 2**30:.2g} GiB",
            duration(c.seconds),
        )
        for name, c in found.items()
    ]
    columns = ("population", "members", "steps", "FLOPs", "memory of one", "time here")
    whole = sum(c.seconds for c in found.values())
    text = (
        f"Training the preset {preset} takes about {duration(whole)} on this machine, "
        f"at {SHARE:.0%} of its matmul rate."
    )
    return [table(columns, rows, right=columns[1:]), text]


def bench(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of timings beside their baselines."""
    cells = [
        (
            r["name"],
            f"{number(r['value'])} {r['unit']}",
            r["baseline"],
            number(r["baseline_value"]),
            number(r["ratio"]),
        )
        for r in rows
    ]
    columns = ("benchmark", "toylab", "baseline", "its value", "ratio")
    return table(columns, cells, right=("toylab", "its value", "ratio"))


def _none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _setting(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
