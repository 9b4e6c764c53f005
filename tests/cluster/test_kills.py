"""A sweep whose workers and drivers are killed: every bit is there in the end, on real engines.

Slow, and only where the engines are: Dask's own scheduler and workers, and a real Slurm.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest

from toylab.runs.run_folder import RunFolder

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("TOYLAB_TORTURE", "100"))  # of workers; a fifth as many of drivers
SEED = int(os.environ.get("TOYLAB_SEED", "0"))
GRID = ("rate=0.001:0.1:log16", "hidden=1,2,3,4")  # 64 runs in four programs

STUDY = """
import dataclasses
import polars as pl
import toylab as tl
from toylab.tasks.superposition.superposition import Sparse

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 8
    steps: int = 1500
    rate: float = 0.01
    hidden: int = 2

def populations(config):
    return {"p": tl.Population(model=tl.Autoencoder(20, config.hidden),
        members=tl.seeds(config.seeds), task=Sparse(20, density=0.1),
        optimizer=tl.AdamW(config.rate, 0.0), steps=config.steps, snapshots=(0, 1000),
        batch_size=64, tile=8)}

def measure(config, run):
    norm = (run.params("p")["W"].astype("float64") ** 2).sum((1, 2))
    return {"norm": run.members("p").with_columns(pl.Series("norm", norm))}

study = tl.Study(name="swept", title="Swept", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=lambda measures, config: {}, claims=[
        tl.Claim("low", "Weights stay.", "none", tl.table("norm").value("norm"),
            tl.Expect.below(100.0), "ours: a hundred", min_units=8, headline=True)])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with the study and its sweep as one process makes it."""
    root = tmp_path_factory.mktemp("kills")
    (root / "swept.py").write_text(STUDY)
    subprocess.run(command(root, "here"), check=True, env=environment(root), cwd=root)
    return root


def environment(root: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_STATE_HOME": str(root / "state"),
        "JAX_COMPILATION_CACHE_DIR": str(root / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def command(root: Path, out: str, *rest: str) -> list[str]:
    words = [sys.executable, "-m", "toylab", "sweep", str(root / "swept.py"), "--preset", "smoke"]
    return [*words, "--grid", *GRID, "--out", str(root / out), *rest]


def assert_alike(one: Path, other: Path) -> None:
    """Two sweeps hold the same bits in every cell."""
    cells = sorted(path.name for path in (one / "cells").iterdir())
    assert cells == sorted(path.name for path in (other / "cells").iterdir())
    for cell in cells:
        mine, theirs = RunFolder(one / "cells" / cell), RunFolder(other / "cells" / cell)
        for step in mine.steps("p"):
            for name, leaf in mine.params("p", step).items():
                np.testing.assert_array_equal(leaf, theirs.params("p", step)[name])
        key = ["population", "member", "step", "name"]
        assert mine.metrics().sort(key).equals(theirs.metrics().sort(key))
    for table in ("claims", "members"):
        mine, theirs = (pl.read_parquet(out / f"{table}.parquet") for out in (one, other))
        assert mine.equals(theirs)


@contextlib.contextmanager
def dask_cluster(root: Path, workers: int) -> Iterator[tuple[Path, psutil.Process]]:
    """Dask's scheduler and workers, whose nannies replace those that end."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    file, log = root / "scheduler.json", (root / "dask.log").open("w")
    dask = [sys.executable, "-m", "dask"]
    shared = {"env": environment(root), "stdout": log, "stderr": log, "cwd": root}
    scheduler = [*dask, "scheduler", "--scheduler-file", str(file), "--no-dashboard"]
    worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard"]
    ran = [
        subprocess.Popen([*scheduler, "--host", "127.0.0.1", "--port", "0"], **shared),
        subprocess.Popen([*worker, "--nworkers", str(workers)], **shared),
    ]
    try:
        while not file.exists():
            time.sleep(0.1)
        yield file, psutil.Process(ran[1].pid)
    finally:
        for process in reversed(ran):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        log.close()


def busy(nanny: psutil.Process) -> list[psutil.Process]:
    """Worker processes that have begun to compute."""
    found = []
    for child in nanny.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()) and child.cpu_times().user > 2.0:
                found.append(child)
    return found


def test_a_sweep_on_dask_outlives_its_workers_and_drivers(home: Path):
    rng, killed, drivers = random.Random(SEED), 0, 0
    rounds, done = 0, False
    with dask_cluster(home, 4) as (file, nanny):
        while killed < KILLS or drivers < KILLS // 5 or not done:
            out = f"there{rounds}"
            words = command(home, out, "--on", f"dask:{file}")
            driver = subprocess.Popen(words, env=environment(home), cwd=home)
            end = time.monotonic() + rng.uniform(8, 40)
            while driver.poll() is None:
                time.sleep(rng.uniform(0.2, 1.0))
                if killed < KILLS and (found := busy(nanny)):
                    with contextlib.suppress(psutil.Error):
                        rng.choice(found).kill()
                        killed += 1
                if drivers < KILLS // 5 and time.monotonic() > end:
                    driver.send_signal(signal.SIGKILL)
                    driver.wait()
                    drivers += 1
            done = driver.returncode == 0
            assert driver.returncode in (0, -signal.SIGKILL)
            if done:
                assert_alike(home / "here", home / out)
                rounds += 1
    print(f"{killed} workers and {drivers} drivers killed over {rounds} sweeps of 64 runs")
    assert killed >= KILLS and drivers >= KILLS // 5


@contextlib.contextmanager
def slurm(root: Path) -> Iterator[dict[str, str]]:
    """A real Slurm of this machine alone; yields what finds it."""
    needed = ("slurmctld", "slurmd", "munged", "sbatch")
    if os.geteuid() != 0 or not all(shutil.which(name) for name in needed):
        pytest.skip("needs root and Debian's slurm-wlm")
    host, base = socket.gethostname().split(".")[0], root / "slurm"
    (base / "control").mkdir(parents=True)
    (base / "slurm.conf").write_text(
        f"ClusterName=toy\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nAuthType=auth/munge\n"
        f"StateSaveLocation={base}/control\nSlurmdSpoolDir={base}/spool\n"
        f"SlurmctldPidFile={base}/control.pid\nSlurmdPidFile={base}/node.pid\n"
        f"SlurmctldLogFile={base}/control.log\nSlurmdLogFile={base}/node.log\n"
        "SlurmctldPort=16827\nSlurmdPort=16828\nProctrackType=proctrack/linuxproc\n"
        "TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n"
        "ReturnToService=2\nMailProg=/bin/true\nJobRequeue=1\n"
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=8000 State=UNKNOWN\n"
        f"PartitionName=short Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"
    )
    found = environment(root) | {"SLURM_CONF": str(base / "slurm.conf")}
    quiet = {"env": found, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for folder in ("/run/munge", "/var/lib/munge", "/var/log/munge"):
        Path(folder).mkdir(exist_ok=True)
        shutil.chown(folder, "munge", "munge")
    # One may be running already.
    subprocess.run(["su", "-s", "/bin/sh", "munge", "-c", "munged"], **quiet)
    daemons = [subprocess.Popen([name, "-D"], **quiet) for name in ("slurmctld", "slurmd")]
    try:
        while subprocess.run(["sinfo", "-h", "-t", "idle"], **quiet).returncode:
            time.sleep(0.5)
        yield found
    finally:
        subprocess.run(["scancel", "--user=root"], **quiet)
        for daemon in daemons:
            daemon.terminate()
            daemon.wait()


def test_a_sweep_on_slurm_outlives_requeued_jobs(home: Path):
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    options = "slurm:2,queue=short,memory=3GB,walltime=00:30:00,extra=--requeue"
    with slurm(home) as found:
        running = lambda: subprocess.run(
            ["squeue", "-h", "-t", "running", "-o", "%i"], env=found, capture_output=True, text=True
        ).stdout.split()
        driver = subprocess.Popen(command(home, "queued", "--on", options), env=found, cwd=home)
        rng, requeued = random.Random(SEED), 0
        while driver.poll() is None:
            time.sleep(2.0)
            jobs = running()
            begun = list((home / "queued").glob("packs/state/*/*.tile"))
            if requeued < 3 and begun and len(jobs) == 2:
                subprocess.run(["scontrol", "requeue", rng.choice(jobs)], env=found, check=True)
                requeued += 1
        assert driver.returncode == 0
        assert requeued
    assert_alike(home / "here", home / "queued")
