"""The run folder: everything a study leaves behind, each file whole or absent.

    manifest.json          config, members, versions, device, flags, commit, precision, wall time
    metrics.parquet        long: population, member, step, name, value
    snapshots/*.safetensors  {population}-{step}: flat names, leading axis P
    state/*.safetensors    {population}: what an unfinished run resumes from
    measures/*             tables (.parquet) and arrays (.npy)
    claims.json            verdicts
    figures/               pictures
    checksums.json         sha256 of each file above

How files are kept is in :mod:`toylab.runs.files`. A run folder is data: nothing in it is executed.
"""

import io
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import safetensors.numpy

from toylab.claims import Verdict, to_json
from toylab.errors import ToylabError, nearest
from toylab.read import DIVERGED, SEED
from toylab.runs import decoding
from toylab.runs import manifest as manifests
from toylab.runs.atomic import write_bytes, write_new
from toylab.runs.files import Files
from toylab.show.verdicts import Verdicts
from toylab.trees import unflatten

Measures = dict[str, pl.DataFrame | np.ndarray]
MEASURES = {"parquet": decoding.table, "npy": decoding.array}


class RunFolder(Files):
    """A run folder, open for reading; ``with run.writing():`` makes this process its writer.

    Args:
        path: an existing run folder.

    Raises:
        ToylabError: no run folder there, or a damaged manifest.

    Example:
        >>> run = RunFolder("runs/superposition-smoke")      # doctest: +SKIP
        >>> params = run.params("geometry", run.steps("geometry")[-1])   # doctest: +SKIP
    """

    def __init__(self, path: str | Path):
        super().__init__(path)
        self.manifest = self._manifest()

    @classmethod
    def create(cls, path: str | Path, manifest: Mapping[str, Any]) -> Self:
        """Make a new run folder.

        Raises:
            ToylabError: something is there already, or the folder cannot be written.
        """
        path = Path(path)
        taken = ToylabError(
            f"{path} already holds a run. Continue it with 'toylab resume {path}', or name another "
            "folder with --out."
        )
        if (path / manifests.NAME).exists():
            raise taken
        left = lambda p: p.name.startswith(".") and p.name.endswith(".tmp")  # by a killed start
        if path.exists() and (not path.is_dir() or not all(map(left, path.iterdir()))):
            raise ToylabError(f"{path} exists and is not an empty folder; name another with --out.")
        data = manifests.encode({"run_id": secrets.token_hex(8), **manifest})
        if not write_new(path / manifests.NAME, data):
            raise taken
        return cls(path)

    def writing(self) -> Self:
        """Become the folder's one writer, until ``close`` or the end of a ``with``.

        Raises:
            ToylabError: another process is writing there.
        """
        super().writing()
        # Another writer may have finished since this folder was opened.
        self.manifest = self._manifest()
        return self

    def note(self, **entries: Any) -> None:
        """Add entries to the manifest."""
        self.manifest |= entries
        self._need_lock()
        write_bytes(self.inside(manifests.NAME), manifests.encode(self.manifest))

    def trained(self, population: str, seconds: float) -> None:
        """Add to the seconds that training a population took, here or where it was reused from."""
        so_far = self.manifest.get("trained_s", {})
        self.note(trained_s=so_far | {population: so_far.get(population, 0.0) + seconds})

    def _manifest(self) -> dict[str, Any]:
        return manifests.decode(self.path / manifests.NAME, self.read_plain(manifests.NAME))

    def write_tensors(self, name: str, arrays: Mapping[str, np.ndarray], **about: str) -> None:
        """Write flat arrays as safetensors, marked with the run they belong to."""
        solid = {n: np.asarray(a, order="C") for n, a in arrays.items()}
        about = {"run": self.manifest["run_id"], **about}
        self.write(name, safetensors.numpy.save(solid, metadata=about))

    def read_tensors(self, name: str) -> dict[str, np.ndarray]:
        """Read flat arrays.

        Raises:
            ToylabError: damaged, truncated, or of another run.
        """
        about, arrays = decoding.tensors(self.path / name, self.read(name))
        if about.get("run") != self.manifest["run_id"]:
            raise ToylabError(
                f"{self.path / name} belongs to another run ({about.get('run')}); "
                f"delete it and run 'toylab resume {self.path}'."
            )
        return arrays

    # What a reader asks for -----------------------------------------------------------------

    def populations(self) -> list[str]:
        """Names of the run's populations."""
        return list(self.manifest.get("members", {}))

    def finished(self) -> dict[str, Any]:
        """What is known of the populations that are trained: when their members diverged."""
        return self.manifest.get("finished", {})

    def members(self, population: str) -> pl.DataFrame:
        """The table of a population's members, with a leading column ``member``."""
        tables = self.manifest.get("members", {})
        if population not in tables:
            raise ToylabError(f"No population {population!r}: {nearest(population, tables)}")
        kinds = {n: np.int64 if n.endswith("_seed") else np.float64 for n in tables[population]}
        table = pl.DataFrame({n: np.array(tables[population][n], k) for n, k in kinds.items()})
        return table.with_row_index("member").cast({"member": pl.Int64})

    def steps(self, population: str) -> list[int]:
        """Steps at which the population's parameters were kept."""
        pattern = re.compile(rf"snapshots/{re.escape(population)}-(\d+)\.safetensors")
        return sorted(int(m[1]) for f in self.files() if (m := pattern.fullmatch(f)))

    def params(
        self, population: str, step: int | None = None, *, diverged: bool = False
    ) -> dict[str, Any]:
        """Parameter tree of a population with leading axis P.

        Args:
            population: its name.
            step: a step of :meth:`steps`; the last by default.
            diverged: keep the last finite parameters of members that have diverged by then, in
                place of NaN.
        """
        steps = self.steps(population)
        if step is None and steps:
            step = steps[-1]
        if step not in steps:
            kept = ", ".join(map(str, steps)) or "none"
            raise ToylabError(f"{population!r} has no snapshot at step {step}; kept: {kept}.")
        flat = self.read_tensors(f"snapshots/{population}-{step}.safetensors")
        lost_P = self._diverged_by(population, step)
        if not diverged and lost_P.any():
            flat = {name: _without(leaf, lost_P) for name, leaf in flat.items()}
        return unflatten(flat)

    def shapes(self, population: str, step: int) -> dict[str, tuple[int, ...]]:
        """Shape of every kept parameter of one member at a step, by its flat name.

        Raises:
            ToylabError: a file that is none, or one of another number of members.
        """
        name = f"snapshots/{population}-{step}.safetensors"
        found = decoding.shapes(self.path / name, self.inside(name))
        size = self.members(population).height
        for leaf, shape in found.items():
            if shape[:1] != (size,):
                raise ToylabError(f"{self.path / name}: {leaf} is {shape}, of {size} members.")
        return {leaf: shape[1:] for leaf, shape in found.items()}

    def _diverged_by(self, population: str, step: int) -> np.ndarray:
        at_P = np.asarray(self.finished().get(population, {}).get("dead_at", -1))
        return (at_P >= 0) & (at_P <= step)

    def dead_at(self, population: str) -> np.ndarray:
        """Step at which each member's loss ceased to be finite, -1 for finite members, (P,)."""
        finished = self.finished()
        if population not in finished:
            raise ToylabError(
                f"{population!r} is not a finished population: {nearest(population, finished)}"
            )
        return np.asarray(finished[population]["dead_at"])

    def diverged(self) -> pl.DataFrame:
        """Members whose loss ceased to be finite: population, member, their numbers, step."""
        tables = [
            self.members(name)
            .with_columns(pl.lit(name).alias("population"), pl.Series("step", done["dead_at"]))
            .filter(pl.col("step") >= 0)
            for name, done in self.finished().items()
            if done["dead_at"]
        ]
        empty = pl.DataFrame(schema={"population": pl.String, "member": pl.Int64, SEED: pl.Int64})
        return pl.concat([empty, *tables], how="diagonal_relaxed")

    def lost(self) -> bool:
        """Whether all is trained, and every member of every population diverged."""
        finished = self.finished()
        trained = bool(finished) and finished.keys() >= self.manifest.get("members", {}).keys()
        return trained and all(
            done["dead_at"] and min(done["dead_at"]) >= 0 for done in finished.values()
        )

    def losses(self) -> list[str]:
        """How many members of which population diverged, a line for each that lost some."""
        counts = {
            name: (sum(at >= 0 for at in done["dead_at"]), len(done["dead_at"]))
            for name, done in self.finished().items()
        }
        return [f"{name}: {k} of {n} members diverged" for name, (k, n) in counts.items() if k]

    def metrics(self, *, diverged: bool = False) -> pl.DataFrame:
        """Long table: population, member, step, name, value.

        Args:
            diverged: keep what was recorded of members after they diverged, in place of NaN.
        """
        path = self.path / "metrics.parquet"
        table = decoding.metrics(path, self.read("metrics.parquet"))
        if diverged or (lost := self.diverged()).is_empty():
            return table
        at = lost.select("population", "member", pl.col("step").alias("at"))
        both = table.join(at, on=["population", "member"], how="left", maintain_order="left")
        over = (pl.col("step") >= pl.col("at")).fill_null(False)
        value = pl.when(over).then(float("nan")).otherwise(pl.col("value")).cast(pl.Float32)
        return both.with_columns(value=value).drop("at")

    def measures(self) -> Measures:
        """Every stored measure, tables as DataFrames and arrays as NumPy arrays.

        The table ``diverged`` (:meth:`diverged`) stands among them, for readings.
        """
        found: Measures = {DIVERGED: self.diverged()}
        for name in self.files():
            stem, kind = _measure_of(name)
            if kind in MEASURES:
                found[stem] = MEASURES[kind](self.path / name, self.read(name))
        return found

    def measured(self) -> bool:
        """Whether every measure of the study is stored."""
        kept = {_measure_of(name)[0] for name in self.files()}
        names = self.manifest.get("measured")
        return names is not None and kept.issuperset(names)

    def write_measures(self, measures: Mapping[str, pl.DataFrame | np.ndarray]) -> None:
        """Store measures under their names, in place of those that are there."""
        if DIVERGED in measures:
            raise ToylabError(f"A measure may not be named {DIVERGED!r}; rename it.")
        old = {name for name in self.files() if _measure_of(name)[0]}
        for name, value in measures.items():
            buffer, file = io.BytesIO(), f"measures/{name}."
            if isinstance(value, pl.DataFrame):
                file += "parquet"
                value.write_parquet(buffer)
            else:
                file += "npy"
                np.save(buffer, np.asarray(value), allow_pickle=False)
            self.write(file, buffer.getvalue())
            old.discard(file)
        for file in old:
            self.remove(file)

    def claims(self) -> Verdicts:
        """The verdicts, a list that shows itself as a table."""
        return Verdicts(decoding.verdicts(self.path / "claims.json", self.read("claims.json")))

    def write_claims(self, verdicts: list[Verdict]) -> None:
        """Store the verdicts."""
        self.write("claims.json", to_json(verdicts).encode())

    def figures(self) -> list[Path]:
        """Paths of the drawn figures."""
        return sorted((self.path / "figures").glob("*.png"))


def _measure_of(name: str) -> tuple[str, str]:
    """Return the name of the measure that a file holds, and its kind; two empty texts for none."""
    stem, dot, kind = name.removeprefix("measures/").rpartition(".")
    return (stem, kind) if name.startswith("measures/") and dot else ("", "")


def _without(leaf_P: np.ndarray, lost_P: np.ndarray) -> np.ndarray:
    """Return an array with NaN for the members that are lost; whole numbers stay."""
    if not np.issubdtype(leaf_P.dtype, np.floating):
        return leaf_P
    leaf_P = leaf_P.copy()
    leaf_P[lost_P] = np.nan
    return leaf_P
