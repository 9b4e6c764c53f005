"""Files of data: recorded by path and content, read to train and to measure, never to judge."""

import dataclasses
import hashlib
import os
from pathlib import Path

import pytest

from toylab.check.data_files import absolute, data_file, digests
from toylab.errors import ToylabError
from toylab.lab import draw, judge, resume, run_study
from toylab.runs.reporter import Interrupted
from toylab.study import load_study

STUDY = """
import dataclasses
from pathlib import Path
import jax, jax.numpy as jnp
import numpy as np
import polars as pl
import toylab as tl

@dataclasses.dataclass(frozen=True)
class Rows(tl.Task):
    path: str = tl.data_file()

    def rows(self):
        return np.loadtxt(self.path, dtype=np.float32, ndmin=2)

    def example(self, key):
        rows = jnp.asarray(self.rows())
        row = rows[jax.random.randint(key, (), 0, len(rows))]
        return tl.Batch(row, row, jnp.ones(3, jnp.float32), {})

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 2
    steps: int = 20
    rows: str = tl.data_file()

def populations(config):
    return {"p": tl.Population(model=tl.Autoencoder(3, 2), task=Rows(config.rows),
        members=tl.seeds(config.seeds), optimizer=tl.AdamW(0.01, 0.0), steps=config.steps,
        batch_size=4, record_every=5)}

def measure(config, run):
    return {"ends": pl.DataFrame({"init_seed": [0, 1], "loss": tl.final_loss(run, "p")})}

study = tl.Study(name="mine", title="Mine", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=lambda measures, config: {},
    claims=[tl.Claim("low", "Loss is low.", "none", tl.table("ends").value("loss"),
                     tl.Expect.below(1.0), "theory: a guess costs 1")])
"""
ROWS = "1 2 3\n4 5 6\n"


@pytest.fixture
def rows(tmp_path: Path, monkeypatch) -> Path:
    """A folder to work in, with a study and its file."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(STUDY)
    Path("rows.txt").write_text(ROWS)
    return tmp_path / "rows.txt"


def begin(**more):
    return run_study(
        load_study("./mine.py"), "smoke", "run", {"rows": "rows.txt"}, source="mine.py", **more
    )


def stopped() -> None:
    """A run that stops after its first chunk."""
    with pytest.raises(Interrupted):
        begin(stop=lambda: True)


def test_a_run_names_its_file_and_is_judged_and_drawn_without_it(rows: Path, monkeypatch):
    run = begin()
    assert run.manifest["data"] == {str(rows): hashlib.sha256(ROWS.encode()).hexdigest()}
    assert run.manifest["config"]["rows"] == str(rows)
    verdicts = run.claims()
    rows.unlink()
    (rows.parent / "elsewhere").mkdir()
    monkeypatch.chdir(rows.parent / "elsewhere")
    assert judge("../run").claims() == verdicts
    draw("../run")
    for act in (resume, lambda path: judge(path, remeasure=True)):
        with pytest.raises(ToylabError, match=r"begun with other data: .*rows\.txt cannot be read"):
            act("../run")


def test_resume_refuses_a_file_that_has_changed_unless_it_is_adopted(rows: Path):
    stopped()
    rows.write_text(ROWS.replace("6", "7"))
    with pytest.raises(ToylabError, match=rf"{rows} has changed: its SHA-256 was .*--adopt"):
        resume("run")
    run = resume("run", adopt=True)
    assert str(rows) in run.manifest["adopted"][0]
    assert run.manifest["data"][str(rows)] == hashlib.sha256(rows.read_bytes()).hexdigest()
    resume("run")  # the adopted file is the run's own now


def test_resume_works_from_another_folder(rows: Path, monkeypatch):
    stopped()
    (rows.parent / "elsewhere").mkdir()
    monkeypatch.chdir(rows.parent / "elsewhere")
    assert resume("../run").manifest["finished"]


def test_a_missing_file_is_told_before_anything_is_written(rows: Path):
    rows.unlink()
    with pytest.raises(ToylabError, match=r"rows\.txt"):
        begin()
    assert not Path("run").exists()


@dataclasses.dataclass(frozen=True)
class Inner:
    where: str = ""


@dataclasses.dataclass(frozen=True)
class Outer:
    games: str = data_file()
    label: str = "plain"
    inner: Inner = Inner()
    count: int = 3


def test_declared_files_must_be_there_and_others_count_where_they_are(rows: Path):
    digest = hashlib.sha256(ROWS.encode()).hexdigest()
    assert digests([Outer(), None, print, Outer]) == {}
    assert digests([Outer(inner=Inner("rows.txt"))]) == {str(rows): digest}
    Path("plain").write_text("")  # a label that a file happens to be called
    assert digests([Outer(inner=Inner("nowhere.txt")), Outer(label="\0.x" + "y" * 5000)]) == {}
    os.mkfifo("pipe")
    for name in ("nowhere.txt", ".", "\0", "x" * 5000, "pipe", "/dev/zero"):
        with pytest.raises(ToylabError, match="cannot be read"):
            digests([Outer(games=name)])
    assert absolute(Outer(games="rows.txt")) == Outer(games=str(rows))
    assert absolute(Outer(label="rows.txt")) == Outer(label="rows.txt")
