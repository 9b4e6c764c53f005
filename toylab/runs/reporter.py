"""Who is told how a run goes, and how a run that was asked to stop ends."""

from collections.abc import Collection, Mapping
from pathlib import Path

from toylab.population import Population
from toylab.train.loop import Progress


class Interrupted(Exception):
    """Training was asked to stop; its state is saved in the run folder."""


class Reporter:
    """Told what happens; this one says nothing. The command line's shows it live."""

    def plan(
        self, path: Path, populations: Mapping[str, Population], finished: Collection[str]
    ) -> None:
        """A run begins: its folder, all its populations, and the names of those trained."""

    def stage(self, name: str) -> None:
        """A stage begins: train, measure, judge or draw."""

    def population(self, name: str, population: Population, step: int) -> None:
        """Training of a population begins."""

    def progress(self, progress: Progress) -> None:
        """A chunk is done."""

    def note(self, text: str) -> None:
        """Something happened that a person should know."""

    def close(self) -> None:
        """Nothing more will come."""
