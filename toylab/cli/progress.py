"""Progress for people: a live table at a terminal, a line every few seconds elsewhere.

The estimate of the time left covers every population of the run. The one that trains goes on at
its own rate; those still to come are counted by their work, members times steps times batch times
parameters, at the rate of work measured so far. A population's first chunk also warms up
and counts for neither rate.
"""

import dataclasses
import math
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import jax
import numpy as np
from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table

from toylab.cli.text import plain
from toylab.lab import Reporter
from toylab.population import Population
from toylab.train.loop import Progress
from toylab.trees import drawn_shapes


@dataclasses.dataclass
class Row:
    """What is known of one population.

    Attributes:
        members: P.
        steps: updates in all.
        weight: work of one update of one member.
        step: updates done.
        loss: mean over the living members.
        diverged: members whose loss is not finite.
        updates: member-updates timed, without the first chunk.
        seconds: time they took.
        chunks: chunks seen.
    """

    members: int
    steps: int
    weight: float
    step: int = 0
    loss: float = math.nan
    diverged: int = 0
    updates: int = 0
    seconds: float = 0.0
    chunks: int = 0

    @property
    def rate(self) -> float:
        """Member-updates per second; NaN before the second chunk."""
        return self.updates / self.seconds if self.seconds > 0 else math.nan

    @property
    def left(self) -> int:
        """Member-updates still to do."""
        return self.members * (self.steps - self.step)

    def add(self, progress: Progress) -> None:
        """Take a chunk in."""
        self.step = progress.step
        living = progress.loss_P[np.isfinite(progress.loss_P)]
        self.diverged = len(progress.loss_P) - len(living)
        self.loss = float(np.mean(living)) if len(living) else math.nan
        if self.chunks:
            self.updates += progress.done
            self.seconds += progress.seconds
        self.chunks += 1


class Tracker(Reporter):
    """Follows a run without a word.

    Attributes:
        run: the run folder, once it is known.
        now: the stage.
        rows: what is known of each population.
        stopping: someone asked to stop.
    """

    def __init__(self) -> None:
        self.run: Path | None = None
        self.now = ""
        self.rows: dict[str, Row] = {}
        self.current = ""
        self.stopping = False
        self.started = time.monotonic()

    def plan(
        self, path: Path, populations: Mapping[str, Population], finished: Collection[str]
    ) -> None:
        """Note what will be trained and what is trained already."""
        self.run = path
        for name, population in populations.items():
            row = Row(population.size, population.steps, work(population))
            row.step = population.steps if name in finished else 0
            self.rows[name] = row

    def stage(self, name: str) -> None:
        """Note the stage."""
        self.now = name

    def population(self, name: str, population: Population, step: int) -> None:
        """Note which population trains, and from where."""
        self.current = name
        self.rows[name].step = step

    def progress(self, progress: Progress) -> None:
        """Take a chunk in."""
        self.rows[self.current].add(progress)

    def seconds_left(self) -> float:
        """Estimate of the training time left, in seconds; NaN while nothing is known."""
        timed = [row for row in self.rows.values() if row.seconds > 0]
        if not timed:
            return math.nan
        done = sum(row.updates * row.weight for row in timed)
        rate = done / sum(row.seconds for row in timed)
        own = lambda row: row.left / row.rate if row.seconds > 0 else row.left * row.weight / rate
        return sum(own(row) for row in self.rows.values())


def work(population: Population) -> float:
    """Work of one update of one member: batch size times number of parameters."""
    shapes = jax.tree.leaves(drawn_shapes(population.model))
    return float(population.batch_size * sum(leaf.size for leaf in shapes))


def duration(seconds: float) -> str:
    """Return a time as people say it: ``8 s``, ``3 min``, ``1 h 20 min``.

    Example:
        >>> duration(190.0)
        '3 min 10 s'
    """
    if math.isnan(seconds):
        return "…"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _number(value: float, form: str) -> str:
    return "…" if math.isnan(value) else format(value, form)


def _rate(value: float) -> str:
    """Model-steps per second; reward learning takes fewer than one."""
    return _number(value, ",.0f" if value >= 10 else ".2g")


class Plain(Tracker):
    """Lines for a file or a pipe, at most one every few seconds while training.

    Args:
        console: where the lines go.
        every: seconds between two lines.
    """

    def __init__(self, console: Console, every: float = 5.0):
        super().__init__()
        self.console = console
        self.every = every
        self.said = -math.inf

    def stage(self, name: str) -> None:
        """Say the stage."""
        super().stage(name)
        self._say(name)

    def progress(self, progress: Progress) -> None:
        """Say where the population stands, unless the last line is too recent."""
        super().progress(progress)
        last = progress.step == progress.steps
        if last or time.monotonic() - self.said >= self.every:
            row = self.rows[self.current]
            lost = f", {row.diverged} diverged" if row.diverged else ""
            self._say(
                f"{self.current}: step {row.step}/{row.steps}, {row.members} members, "
                f"loss {_number(row.loss, '.4g')}{lost}, {_rate(row.rate)} "
                f"model-steps/s, {duration(self.seconds_left())} left"
            )
            self.said = time.monotonic()

    def note(self, text: str) -> None:
        """Say what a person should know."""
        self._say(text)

    def _say(self, line: str) -> None:
        self.console.print(plain(line), markup=False, highlight=False, soft_wrap=True)


class Live(Tracker):
    """A table at the terminal that is redrawn as the run goes.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console):
        super().__init__()
        self.live = RichLive(
            console=console, get_renderable=self.table, refresh_per_second=4, transient=True
        )

    def stage(self, name: str) -> None:
        """Start the display with the first stage."""
        super().stage(name)
        if not self.live.is_started:
            self.live.start()

    def note(self, text: str) -> None:
        """Say above the table what a person should know."""
        self.live.console.print(plain(text), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Give the terminal back."""
        self.live.stop()

    def table(self) -> Table:
        """Return the table as it stands: one row per population."""
        passed = time.monotonic() - self.started
        left = f", {duration(self.seconds_left())} left" if self.now == "train" else ""
        stopping = ", stopping" if self.stopping else ""
        grid = Table(
            title=f"{self.now}: {duration(passed)}{left}{stopping}",
            title_justify="left",
            box=None,
            pad_edge=False,
        )
        grid.add_column("population")
        for name in ("members", "step", "", "loss", "diverged", "model-steps/s"):
            grid.add_column(name, justify="right")
        for name, row in self.rows.items():
            grid.add_row(
                name,
                str(row.members),
                f"{row.step}/{row.steps}",
                ProgressBar(total=max(row.steps, 1), completed=row.step, width=20),
                _number(row.loss, ".4g"),
                str(row.diverged) if row.diverged else "",
                _rate(row.rate),
            )
        return grid


def reporter(quiet: bool = False) -> Tracker:
    """Return the reporter that suits where standard error goes."""
    if quiet:
        return Tracker()
    console = Console(stderr=True)
    return Live(console) if console.is_terminal else Plain(console)
