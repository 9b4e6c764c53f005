"""Killed at any moment, a run resumes and ends bit-equal to the uninterrupted one.

A process without a JAX backend forks the runs, so that each costs no import; a compilation
cache of its own makes them spend their time in training, where they are killed.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from toylab.runs.run_folder import RunFolder

STUDY = """
import dataclasses
import numpy as np
import polars as pl
from toylab.tasks.superposition.superposition import Sparse
from toylab.claims import Claim, Expect
from toylab.members import seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.read import table
from toylab.study import Study


@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 3


def populations(config):
    shared = dict(task=Sparse(3, 0.5), batch_size=4, steps=120, record_every=2, devices=1,
        model=Autoencoder(3, 2), optimizer=AdamW(0.01, 0.0))
    return {
        "first": Population(members=seeds(config.seeds), snapshots=(0, 30, 60), **shared),
        "second": Population(members=seeds(config.seeds, start=7), **shared),
    }


def measure(config, run):
    norm = np.sum(np.asarray(run.params("first")["W"]) ** 2, (1, 2))
    return {"norm": run.members("first").with_columns(pl.Series("norm", norm))}


claims = [Claim("norm", "Weights grow.", "here", table("norm").value("norm"), Expect.above(0.0),
    "theory: no weight is 0", min_units=3)]
study = Study(name="tiny", title="t", paper="p",
    presets={"smoke": Config()}, costs={}, populations=populations, measure=measure,
    claims=claims, draw=lambda measures, config: {})
"""

FORKER = '''
import functools, os, random, signal, sys, time
from pathlib import Path

import jax
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_compilation_cache_dir", sys.argv[1] + "/cache")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

import toylab.report.figures
from toylab.cluster import training
from toylab.lab import Reporter, resume, run_study
from toylab.study import load_study

training.train = functools.partial(training.train, save_seconds=0.0, chunk_seconds=0.0)
root, source, kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def start(folder):
    """Fork a run of the folder; return its process and a pipe that tells of its chunks."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    class Tell(Reporter):
        def progress(self, progress):
            os.write(write, b".")
    status = 1
    try:
        if (folder / "manifest.json").exists():
            resume(folder, Tell())
        else:
            run_study(load_study(source), "smoke", out=folder, source=source, reporter=Tell())
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def finish(folder):
    child, pipe = start(folder)
    while os.read(pipe, 1024):
        pass
    os.close(pipe)
    assert os.waitpid(child, 0)[1] == 0, "a run failed"


rng = random.Random(0)
finish(root / "whole")
number = done = 0
while done < kills:
    folder = root / f"killed-{number}"
    child, pipe = start(folder)
    alive = bool(os.read(pipe, 1))
    if alive:
        time.sleep(rng.uniform(0, 0.5))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(pipe)
    assert status in (0, signal.SIGKILL), status
    if status == signal.SIGKILL:
        done += 1
    else:
        number += 1  # it was done before the blow: the next one starts anew
if (root / f"killed-{number}").exists():
    finish(root / f"killed-{number}")
# What was lost afterwards is made again.
lost = root / "killed-0"
(lost / "snapshots" / "first-30.safetensors").unlink()
(lost / "measures" / "norm.parquet").unlink()
finish(lost)
print("kills", done)
'''


def assert_equal(a: RunFolder, b: RunFolder) -> None:
    assert a.populations() == b.populations() == ["first", "second"]
    for name in a.populations():
        assert a.steps(name) == b.steps(name)
        for step in a.steps(name):
            one, two = a.params(name, step), b.params(name, step)
            assert one.keys() == two.keys()
            for leaf in one:
                np.testing.assert_array_equal(one[leaf], two[leaf])
        np.testing.assert_array_equal(a.dead_at(name), b.dead_at(name))
    order = ["population", "member", "step", "name"]
    assert a.metrics().sort(order).equals(b.metrics().sort(order))
    assert_frame_equal(a.measures()["norm"], b.measures()["norm"])
    assert a.claims() == b.claims()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_runs_end_bit_equal(tmp_path: Path, kills: int) -> None:
    (tmp_path / "tiny.py").write_text(STUDY)
    command = [sys.executable, "-c", FORKER, tmp_path, tmp_path / "tiny.py", kills]
    told = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert f"kills {kills}" in told.stdout
    whole = RunFolder(tmp_path / "whole")
    assert whole.steps("first") == [0, 30, 60, 120]
    assert len(whole.metrics()) == 2 * 60 * 3
    folders = sorted(tmp_path.glob("killed-*"))
    assert folders
    for folder in folders:
        assert_equal(whole, RunFolder(folder))
