"""Run folders from elsewhere: nothing in them is executed, and what differs is named."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from toylab.cluster import training
from toylab.errors import ToylabError
from toylab.lab import draw, judge, resume, run_study
from toylab.runs import manifest as manifests
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.reporter import Interrupted
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study

STUDY = """
import dataclasses
from pathlib import Path
import polars as pl
import toylab as tl
from toylab.tasks.superposition.superposition import Sparse

Path(__file__).with_name("ran").touch()

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 2
    steps: int = 40
    rate: float = 0.01

def populations(config):
    return {"p": tl.Population(model=tl.Autoencoder(4, 2), task=Sparse(4, density=0.5),
        members=tl.seeds(config.seeds), optimizer=tl.AdamW(config.rate, 0.0), steps=config.steps,
        batch_size=4, snapshots=(0, 10, 20), record_every=5)}

def measure(config, run):
    table = pl.DataFrame({"init_seed": [0, 1], "loss": tl.final_loss(run, "p")})
    return {"ends": table, "rungs": pl.DataFrame({"step": run.steps("p")})}

study = tl.Study(name="mine", title="Mine", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=lambda measures, config: {},
    claims=[tl.Claim("low", "Loss is low.", "none", tl.table("ends").value("loss"),
                     tl.Expect.below(1.0), "theory: a guess costs 1")])
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "mine.py"
    path.write_text(STUDY)
    return path


def started(source: Path, out: Path, **more) -> RunFolder:
    return run_study(load_study(str(source)), "smoke", out, source=str(source), **more)


def rewrite(run: Path, **entries) -> None:
    """Change a manifest as somebody else might, with a checksum that fits."""
    path = run / "manifest.json"
    path.write_bytes(manifests.encode(json.loads(path.read_text()) | entries))


def test_a_users_own_run_is_judged_again_and_another_file_is_not_run(source: Path, tmp_path: Path):
    run = started(source, tmp_path / "run")
    (source.parent / "ran").unlink()
    judge(run.path)
    evil = tmp_path / "evil" / "evil.py"
    evil.parent.mkdir()
    evil.write_text(STUDY)  # the same words, in a file that this user never ran, count as run
    evil.write_text(STUDY + "\n# another file\n")
    for entries in ({"source": str(evil)}, {"source": None, "study": str(evil)}):
        rewrite(run.path, **entries)
        for act in (judge, draw, resume):
            with pytest.raises(ToylabError, match=r"you have not run|no study of this laboratory"):
                act(run.path)
    assert not (evil.parent / "ran").exists()
    rewrite(run.path, source=str(evil), study="mine")
    judge(run.path, source=str(evil))
    assert (evil.parent / "ran").exists()


def test_resume_refuses_a_study_that_has_changed_unless_it_is_adopted(source: Path, tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        started(source, out, stop=lambda: True)
    source.write_text(STUDY.replace("tl.AdamW(config.rate, 0.0)", "tl.AdamW(config.rate, 0.5)"))
    with pytest.raises(ToylabError, match=r"the optimizer of 'p' had .*0\.0.* and has .*0\.5"):
        resume(out, source=str(source))
    run = resume(out, source=str(source), adopt=True)
    assert "optimizer" in run.manifest["adopted"][0]


def test_a_lost_snapshot_leaves_no_stale_measure(source: Path, tmp_path: Path):
    run = started(source, tmp_path / "run")
    assert run.measures()["rungs"].height == 4
    (run.path / "snapshots/p-10.safetensors").unlink()
    with pytest.raises(ToylabError, match="lost the snapshot of 'p' at step 10"):
        judge(run.path, remeasure=True)
    again = resume(run.path)
    assert again.steps("p") == [0, 10, 20, 40]
    assert again.measures()["rungs"].height == 4


def test_a_stop_is_asked_at_every_border(source: Path, tmp_path: Path):
    run = started(source, tmp_path / "run")
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > 1

    with pytest.raises(Interrupted):  # nothing to train: the border after measuring
        resume(run.path, stop=stop)
    assert len(calls) == 2


def test_the_tile_of_a_run_is_kept(source: Path, tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        started(source, out, stop=lambda: True)
    tile = RunFolder(out).manifest["tiles"]["p"]
    rewrite(out, tiles={"p": 2})
    run = resume(out)
    assert run.manifest["tiles"]["p"] == 2 != tile or tile == 2


def test_first_seed_gives_other_networks_with_the_same_names(source: Path, tmp_path: Path):
    one = started(source, tmp_path / "a")
    two = started(source, tmp_path / "b", first_seed=1000)
    assert one.members("p").equals(two.members("p"))
    assert not np.array_equal(one.params("p")["W"], two.params("p")["W"])
    assert two.manifest["first_seed"] == 1000
    again = judge(two.path, remeasure=True)
    assert [dataclasses.asdict(v) for v in again.claims()] == [
        dataclasses.asdict(v) for v in two.claims()
    ]


def test_a_state_that_a_killed_writer_left_is_removed(source: Path, tmp_path: Path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(FolderCheckpointer, "discard", lambda self: None)
        short = partial(training.train, save_seconds=0.0, chunk_seconds=0.0)
        killed.setattr(training, "train", short)
        run = started(source, tmp_path / "run")
    assert (run.path / "state" / "p.safetensors").exists()
    assert "state/p.safetensors" not in resume(run.path).files()
    assert not (run.path / "state" / "p.safetensors").exists()
