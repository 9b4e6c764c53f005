"""Training a run's populations: in this process, or on an engine."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing

import numpy as np

from toylab.cluster.driver import Driver
from toylab.cluster.store import TileStore
from toylab.population import Population
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.reporter import Interrupted, Reporter
from toylab.runs.run_folder import RunFolder
from toylab.train.ahead import compiled_ahead
from toylab.train.engine import Program
from toylab.train.loop import train
from toylab.train.starts import start_params


def train_all(
    run: RunFolder,
    names: Sequence[str],
    populations: Mapping[str, Population],
    checkpointers: Mapping[str, FolderCheckpointer],
    reporter: Reporter,
    stop: Callable[[], bool],
    on: str | Executor = "",
) -> None:
    """Train populations of a run; what an engine has begun, an engine goes on with.

    Args:
        run: the folder, held for writing.
        names: what is to be trained, in order.
        populations: all of the study's.
        checkpointers: of those to train.
        reporter: told what happens.
        stop: asked between chunks.
        on: an engine's name or an executor; by default this process.

    Raises:
        Interrupted: ``stop`` said so; the state is kept.
    """
    if names and (on or any(TileStore(run, name).any() for name in names)):
        driver = Driver(run, names, populations, checkpointers, reporter, stop)
        return driver.train(on or "local")
    tiles = run.manifest.get("tiles", {})
    # The bits of a run depend on its tiles: one that is resumed elsewhere keeps them.
    kept = lambda name: {"tile": tiles[name]} if name in tiles else {}
    ready = [dataclasses.replace(populations[name], **kept(name)) for name in names]
    with closing(compiled_ahead(ready)) as programs:
        for name in names:
            start, program = start_params(run, populations[name], populations), next(programs)
            run.note(tiles=run.manifest.get("tiles", {}) | {name: program.tile})
            _train(run, name, program, start, checkpointers[name], reporter, stop)


def _train(
    run: RunFolder,
    name: str,
    program: Program,
    start: Mapping[str, np.ndarray] | None,
    checkpointer: FolderCheckpointer,
    reporter: Reporter,
    stop: Callable[[], bool],
) -> None:
    """Train one population in this process, the next compiling meanwhile."""
    saved = checkpointer.load()
    reporter.population(name, program.population, saved[0] if saved else 0)
    begun = time.monotonic()
    whole = train(program, checkpointer, reporter.progress, stop, start=start)
    run.trained(name, time.monotonic() - begun)
    if not whole:
        raise Interrupted(str(run.path))
