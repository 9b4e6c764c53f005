"""A job: what a worker must know to train tiles of a population, and nothing that executes.

A worker makes the population itself, from the study's name (or file) and settings. A job is small,
goes through any pickler, and tells the worker under which numerics the run was begun.
"""

import dataclasses
import functools
import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from toylab.check.data_files import changed_files
from toylab.check.populations import seeded
from toylab.errors import ToylabError
from toylab.members import Members
from toylab.population import Population
from toylab.runs.provenance import SWITCHES, read_switch
from toylab.study import load_study, study_names
from toylab.sweep.pack import packed
from toylab.train.compiled.threads import THREADS, cpu_threads
from toylab.train.layout import Layout, arrange

HASTE = "hasty compiling"
DEVICES = "jax_num_cpu_devices"


@dataclasses.dataclass(frozen=True)
class Job:
    """A population of a run, for workers.

    Attributes:
        study: a study's name, or the path of its file.
        digest: SHA-256 of the file; empty for a study of the laboratory.
        preset, config: the preset's name, and the settings as JSON.
        first_seed: added to every seed.
        population: the study's name of the population.
        cells: of a sweep, what the settings of each cell are instead, as JSON; else empty.
        tile: members per tile.
        switches: the driver's switches of JAX, which a worker takes over.
        numerics: versions, flags and device of the run; a worker with others refuses.
        data: checksums of the files that the study reads; a worker with others refuses.
        hastily: compile as a smoke run does.
    """

    study: str
    digest: str
    preset: str
    config: str
    first_seed: int
    population: str
    cells: str
    tile: int
    switches: tuple[tuple[str, Any], ...]
    numerics: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]
    hastily: bool

    def whole(self) -> Population:
        """Return the population, all its members.

        Raises:
            ToylabError: the worker's study file, or a file that the study reads, is not the
                driver's.
        """
        if self.digest and digest(self.study) != self.digest:
            raise ToylabError(
                f"{platform.node()} has another {self.study} than the run was begun with; copy "
                "that file there, and resume."
            )
        if changed := changed_files(dict(self.data)):
            raise ToylabError(
                f"{platform.node()} has other data than the run was begun with: {changed[0]}. Copy "
                "the driver's there, and resume."
            )
        study = load_study(self.study)
        config = study.restored(self.preset, json.loads(self.config))
        if not self.cells:
            return seeded(study, config, self.first_seed)[self.population]
        settings = [study.restored(self.preset, cell) for cell in json.loads(self.cells)]
        cells = [seeded(study, own, self.first_seed)[self.population] for own in settings]
        return packed(cells)


def switches() -> tuple[tuple[str, Any], ...]:
    """This process's switches of JAX, for workers to take over; haste is told apart.

    Where a CPU here has several devices a worker has two, whatever its cores, and compiles for as
    many threads: see :mod:`toylab.train.engine`.
    """
    found = tuple((s, read_switch(s)) for n, s in SWITCHES.items() if n != HASTE)
    if jax.default_backend() != "cpu":
        return found
    several = ((DEVICES, 2),) if len(jax.devices()) > 1 else ()
    return (*found, *several, (THREADS, cpu_threads()))


def digest(file: str) -> str:
    """SHA-256 of a study's file; empty for the name of one of the laboratory's."""
    if not (file.endswith(".py") or "/" in file):
        return ""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        reason = error.strerror or error
        raise ToylabError(f"{platform.node()} cannot read {file}: {reason}.") from None


def job_of(
    manifest: Mapping[str, Any], population: str, tile: int, source: str | None = None
) -> Job:
    """Return the job of a run's population.

    Args:
        manifest: the run's.
        population: its name.
        tile: members per tile.
        source: the study's file, where it is another than the run was begun with.

    Raises:
        ToylabError: a study that workers cannot find, as it has neither a file nor a known name.
    """
    file = str(Path(source).resolve()) if source else manifest["source"]
    study = file or manifest["study"]
    if not file and study not in study_names():
        raise ToylabError(
            f"Study {study} has no file that workers could read; write it into one and name that."
        )
    pack = manifest.get("packs", {}).get(population)
    cells = [manifest["cells"][number] for number in pack["cells"]] if pack else []
    return Job(
        study,
        digest(study),
        manifest["preset"],
        json.dumps(manifest["config"]),
        manifest.get("first_seed", 0),
        pack["population"] if pack else population,
        json.dumps(cells) if pack else "",
        tile,
        switches(),
        tuple(manifest["numerics"].items()),
        tuple(manifest.get("data", {}).items()),
        manifest["preset"] == "smoke",
    )


@functools.lru_cache(maxsize=8)
def population_of(job: Job) -> Population:
    """Return a job's whole population; made once per process."""
    return job.whole()


@dataclasses.dataclass(frozen=True)
class Tile:
    """A tile: the population of its members alone, and the rectangle that they sit in.

    Attributes:
        population: of the tile's members, in the order of the whole one.
        layout: a single tile; see :class:`toylab.train.layout.Layout`.
        members: index of each among the whole population's.
    """

    population: Population
    layout: Layout
    members: np.ndarray


def tiles_of(population: Population, tile: int) -> list[np.ndarray]:
    """Return which members each tile trains, a rectangle (G, M) of indices each."""
    return list(arrange(population.members["data_seed"], tile, 1).index_TGM)


def tile_of(population: Population, index_GM: np.ndarray) -> Tile:
    """Return one tile as a population of its own, which trains to the bits it has in the whole.

    Args:
        population: the whole one.
        index_GM: the tile's rectangle of members.
    """
    members, first, inverse = np.unique(index_GM, return_index=True, return_inverse=True)
    columns = {name: column[members] for name, column in population.members.columns.items()}
    own = dataclasses.replace(population, members=Members(columns), tile=index_GM.size, devices=1)
    return Tile(own, Layout(inverse.reshape(1, *index_GM.shape), first, 1), members)


def differing(have: Mapping[str, str], had: Mapping[str, str]) -> dict[str, str]:
    """Return in words, by name, what moves bits and is not what it was where the run began.

    Args:
        have: a worker's numerics.
        had: the run's. Haste is left out: a worker compiles as the job says.
    """
    return {
        name: f"{name} is {have.get(name)}, not {value}"
        for name, value in had.items()
        if have.get(name) != value and name != HASTE
    }
