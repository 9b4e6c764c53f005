"""A run followed in a notebook: where its populations stand, and the curve of one that trains."""

import math
import time

from toylab.population import Population
from toylab.runs.reporter import Reporter
from toylab.show.cards import Card, Rows, card, told
from toylab.show.curve import Curve
from toylab.show.notebook import in_notebook, place
from toylab.show.tracker import Tracker, duration
from toylab.train.loop import Progress


def here() -> Reporter:
    """Return who is told of a run that names nobody: a notebook shows it, nothing else does."""
    return Following() if in_notebook() else Reporter()


class Following(Tracker, Card):
    """Shows a run in the cell that started it.

    Args:
        every: least seconds between two drawings.
    """

    def __init__(self, every: float = 0.5):
        super().__init__()
        self.every, self.drawn, self.fill = every, -math.inf, place()
        self.curve, self.notes, self.done = Curve(), [], False

    def stage(self, name: str) -> None:
        """Show the stage."""
        super().stage(name)
        self._draw()

    def population(self, name: str, population: Population, step: int) -> None:
        """Begin a curve."""
        super().population(name, population, step)
        self.curve = Curve()

    def progress(self, progress: Progress) -> None:
        """Take a chunk in, and show it unless the last drawing is too recent."""
        super().progress(progress)
        self.curve.add(progress)
        if progress.step == progress.steps or time.monotonic() - self.drawn >= self.every:
            self._draw()

    def note(self, text: str) -> None:
        """Show what a person should know."""
        self.notes.append(text)
        self._draw()

    def close(self) -> None:
        """Show that the run is done."""
        self.done = True
        self._draw()

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        self.fill(self)

    def _card(self) -> tuple[str, Rows]:
        took = duration(time.monotonic() - self.started)
        left = f", {duration(self.seconds_left())} left" if self.now == "train" else ""
        heading = f"done in {took}" if self.done else f"{self.now}: {took}{left}"
        rows = [(name, row.told()) for name, row in self.rows.items()]
        return f"{self.run}: {heading}", [*rows, *(("note", text) for text in self.notes)]

    def __repr__(self) -> str:
        return told(*self._card())

    def _repr_html_(self) -> str:
        curve = "" if self.done or self.now != "train" else self.curve.svg()
        return card(*self._card()) + curve
