"""Keepers: where a training run puts its state, snapshots and records."""

import dataclasses
import io
from typing import Any

import numpy as np
import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.train.engine import Program, Records
from toylab.train.loop import train
from toylab.train.returns import check_population
from toylab.train.starts import check_params
from toylab.trees import flatten, unflatten


@dataclasses.dataclass
class FolderKeeper:
    """Keeps a population's run in a run folder, so that it survives being killed.

    Args:
        run: the folder, held for writing.
        population: the population's name.
        due: steps at which it keeps snapshots.
    """

    run: RunFolder
    population: str
    due: tuple[int, ...] = ()

    def complete(self) -> bool:
        """Whether the population is trained and all that it left is still there."""
        finished, files = self.run.manifest.get("finished", {}), self.run.files()
        if self.population not in finished or self._lost(max(self.due)):
            return False
        if max(self.due) == 0:  # no step, so no record
            return True
        return "metrics.parquet" in files and self.population in self.run.metrics()["population"]

    def _lost(self, step: int) -> set[int]:
        return {s for s in self.due if s <= step} - set(self.run.steps(self.population))

    def load(self) -> tuple[int, dict[str, np.ndarray], Records] | None:
        """Return what the last save kept; None when only a run from the start can help."""
        name = f"state/{self.population}.safetensors"
        if name not in self.run.files():
            return None
        arrays = self.run.read_tensors(name)
        part = lambda prefix: {
            n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)
        }
        if self._lost(int(arrays["step"])):
            return None
        return int(arrays["step"]), part("state/"), part("records/")

    def save(self, step: int, state: dict[str, np.ndarray], records: Records) -> None:
        """Keep state, records and step in one file, so that they can never disagree."""
        arrays = {f"state/{n}": a for n, a in state.items()}
        arrays |= {f"records/{n}": a for n, a in records.items()}
        arrays["step"] = np.asarray(step, np.int64)
        self.run.write_tensors(f"state/{self.population}.safetensors", arrays)

    def snapshot(self, step: int, params: dict[str, np.ndarray]) -> None:
        """Keep the parameters of a step."""
        name = f"snapshots/{self.population}-{step}.safetensors"
        self.run.write_tensors(name, params, population=self.population, step=str(step))

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Add the records to ``metrics.parquet`` and mark the population as finished."""
        table = long_table(self.population, records)
        if "metrics.parquet" in self.run.files():
            rest = self.run.metrics(diverged=True).filter(pl.col("population") != self.population)
            table = pl.concat([rest, table])
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        self.run.write("metrics.parquet", buffer.getvalue())
        done = dict(self.run.manifest.get("finished", {}))
        done[self.population] = {"dead_at": dead_at.tolist()}
        self.run.note(finished=done)
        self.run.remove(f"state/{self.population}.safetensors")


@dataclasses.dataclass
class Fit:
    """A population trained in memory, for notebooks and tests.

    Attributes:
        snapshots: ``{step: parameter tree with leading axis P}``.
        records: ``{name: (records, P)}`` and ``step``.
        dead_at: step of death, -1 for the living, (P,).
    """

    snapshots: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    records: Records = dataclasses.field(default_factory=dict)
    dead_at: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def params(self) -> dict[str, Any]:
        """Parameters at the last step."""
        return self.snapshots[max(self.snapshots)]

    def load(self) -> None:
        """Start afresh."""

    def save(self, step: int, state: dict[str, np.ndarray], records: Records) -> None:
        """Keep nothing of an unfinished run."""

    def snapshot(self, step: int, params: dict[str, np.ndarray]) -> None:
        """Keep the parameters of a step."""
        self.snapshots[step] = unflatten(params)

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Keep the records."""
        self.records, self.dead_at = records, dead_at


def fit(population: Population, start: Any = None) -> Fit:
    """Train a population in memory.

    Args:
        population: what is trained.
        start: initial parameters in place of drawn ones, a tree with leading axis P.

    Returns:
        Its snapshots, records and dead.

    Raises:
        ToylabError: initial parameters that are not those of the model.

    Example:
        >>> from toylab.members import seeds
        >>> from toylab.models import Autoencoder
        >>> from toylab.optim import AdamW
        >>> from toylab.tasks.superposition.superposition import Sparse
        >>> result = fit(Population(model=Autoencoder(5, 2), task=Sparse(5, density=0.1),
        ...     members=seeds(3), optimizer=AdamW(1e-2, 0.0), steps=20, batch_size=32))
        >>> result.params["W"].shape
        (3, 2, 5)
    """
    check_population(population)
    keeper, first = Fit(), None
    if start is not None:
        first = {name: np.asarray(leaf) for name, leaf in flatten(start).items()}
        of_one = {name: leaf.shape[1:] for name, leaf in first.items()}
        check_params(population.model, of_one, "fit: the population")
    train(Program(population), keeper, start=first)
    return keeper


def long_table(population: str, records: Records) -> pl.DataFrame:
    """Return records as a long table: population, member, step, name, value."""
    tables = []
    steps = records.get("step", np.zeros(0, np.int64))
    for name, values_SP in records.items():
        if name == "step":
            continue
        s, p = values_SP.shape
        tables.append(
            pl.DataFrame(
                {
                    "member": np.tile(np.arange(p, dtype=np.int64), s),
                    "step": np.repeat(steps, p),
                    "name": pl.Series([name], dtype=pl.String).new_from_index(0, s * p),
                    "value": values_SP.reshape(-1).astype(np.float32),
                }
            )
        )
    if not tables:
        schema = {"member": pl.Int64, "step": pl.Int64, "name": pl.String, "value": pl.Float32}
        tables = [pl.DataFrame(schema=schema)]
    return pl.concat(tables).select(pl.lit(population).alias("population"), pl.all())
