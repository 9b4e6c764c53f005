"""One population, spread over workers: its tiles, where each stands, and how they come together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toylab.check.inputs import check_batch
from toylab.cluster.job import Job, job_of, tiles_of
from toylab.cluster.store import TileStore
from toylab.cluster.worker import Flat, Stretch
from toylab.population import Population
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.run_folder import RunFolder
from toylab.train.loop import Progress
from toylab.train.plan import pick_tile
from toylab.train.starts import start_params

SHARES = 8  # tiles of an accelerator: as many may share a population


class Spread:
    """A population of a run whose tiles are trained by workers.

    Args:
        run: the folder, held for writing.
        name, population: what is trained.
        populations: all of the study's, for one that starts from another's end.
        checkpointer: keeps the whole population.
    """

    def __init__(
        self,
        run: RunFolder,
        name: str,
        populations: Mapping[str, Population],
        checkpointer: FolderCheckpointer,
    ):
        self.run, self.name, self.population = run, name, populations[name]
        self.checkpointer, self.store = checkpointer, TileStore(run, name)
        tiles = run.manifest.get("tiles", {})
        backend = run.manifest["numerics"]["device"].split()[0]
        tile = tiles.get(name) or pick_tile(self.population, SHARES, backend)
        run.note(tiles=tiles | {name: tile})
        self.job: Job = job_of(run.manifest, name, tile, getattr(run, "source", None))
        self.tiles = [np.unique(index_GM) for index_GM in tiles_of(self.population, tile)]
        self.begun = checkpointer.load()  # by a run in one process
        self.start = start_params(run, self.population, populations)
        if not self.begun and not self.store.any():
            check_batch(self.population)
        self.at = np.zeros(self.population.size, np.int64)
        self.loss = np.full(self.population.size, np.nan, np.float32)
        self.told = np.zeros(self.population.size, bool)  # members whose loss is known
        self.left = {tile for tile in range(len(self.tiles)) if not self._done(tile)}
        self.seconds = 0.0

    def _done(self, tile: int) -> bool:
        """Note where a tile stands; whether it is done."""
        stretch = self.load(tile)
        self._note(tile, stretch)
        return stretch.dead_at is not None

    def load(self, tile: int) -> Stretch:
        """Where a tile stands: as it was kept, or cut from a run in one process, or new."""
        kept = self.store.load(tile)
        if kept.state or kept.dead_at is not None or not self.begun:
            return kept
        step, state, records = self.begun
        own = self.tiles[tile]
        cut = lambda name, values: values if name == "step" else values[:, own]
        return Stretch(
            step,
            {name: leaf[own] for name, leaf in state.items()},
            {name: cut(name, values) for name, values in records.items()},
        )

    def first(self, tile: int) -> Flat | None:
        """Initial parameters of a tile's members, where another population gives them."""
        return self.start and {n: leaf[self.tiles[tile]] for n, leaf in self.start.items()}

    def take(self, tile: int, stretch: Stretch, seconds: float) -> Progress:
        """Keep what a worker handed back; return where the population stands now.

        Args:
            tile: number of the tile.
            stretch: where it stands.
            seconds: since the last time.
        """
        before = int(self.at.sum())
        self.store.save(tile, stretch)
        self._note(tile, stretch)
        self.seconds += stretch.seconds
        if stretch.dead_at is not None:
            self.left.discard(tile)
        done = int(self.at.sum())
        size, steps = self.population.size, self.population.steps
        return Progress(done // size, steps, size, self.loss[self.told], seconds, done - before)

    def _note(self, tile: int, stretch: Stretch) -> None:
        own = self.tiles[tile]
        self.at[own] = stretch.step if stretch.dead_at is None else self.population.steps
        if len(stretch.records.get("loss", ())):
            self.loss[own], self.told[own] = stretch.records["loss"][-1], True

    def finish(self) -> None:
        """Put the tiles together, as a run in one process would have written them."""
        for step in set(self.checkpointer.due) - set(self.run.steps(self.name)):
            parts = [self.store.snapshot(tile, step) for tile in range(len(self.tiles))]
            whole = {name: self._whole([part[name] for part in parts]) for name in parts[0]}
            self.checkpointer.snapshot(step, whole)
        ends = [self.store.load(tile) for tile in range(len(self.tiles))]
        across = lambda name: self._whole([end.records[name].T for end in ends]).T
        records = {n: across(n) for n in ends[0].records if n != "step"}
        if "step" in ends[0].records:
            records = {"step": ends[0].records["step"], **records}
        self.checkpointer.finish(records, self._whole([end.dead_at for end in ends]))
        self.store.clear()
        self.run.trained(self.name, self.seconds)

    def _whole(self, parts: Sequence[Any]) -> np.ndarray:
        """Arrays of the tiles' members as one of all, (P, ...)."""
        whole = np.empty((self.population.size, *parts[0].shape[1:]), parts[0].dtype)
        for own, part in zip(self.tiles, parts, strict=True):
            whole[own] = part
        return whole
