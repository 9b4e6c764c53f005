"""Where a spread run keeps the tiles of an unfinished population: a file for each, whole or absent.

    state/{population}.tiles/00042.tile         its state and records so far
    state/{population}.tiles/00042-500.tile     its parameters at step 500

A file is the SHA-256 of what follows, and a safetensors file. They are not in the run's list of
checksums: ten thousand tiles would each write that list anew.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from toylab.cluster.worker import Flat, Stretch
from toylab.errors import ToylabError
from toylab.runs import decoding
from toylab.runs.atomic import write_bytes
from toylab.runs.run_folder import RunFolder

DIGEST = 32


class TileStore:
    """The tiles of one population in a run folder.

    Args:
        run: the folder, held for writing.
        population: the population's name.
    """

    def __init__(self, run: RunFolder, population: str):
        self.run, self.folder = run, f"state/{population}.tiles"

    def any(self) -> bool:
        """Whether a tile has been kept."""
        folder = self.run.inside(self.folder)
        return folder.is_dir() and any(folder.glob("*.tile"))

    def save(self, tile: int, stretch: Stretch) -> None:
        """Keep where a tile stands; the parameters of its snapshots first."""
        for step, params in stretch.snapshots.items():
            self._write(f"{tile:05d}-{step}", params)
        arrays = {f"state/{n}": a for n, a in (stretch.state or {}).items()}
        arrays |= {f"records/{n}": a for n, a in stretch.records.items()}
        if stretch.dead_at is not None:
            arrays["dead_at"] = stretch.dead_at
        self._write(f"{tile:05d}", arrays | {"step": np.asarray(stretch.step, np.int64)})

    def load(self, tile: int) -> Stretch:
        """Return where a tile stands; a new one at step 0.

        Raises:
            ToylabError: a damaged file, or one of another run.
        """
        if not self.run.inside(f"{self.folder}/{tile:05d}.tile").exists():
            return Stretch()
        arrays = self._read(f"{tile:05d}")
        part = lambda prefix: {
            n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)
        }
        state, dead_at = part("state/") or None, arrays.get("dead_at")
        if "step" not in arrays or (state is None) == (dead_at is None):
            raise self._damaged(f"{tile:05d}")
        return Stretch(int(arrays["step"]), state, part("records/"), {}, dead_at)

    def snapshot(self, tile: int, step: int) -> Flat:
        """Return the parameters of a tile's members at a step."""
        return self._read(f"{tile:05d}-{step}")

    def clear(self) -> None:
        """Remove all of it."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.run.inside(self.folder))

    def _write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        solid = {n: np.asarray(a, order="C") for n, a in arrays.items()}
        data = safetensors.numpy.save(solid, metadata={"run": self.run.manifest["run_id"]})
        path = self.run.inside(f"{self.folder}/{name}.tile")
        write_bytes(path, hashlib.sha256(data).digest() + data)

    def _read(self, name: str) -> Flat:
        path = self.run.inside(f"{self.folder}/{name}.tile")
        if not path.is_file():
            raise self._damaged(name)
        data = path.read_bytes()
        if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
            raise self._damaged(name)
        about, arrays = decoding.tensors(path, data[DIGEST:])
        if about.get("run") != self.run.manifest["run_id"]:
            raise self._damaged(name)
        return arrays

    def _damaged(self, name: str) -> ToylabError:
        folder = self.run.path / self.folder
        return ToylabError(
            f"{folder / name}.tile is damaged or missing; delete {folder} and run "
            f"'toylab resume {self.run.path}', which trains that population again."
        )
