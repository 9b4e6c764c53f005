"""Ten thousand tiles in flight: what the driver itself costs, beside tiles of ten seconds each."""

import resource
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toylab.cluster import driver as driving
from toylab.cluster import flights, worker
from toylab.cluster.worker import Stretch
from toylab.lab import begun
from toylab.members import seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.reporter import Reporter
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study
from toylab.tasks.superposition.superposition import Sparse

TILES, SECONDS = 10_000, 10.0
POPULATION = Population(
    model=Autoencoder(20, 5), task=Sparse(20, density=0.1), members=seeds(TILES),
    optimizer=AdamW(1e-3, 0.0), steps=1000, batch_size=64, tile=1,
)  # fmt: skip


class Patient(Executor):
    """Holds everything until all tiles are in flight, then answers as workers would."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future, tuple[Any, ...]]] = []
        self.most = 0

    def submit(self, call: Any, /, *args: Any, **named: Any) -> Future:
        future: Future = Future()
        if call is worker.advance:
            self.waiting.append((future, args))
            self.most = max(self.most, len(self.waiting))
            if len(self.waiting) == TILES:
                self.answer()
        else:
            future.set_result(call(*args, **named))
        return future

    def answer(self) -> None:
        params = {"W": np.zeros((1, 5, 20), np.float32), "b": np.zeros((1, 20), np.float32)}
        state = {f"{part}/{n}": a for part in ("params", "m", "v") for n, a in params.items()}
        records = {"step": np.arange(1, 101), "loss": np.zeros((100, 1), np.float32)}
        waiting, self.waiting = self.waiting, []
        for future, (_, _, _, before, _) in waiting:
            done = before.step == 500
            dead_at = np.full(1, -1, np.int32) if done else None
            kept = {1000: params} if done else {}
            future.set_result(
                Stretch(500, None if done else state, records, kept, dead_at, SECONDS, "there")
            )


@pytest.mark.slow
def test_the_driver_is_a_small_part_of_the_work(tmp_path: Path, monkeypatch):
    study = load_study("superposition")
    names = {"p": POPULATION}
    manifest = begun(study, "smoke", study.config("smoke"), names, None, 0)
    executor = Patient()
    with RunFolder.create(tmp_path / "run", manifest).writing() as run:
        keepers = {"p": FolderCheckpointer(run, "p", POPULATION.boundaries()[1])}
        driver = driving.Driver(run, ["p"], names, keepers, Reporter(), lambda: False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        driver.train(executor)
        spent = time.monotonic() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
        assert run.params("p")["W"].shape == (TILES, 5, 20)
    work = 2 * TILES * SECONDS  # core-seconds
    print(f"{spent:.0f} s of the driver, {grown:.2f} GiB more; {spent / work:.2%} of the work")
    assert executor.most == TILES
    assert flights.IN_FLIGHT  # the bound by bytes lets as many through
    assert grown < 1.0
    assert spent < 0.05 * work
