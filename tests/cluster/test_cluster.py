"""Runs on an engine: the bits of one process, whatever becomes of workers and driver."""

import contextlib
import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cluster.small import assert_alike, written
from toylab import lab
from toylab.cluster import driver as driving
from toylab.cluster import worker
from toylab.cluster.engines import engine, slurm_options, visible_gpus
from toylab.cluster.job import job_of, tile_of, tiles_of
from toylab.cluster.store import TileStore
from toylab.cluster.worker import Stretch, advance
from toylab.errors import ToylabError
from toylab.runs.provenance import CPU_NUMERICS
from toylab.runs.reporter import Interrupted
from toylab.runs.run_folder import RunFolder
from toylab.study import Study, load_study
from toylab.train.loop import train


class KilledWorker(Exception):
    """As Dask calls a task whose workers ended."""


class Here(Executor):
    """Runs what it is given at once, in this process, and loses some of it."""

    def __init__(self, lost: Callable[[], bool] = lambda: False):
        self.lost, self.calls = lost, 0

    def submit(self, call: Any, /, *args: Any, **named: Any) -> Future:
        future: Future = Future()
        self.calls += call is advance
        if call is advance and self.lost():
            future.set_exception(KilledWorker())
            return future
        try:
            future.set_result(call(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with the study and a run of it in this process."""
    root = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        source = str(written(root))
        lab.run_study(load_study(source), "smoke", root / "whole", source=source)
    return root


@pytest.fixture
def small(home: Path, monkeypatch) -> Study:
    """The study; its chunks and stretches are as short as can be."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setattr(driving, "STRETCH", 0.0)
    monkeypatch.setattr(
        worker, "train", lambda *args, **named: train(*args, **named, chunk_seconds=0.0)
    )
    return load_study(str(home / "small.py"))


def run(study: Study, home: Path, out: Path, on: Any, **named: Any) -> RunFolder:
    source = str(home / "small.py")
    return lab.run_study(study, "smoke", out, source=source, on=on, **named)


def test_an_engine_gives_the_bits_of_one_process(small: Study, home: Path, tmp_path: Path):
    executor = Here()
    done = run(small, home, tmp_path / "there", executor)
    assert_alike(RunFolder(home / "whole"), done)
    assert executor.calls > 30  # many stretches, with the state on the disk between them
    assert not list(done.path.glob("state/*"))
    assert set(done.manifest["trained_s"]) == {"p", "first", "next"}


def test_lost_workers_cost_a_stretch_and_no_bit(small: Study, home: Path, tmp_path: Path):
    rng = random.Random(0)
    executor = Here(lambda: rng.random() < 0.5)
    assert_alike(RunFolder(home / "whole"), run(small, home, tmp_path / "there", executor))


def test_workers_that_are_always_lost_are_given_up(small: Study, home: Path, tmp_path: Path):
    with pytest.raises(ToylabError, match=r"lost again and again \(KilledWorker\)"):
        run(small, home, tmp_path / "there", Here(lambda: True))


@pytest.mark.parametrize("then", ["", "engine"])
def test_a_stopped_driver_goes_on_with_or_without_an_engine(
    small: Study, home: Path, tmp_path: Path, then: str
):
    out, asked = tmp_path / "there", iter([False] * 12)
    with pytest.raises(Interrupted):
        run(small, home, out, Here(), stop=lambda: next(asked, True))
    assert TileStore(RunFolder(out), "p").any()
    if not then:  # by default processes of this machine; here a thread of this one
        driving_engine = lambda on: engine(ThreadPoolExecutor(1) if on == "local" else on)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driving, "engine", driving_engine)
            assert_alike(RunFolder(home / "whole"), lab.resume(out))
    else:
        assert_alike(RunFolder(home / "whole"), lab.resume(out, on=Here()))


def test_a_run_begun_in_one_process_goes_on_elsewhere(
    small: Study, home: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(
        "toylab.cluster.training.train",
        lambda *args, **named: train(*args, **named, chunk_seconds=0.0),
    )
    asked = iter([False] * 4)
    with pytest.raises(Interrupted):
        run(small, home, tmp_path / "half", "", stop=lambda: next(asked, True))
    assert list((tmp_path / "half" / "state").glob("*.safetensors"))
    assert_alike(RunFolder(home / "whole"), lab.resume(tmp_path / "half", on=Here()))


def test_processes_that_are_killed_are_replaced(home: Path, tmp_path: Path, monkeypatch):
    """Real processes, a real SIGKILL to each of them as soon as it has begun a tile."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    source = str(home / "small.py")
    command = [sys.executable, "-m", "toylab", "run", source, "--preset", "smoke"]
    command += ["--out", str(tmp_path / "there"), "--on", "local:2"]
    log = (tmp_path / "log").open("w+")
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    killed = 0
    while driver.poll() is None:
        children = _children(driver.pid)
        if children and killed < 2:
            os.kill(children[-1], signal.SIGKILL)
            killed += 1
        time.sleep(0.05)
    log.close()
    assert driver.returncode == 0, (tmp_path / "log").read_text()
    assert killed
    assert_alike(RunFolder(home / "whole"), RunFolder(tmp_path / "there"))


def _children(pid: int) -> list[int]:
    """Worker processes of a driver; of those that end while one looks, none."""
    found = []
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def test_every_member_sits_in_a_tile_of_one_shape(small: Study):
    population = small.populations(small.config("smoke"))["p"]
    tiles = tiles_of(population, 4)
    assert {index.shape for index in tiles} == {(2, 2)}
    own = [tile_of(population, index_GM) for index_GM in tiles]
    assert sorted({int(m) for tile in own for m in tile.members}) == list(range(10))
    for tile in own:
        seeds = population.members["data_seed"][tile.members]
        np.testing.assert_array_equal(tile.population.members["data_seed"], seeds)


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("ray", "known: dask, local, slurm"),
        ("locl:2", "did you mean 'local'"),
        ("local:0", "no number of processes"),
        ("local:many", "no number of processes"),
        ("slurm:many", "begin with the number of jobs"),
        ("slurm:2,que=short", "did you mean 'queue'"),
        ("slurm:2,cores=x", "no whole number"),
        ("slurm:2,queue=", "known|did you mean"),
    ],
)
def test_an_engine_that_is_none_is_refused_before_training(
    small: Study, home: Path, tmp_path: Path, on: str, told: str
):
    pytest.importorskip("distributed", reason="the cluster's packages are not installed")
    pytest.importorskip("dask_jobqueue", reason="the cluster's packages are not installed")
    with pytest.raises(ToylabError, match=told):
        run(small, home, tmp_path / "there", on)


def test_options_of_slurm():
    count, options = slurm_options("8,queue=short,memory=2GB,extra=--requeue")
    assert count == 8
    assert options == {
        "cores": 1, "processes": 1, "queue": "short", "memory": "2GB", "walltime": "01:00:00",
        "log_directory": "slurm-logs", "job_extra_directives": ["--requeue"],
    }  # fmt: skip


def job(home: Path) -> Any:
    return job_of(RunFolder(home / "whole").manifest, "p", 4)


def test_a_worker_with_other_versions_refuses(small: Study, home: Path):
    other = dict(job(home).numerics) | {"jax": "0.0.1"}
    odd = dataclasses.replace(job(home), numerics=tuple(other.items()))
    with pytest.raises(ToylabError, match=r"other bits than this run: jax is .*, not 0\.0\.1"):
        advance(odd, 0, 1.0, Stretch(), None)


ALONE = """
from toylab.cluster.worker import take_over
told = [("jax_num_cpu_devices", 2), ("PJRT_NPROC", 5)]
print(take_over(told)["CPU threads"], take_over([("PJRT_NPROC", 7)])["CPU threads"])
"""


def test_a_worker_compiles_for_as_many_threads_as_the_driver_until_it_has_begun():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.stdout.split() == ["5", "5"], done.stderr


def test_a_worker_with_another_study_file_refuses(small: Study, home: Path):
    with pytest.raises(ToylabError, match=r"has another .*small\.py"):
        advance(dataclasses.replace(job(home), digest="0" * 64), 0, 1.0, Stretch(), None)


def test_workers_of_another_kind_do_not_go_on_with_a_run(
    small: Study, home: Path, tmp_path: Path, monkeypatch
):
    asked = iter([False] * 12)
    with pytest.raises(Interrupted):
        run(small, home, tmp_path / "there", Here(), stop=lambda: next(asked, True))
    theirs = lambda switches: worker.numerics() | {"device": "cpu (another)"}
    monkeypatch.setattr(driving, "take_over", theirs)
    with pytest.raises(ToylabError, match=r"device is cpu \(another\)"):
        lab.resume(tmp_path / "there", on=Here())


def test_a_run_of_workers_of_another_kind_goes_on_with_them(
    small: Study, home: Path, tmp_path: Path, monkeypatch
):
    """As GPUs for a driver without one, which have none of a CPU's numerics."""
    own = {name: value for name, value in worker.numerics().items() if name not in CPU_NUMERICS}
    theirs = lambda switches: own | {"device": "gpu (another)"}
    monkeypatch.setattr(driving, "take_over", theirs)
    monkeypatch.setattr(worker, "take_over", theirs)
    asked = iter([False] * 12)
    with pytest.raises(Interrupted):
        run(small, home, tmp_path / "there", Here(), stop=lambda: next(asked, True))
    with pytest.raises(ToylabError, match=r"device was gpu \(another\)"):
        lab.resume(tmp_path / "there")
    done = lab.resume(tmp_path / "there", on=Here())
    assert done.manifest["numerics"]["device"] == "gpu (another)"
    assert done.claims() and "adopted" not in done.manifest


def test_what_another_run_has_trained_binds_no_worker_to_its_kind(
    small: Study, home: Path, tmp_path: Path, monkeypatch
):
    part = RunFolder(shutil.copytree(home / "whole", tmp_path / "part"))
    with part.writing():
        kept = part.manifest["finished"]
        part.note(finished={name: kept[name] for name in ("p", "first")})
    theirs = lambda switches: worker.numerics() | {"device": "cpu (another)"}
    monkeypatch.setattr(driving, "take_over", theirs)
    monkeypatch.setattr(worker, "take_over", theirs)
    done = run(small, home, tmp_path / "there", Here(), reuse=part.path)
    assert done.manifest["numerics"]["device"] == "cpu (another)"
    assert done.manifest["reused"].keys() == {"p", "first"} and done.claims()


def test_every_worker_has_a_gpu_of_its_own(tmp_path: Path, monkeypatch):
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(tmp_path) == ["0", "1"] and visible_gpus(tmp_path / "none") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert visible_gpus(tmp_path) == ["3", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus(tmp_path) == []


def test_a_worker_with_other_data_refuses(small: Study, home: Path, tmp_path: Path):
    (tmp_path / "rows").write_text("1")
    odd = dataclasses.replace(job(home), data=((str(tmp_path / "rows"), "0" * 64),))
    with pytest.raises(ToylabError, match=r"has other data .*rows has changed"):
        advance(odd, 0, 1.0, Stretch(), None)


def test_workers_take_the_file_that_a_resume_names(home: Path, tmp_path: Path):
    moved = Path(shutil.copy(home / "small.py", tmp_path / "moved.py"))
    manifest = RunFolder(home / "whole").manifest | {"source": "/of/another/machine.py"}
    assert job_of(manifest, "p", 4, str(moved)).study == str(moved)
    with pytest.raises(ToylabError, match=r"cannot read /of/another/machine\.py"):
        job_of(manifest, "p", 4)


def test_a_damaged_tile_is_named(small: Study, home: Path, tmp_path: Path):
    out, asked = tmp_path / "there", iter([False] * 12)
    with pytest.raises(Interrupted):
        run(small, home, out, Here(), stop=lambda: next(asked, True))
    victim = next(p for p in (out / "state/p.tiles").glob("*.tile") if "-" not in p.stem)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    with pytest.raises(ToylabError, match=rf"{victim.name} is damaged or missing; delete"):
        lab.resume(out, on=Here())


def test_a_study_without_a_file_cannot_be_sent(small: Study, tmp_path: Path):
    with pytest.raises(ToylabError, match="no file that workers could read"):
        lab.run_study(small, "smoke", tmp_path / "there", on=Here())
