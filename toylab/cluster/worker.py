"""A worker: takes a tile from where it stands a stretch further, and hands it back.

It keeps nothing but compiled programs. Killed at any moment, it costs one stretch.
"""

import dataclasses
import functools
import math
import os
import platform
import time
from typing import Any

import jax
import numpy as np

from toylab.cluster.job import DEVICES, Job, differing, population_of, tile_of, tiles_of
from toylab.errors import ToylabError
from toylab.runs.provenance import numerics, read_switch
from toylab.train.compiled.threads import THREADS
from toylab.train.engine import Program, Records
from toylab.train.fast_compile import compiling
from toylab.train.loop import train

Flat = dict[str, np.ndarray]
Switches = tuple[tuple[str, Any], ...]


@dataclasses.dataclass
class Stretch:
    """A tile after a stretch of training; also where the training puts what it keeps.

    Attributes:
        step: updates done.
        state: of every member of the tile, flat; None before the first update.
        records: so far.
        snapshots: ``{step: parameters}`` of this stretch alone.
        dead_at: of a finished tile, the step at which each member diverged, or -1.
        seconds: that the stretch took.
        worker: the machine's name.
    """

    step: int = 0
    state: Flat | None = None
    records: Records = dataclasses.field(default_factory=dict)
    snapshots: dict[int, Flat] = dataclasses.field(default_factory=dict)
    dead_at: np.ndarray | None = None
    seconds: float = 0.0
    worker: str = ""

    def load(self) -> tuple[int, Flat, Records] | None:
        """Return what the last stretch left; None to start."""
        return None if self.state is None else (self.step, self.state, self.records)

    def save(self, step: int, state: Flat, records: Records) -> None:
        """Keep the state of an unfinished tile."""
        self.step, self.state, self.records = step, state, records

    def snapshot(self, step: int, params: Flat) -> None:
        """Keep the parameters of a step."""
        self.snapshots[step] = params

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Keep the records of a finished tile; of its state nothing is needed."""
        self.state, self.records, self.dead_at = None, records, dead_at


def advance(job: Job, tile: int, seconds: float, begun: Stretch, start: Flat | None) -> Stretch:
    """Train a tile for a while.

    Args:
        job: the population.
        tile: number of the tile.
        seconds: after which the stretch ends; it ends with the tile too.
        begun: where the tile stands.
        start: initial parameters of its members in place of drawn ones.

    Returns:
        Where it stands now.

    Raises:
        ToylabError: this worker would give other bits than the run was begun with.
    """
    conform(job)
    begun = dataclasses.replace(begun, snapshots={})
    began = time.monotonic()
    with compiling(job.hastily):
        program = program_of(job, tile)
        late = lambda: time.monotonic() - began > seconds
        train(program, begun, stop=late, save_seconds=math.inf, start=start, checked=True)
    begun.seconds, begun.worker = time.monotonic() - began, platform.node()
    return begun


def conform(job: Job) -> None:
    """Take the driver's switches over, and refuse where bits would differ all the same."""
    for odd in differing(take_over(job.switches), dict(job.numerics)).values():
        raise ToylabError(
            f"The worker on {platform.node()} would give other bits than this run: {odd}. Start "
            "workers of one kind, with the driver's versions, and resume."
        )


def program_of(job: Job, tile: int) -> Program:
    """Return the compiled program of one tile; a population is compiled once per process."""
    population = population_of(job)
    own = tile_of(population, tiles_of(population, job.tile)[tile])
    return _compiled(job).of(own.population, own.layout)


@functools.lru_cache(maxsize=4)
def _compiled(job: Job) -> Program:
    population = population_of(job)
    own = tile_of(population, tiles_of(population, job.tile)[0])
    return Program(own.population, own.layout)


def take_over(switches: Switches) -> dict[str, str]:
    """Take the driver's switches over; return the numerics that this worker then has."""
    fresh = _fresh()
    for switch, value in switches:
        if switch in (DEVICES, THREADS) and not fresh:
            continue  # too late; where they differ, this worker's numerics say so
        if switch == THREADS:
            os.environ[switch] = str(value)
        else:
            jax.config.update(switch, value)
    return numerics()


def _fresh() -> bool:
    """Whether JAX has yet to start in this process, so that its devices can be set."""
    had = read_switch(DEVICES)
    try:
        jax.config.update(DEVICES, had + 2)
    except RuntimeError:
        return False
    jax.config.update(DEVICES, had)
    return True
