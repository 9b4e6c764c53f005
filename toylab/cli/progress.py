"""Progress for people: a live table at a terminal, a line every few seconds elsewhere."""

import math
import time

from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table

from toylab.cli.text import plain
from toylab.show.tracker import Tracker, duration, known
from toylab.train.loop import Progress


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
            told = self.rows[self.current].told()
            self._say(f"{self.current}: {told}, {duration(self.seconds_left())} left")
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
                known(row.loss, ".4g"),
                str(row.diverged) if row.diverged else "",
                row.told_rate(),
            )
        return grid


def reporter(quiet: bool = False) -> Tracker:
    """Return the reporter that suits where standard error goes."""
    if quiet:
        return Tracker()
    console = Console(stderr=True)
    return Live(console) if console.is_terminal else Plain(console)
