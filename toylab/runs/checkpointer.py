"""The checkpointer of a run folder: where a training run puts its state, snapshots and records."""

import dataclasses
import io

import numpy as np
import polars as pl

from toylab.errors import ToylabError
from toylab.runs.run_folder import RunFolder
from toylab.train.engine import Records


@dataclasses.dataclass
class FolderCheckpointer:
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
        step, records = arrays.get("step"), part("records/")
        size = len(next(iter(self.run.manifest["members"][self.population].values())))
        if step is None or step.shape or step < 0 or (self.due and step > max(self.due)):
            raise self._unreadable("its step is none of this run")
        if not _are_records(records, size):
            raise self._unreadable("its records are no table")
        if self._lost(int(step)):
            return None
        return int(step), part("state/"), records

    def _unreadable(self, why: str) -> ToylabError:
        name = self.run.path / f"state/{self.population}.safetensors"
        return ToylabError(f"{name} is no readable state: {why}; delete it and resume.")

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
        self.discard()

    def prune(self) -> None:
        """Remove snapshots of steps that are not due, which a study had before it changed."""
        for step in {*self.run.steps(self.population)} - {*self.due}:
            self.run.remove(f"snapshots/{self.population}-{step}.safetensors")

    def discard(self) -> None:
        """Remove the state of a finished population; its writer may have been killed before."""
        self.run.remove(f"state/{self.population}.safetensors")


def _are_records(records: Records, size: int) -> bool:
    """Whether records have a row for every step that they name, and a column per member."""
    if not records:
        return True
    at = records.get("step", np.zeros(0))
    return (
        at.ndim == 1
        and np.issubdtype(at.dtype, np.integer)
        and len(at) > 0
        and bool((np.diff(at) > 0).all())
        and "loss" in records
        and all(v.shape == (len(at), size) for n, v in records.items() if n != "step")
    )


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
