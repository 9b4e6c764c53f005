"""A curve of the loss that grows while a population trains: in a notebook, or a line elsewhere."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from toylab.show.graph import BLUE
from toylab.show.notebook import in_notebook, place
from toylab.train.loop import Progress

WIDE, TALL, LEFT, LOW = 420, 150, 58, 22  # pixels: the picture, and room for its numbers


class Curve:
    """The median loss and the range of members, over the steps made so far.

    Example:
        >>> curve = Curve()
        >>> curve.add(Progress(10, 100, 2, np.array([1.0, 2.0]), 0.1, 20))
        >>> curve.add(Progress(20, 100, 2, np.array([0.5, 0.7]), 0.1, 20))
        >>> str(curve)
        'step 20 of 100, 2 members, median loss 0.6'
    """

    def __init__(self) -> None:
        self.points: list[tuple[int, float, float, float]] = []
        self.last: Progress | None = None

    def add(self, progress: Progress) -> None:
        """Take a chunk in."""
        self.last = progress
        living = progress.loss_P[np.isfinite(progress.loss_P)]
        if len(living):
            low, middle, high = np.quantile(living, (0.0, 0.5, 1.0)).tolist()
            self.points.append((progress.step, low, middle, high))

    def __repr__(self) -> str:
        if self.last is None:
            return "nothing trained yet"
        lost = int((~np.isfinite(self.last.loss_P)).sum())
        told = f"step {self.last.step:,} of {self.last.steps:,}, {self.last.members} members"
        if self.points:
            told += f", median loss {self.points[-1][2]:.4g}"
        return told + (f", {lost} diverged" if lost else "")

    def _repr_html_(self) -> str:
        return f"<div>{self.svg()}<br>{self}</div>"

    def svg(self) -> str:
        """The median as a line in the band of all members, on a log scale where none is 0.

        Nothing is drawn before the first finite loss.
        """
        if not self.points:
            return ""
        step, *losses = np.array(self.points, float).T
        log = bool((losses[0] > 0).all())
        scaled = np.log(losses) if log else np.stack(losses)
        least, most = float(scaled.min()), float(scaled.max())
        assert self.last is not None
        x = LEFT + (WIDE - LEFT - 4) * step / self.last.steps
        height = (scaled - least) / (most - least or 1.0)
        low, middle, high = 4 + (TALL - LOW - 8) * (1 - height)
        path = lambda x, y: " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        band = path(np.r_[x, x[::-1]], np.r_[low, high[::-1]])
        texts = self._words(*(f"{math.exp(v) if log else v:.3g}" for v in (least, most)))
        floor = TALL - LOW
        return (
            f'<svg width="{WIDE}" height="{TALL}" role="img" aria-label="loss over steps">'
            f'<path d="M{LEFT},2 V{floor} H{WIDE - 2}" fill="none" stroke="currentColor" '
            f'stroke-opacity=".4"/><polygon points="{band}" fill="{BLUE}" fill-opacity=".2"/>'
            f'<polyline points="{path(x, middle)}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>'
            f"{texts}</svg>"
        )

    def _words(self, least: str, most: str) -> str:
        assert self.last is not None
        words = (
            (LEFT - 5, 12, "end", most),
            (LEFT - 5, TALL - LOW - 2, "end", least),
            (LEFT, TALL - 6, "start", "0"),
            (WIDE - 4, TALL - 6, "end", f"{self.last.steps:,} steps"),
        )
        return "".join(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="10" fill="currentColor">'
            f"{text}</text>"
            for x, y, anchor, text in words
        )


@contextlib.contextmanager
def drawn(every: float = 0.5) -> Iterator[Callable[[Progress], None]]:
    """Draw the curve of a training inside the ``with``: in a notebook, or as a line on stderr.

    At a terminal the line is renewed; a file or a pipe gets the last one alone.

    Args:
        every: least seconds between two drawings.
    """
    with _page() as draw:
        curve, last = Curve(), -math.inf

        def take(progress: Progress) -> None:
            nonlocal last
            curve.add(progress)
            if time.monotonic() - last >= every:
                last = time.monotonic()
                draw(curve)

        try:
            yield take
        finally:
            draw(curve)


@contextlib.contextmanager
def _page() -> Iterator[Callable[[Curve], None]]:
    """What shows a curve here."""
    if in_notebook():
        yield place()
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False) as line:
        yield lambda curve: line.update(Text(repr(curve)), refresh=True)
    if not console.is_terminal:
        console.line()
