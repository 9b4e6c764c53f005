"""A curve of the loss that grows in a notebook while a population trains."""

import math
import time

import numpy as np

from toylab.show.graph import BLUE
from toylab.show.notebook import in_notebook
from toylab.train.loop import Progress

WIDE, TALL, LEFT, LOW = 420, 150, 58, 22  # pixels: the picture, and room for its numbers


class Curve:
    """Called after every chunk of training: draws the median loss and the range of members.

    Args:
        every: least seconds between two drawings.

    Example:
        >>> curve = Curve()
        >>> curve(Progress(10, 100, 2, np.array([1.0, 2.0]), 0.1, 20))
        >>> curve(Progress(20, 100, 2, np.array([0.5, 0.7]), 0.1, 20))
        >>> "step 20 of 100" in curve._repr_html_()
        True
    """

    def __init__(self, every: float = 0.5):
        self.every, self.drawn, self.handle = every, -math.inf, None
        self.points: list[tuple[int, float, float, float]] = []
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Take a chunk in, and draw where a notebook shows it."""
        self.last = progress
        living = progress.loss_P[np.isfinite(progress.loss_P)]
        if len(living):
            low, middle, high = np.quantile(living, (0.0, 0.5, 1.0)).tolist()
            self.points.append((progress.step, low, middle, high))
        if progress.step == progress.steps or time.monotonic() - self.drawn >= self.every:
            self.drawn = time.monotonic()
            self._draw()

    def _draw(self) -> None:
        if not in_notebook():
            return
        if self.handle is None:
            from IPython.display import display  # pyright: ignore

            self.handle = display(self, display_id=True)
        else:
            self.handle.update(self)

    def _repr_html_(self) -> str:
        if self.last is None:
            return "<div>nothing trained yet</div>"
        lost = int((~np.isfinite(self.last.loss_P)).sum())
        told = f"step {self.last.step:,} of {self.last.steps:,}, {self.last.members} members"
        if self.points:
            told += f", median loss {self.points[-1][2]:.4g}"
        told += f", {lost} diverged" if lost else ""
        return f"<div>{self._svg()}<br>{told}</div>"

    def _svg(self) -> str:
        """The median as a line in the band of all members, on a log scale where none is 0."""
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
