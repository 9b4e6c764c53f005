"""What is known of a run as it goes, and the time that is left.

The estimate covers every population of the run. The one that trains goes on at its own rate; those
still to come are counted by their work, members times steps times batch, context and parameters, at
the rate of work measured so far, or at ``SLOW`` where that is less: models of a few hundred
parameters keep a processor waiting and say nothing of larger ones. A population's first chunk also
warms up and counts for neither rate.
"""

import dataclasses
import math
import shlex
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import jax
import numpy as np

from toylab.population import Population
from toylab.runs.reporter import Reporter
from toylab.train.loop import Progress
from toylab.trees import drawn_shapes

SLOW = 1e10 / 6  # work per second: 10 GFLOP/s, which two cores exceed with any transformer


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

    def told_rate(self) -> str:
        """The rate in words; reward learning takes fewer than one step a second."""
        return known(self.rate, ",.0f" if self.rate >= 10 else ".2g")

    def told(self) -> str:
        """Where the population stands, in words."""
        lost = f", {self.diverged} diverged" if self.diverged else ""
        return (
            f"step {self.step}/{self.steps}, {self.members} members, "
            f"loss {known(self.loss, '.4g')}{lost}, {self.told_rate()} model-steps/s"
        )

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
        command: what goes on with the run, where it is not ``toylab resume``.
    """

    def __init__(self) -> None:
        self.run: Path | None = None
        self.now = ""
        self.rows: dict[str, Row] = {}
        self.current = ""
        self.stopping = False
        self.command = ""
        self.started = time.monotonic()

    @property
    def again(self) -> str:
        """The command that goes on with what was written; empty before anything was."""
        if self.run is None:
            return ""
        return self.command or shlex.join(["toylab", "resume", str(self.run)])

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
        rate = max(done / sum(row.seconds for row in timed), SLOW)
        own = lambda row: row.left / row.rate if row.seconds > 0 else row.left * row.weight / rate
        return sum(own(row) for row in self.rows.values())


def work(population: Population) -> float:
    """Work of one update of one member: batch size times number of parameters.

    Under reward each of a prompt's completions counts, at the length of the model's context.
    """
    shapes = jax.tree.leaves(drawn_shapes(population.model))
    sequences = population.batch_size * getattr(population.loss, "group", 1)
    return float(sequences * getattr(population.model, "length", 1) * sum(x.size for x in shapes))


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


def known(value: float, form: str) -> str:
    """Return a number as text, or "…" while it is not known."""
    return "…" if math.isnan(value) else format(value, form)
