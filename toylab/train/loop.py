"""Training: drives a compiled population, chunk by chunk, from where its checkpointer stands."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from toylab.check.inputs import check_batch
from toylab.errors import ToylabError
from toylab.train.engine import MAX_SEGMENTS, Program, Records, State


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever shows it.

    Attributes:
        step: updates done by every member.
        steps: updates in all.
        members: P.
        loss_P: each member's mean loss over the last recorded stretch; NaN for diverged members. On
            workers, of the members that have told it.
        seconds: time spent on the last chunk.
        done: member-updates of the last chunk.
    """

    step: int
    steps: int
    members: int
    loss_P: np.ndarray
    seconds: float
    done: int


class Checkpointer(Protocol):
    """Where a run keeps what it must not lose."""

    def load(self) -> tuple[int, dict[str, np.ndarray], Records] | None:
        """Return (step, flat state with leading P, records so far), or None to start."""
        ...

    def save(self, step: int, state: dict[str, np.ndarray], records: Records) -> None:
        """Keep the state of an unfinished run."""
        ...

    def snapshot(self, step: int, params: dict[str, np.ndarray]) -> None:
        """Keep the parameters of a step, flat names, leading axis P."""
        ...

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Keep the records of a finished run."""
        ...


def train(
    program: Program,
    checkpointer: Checkpointer,
    show: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    save_seconds: float = 5.0,
    chunk_seconds: float = 0.5,
    start: Mapping[str, np.ndarray] | None = None,
    checked: bool = False,
) -> bool:
    """Train a population, from where its checkpointer stands to the end.

    Args:
        program: the compiled population.
        checkpointer: keeps state, snapshots and records.
        show: called after every chunk.
        stop: asked after every chunk; when true, the state is saved and training ends early.
        save_seconds: least time between two saves of the state.
        chunk_seconds: time one chunk should take.
        start: initial parameters in place of drawn ones, flat names, leading axis P.
        checked: a batch has been looked at before.

    Returns:
        Whether the run is complete.
    """
    population = program.population
    records_at, snapshots_at = population.boundaries()
    saved = checkpointer.load()
    if saved is None:
        if not checked:
            check_batch(population)
        step, state, history = 0, program.init(start), {}
        if 0 in snapshots_at:
            checkpointer.snapshot(0, _params(program, state))
    else:
        step, flat, history = saved
        state = program.restore(flat)
    segments, last_save = 1, time.monotonic()
    first = True
    while step < population.steps:
        bounds = _next_bounds(step, records_at, snapshots_at, segments)
        began = time.monotonic()
        state, records = program.chunk(state, bounds)
        seconds = time.monotonic() - began
        step = bounds[-1]
        history = _extend(history, bounds[1:], records)
        done = (bounds[-1] - bounds[0]) * population.size
        show(Progress(step, population.steps, population.size, records["loss"][-1], seconds, done))
        if not first:  # the first call also warms up
            per_segment = seconds / (len(bounds) - 1)
            segments = int(np.clip(chunk_seconds / max(per_segment, 1e-6), 1, MAX_SEGMENTS))
        first = False
        if step in snapshots_at:
            checkpointer.snapshot(step, _params(program, state))
        halted = stop()
        if halted or time.monotonic() - last_save > save_seconds:
            checkpointer.save(step, program.export(state), history)
            last_save = time.monotonic()
        if halted and step < population.steps:
            return False
    checkpointer.finish(history, _dead_at(program, state, population.steps))
    return True


def _params(program: Program, state: State) -> dict[str, np.ndarray]:
    return program.export(state["params"])


def _dead_at(program: Program, state: State, steps: int) -> np.ndarray:
    """Step at which each member diverged, -1 for finite ones; the last update counts too."""
    flat = program.export(state)
    sound = [
        np.isfinite(leaf).reshape(len(leaf), -1).all(1)
        for name, leaf in flat.items()
        if name.startswith("params/")
    ]
    broken = ~np.all(sound, axis=0) & (flat["dead_at"] < 0)
    return np.where(broken, steps, flat["dead_at"])


def _next_bounds(
    step: int, records_at: tuple[int, ...], snapshots_at: tuple[int, ...], segments: int
) -> tuple[int, ...]:
    """Return the next stretch: up to ``segments`` records, never past a snapshot."""
    ahead = [r for r in records_at if r > step][:segments]
    stops = [s for s in snapshots_at if step < s <= ahead[-1]]
    if stops:
        ahead = [r for r in ahead if r <= stops[0]]
    return (step, *ahead)


def _extend(history: Records, steps: tuple[int, ...], records: Records) -> Records:
    new = {"step": np.asarray(steps, np.int64), **records}
    if not history:
        return new
    if history.keys() != new.keys():
        odd = sorted(history.keys() ^ new.keys())[0]
        raise ToylabError(f"The saved state has other records: {odd!r}. Delete it and resume.")
    return {name: np.concatenate([history[name], new[name]]) for name in new}
