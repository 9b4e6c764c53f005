"""From a run folder to its networks."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.lab import run_study
from toylab.runs.manifest import encode
from toylab.runs.networks import open_run
from toylab.study import load_study

STUDY = '''
"""A study of two networks."""
import dataclasses
import polars as pl
import toylab as tl
from toylab.tasks.superposition.superposition import Sparse

@dataclasses.dataclass(frozen=True)
class Config:
    """Settings."""
    seeds: int = 2

def populations(config):
    """Autoencoders at two densities."""
    return {"main": tl.Population(
        model=tl.Autoencoder(4, 2), task=Sparse(4, density=0.5),
        members=tl.seeds(config.seeds) * tl.grid(density=(0.5, 0.1)),
        optimizer=tl.AdamW(1e-2, 0.0), steps=4, batch_size=8, snapshots=(0, 2))}

def measure(config, run):
    """The last loss."""
    ends = run.members("main").with_columns(loss=pl.Series(tl.final_loss(run, "main")))
    return {"ends": ends}

CLAIM = tl.Claim("loss", "Loss is finite.", "none", tl.table("ends").mean("loss"),
                 tl.Expect(0, 9), "theory: a loss is not below 0")
study = tl.Study("two", "Two", "None 2024, Nothing", {"smoke": Config()}, {}, populations, measure,
                 [CLAIM], lambda measures, config: {})
'''


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, as it was returned."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "two.py").write_text(STUDY)
    study = load_study(str(folder / "two.py"))
    return run_study(study, "smoke", folder / "run", source=str(folder / "two.py"))


@pytest.fixture(scope="module")
def path(finished):
    """The folder of a finished run."""
    return finished.path


def test_a_run_is_the_same_returned_and_opened(finished, path):
    opened = open_run(path)
    assert type(opened) is type(finished) and repr(opened) == repr(finished)
    one, same = finished.member("main", 3), opened.member("main", 3)
    assert one.model == same.model and finished.model("main") == opened.model("main")
    np.testing.assert_array_equal(one.params["W"], same.params["W"])
    assert vars(finished.config) == vars(opened.config) and opened.study.title == "Two"
    lines = repr(opened).splitlines()
    assert lines[0].startswith("two (smoke) in ") and "4 members" in lines[1]
    assert lines[2] == "  inconclusive: Loss is finite."
    assert "kept at steps 0, 2, 4" in opened._repr_html_()
    assert "inconclusive" in opened.claims()._repr_html_()


def test_a_run_is_read_without_its_study(path, tmp_path):
    away = shutil.copytree(path, tmp_path / "away")
    manifest = json.loads((away / "manifest.json").read_text())
    (away / "manifest.json").write_bytes(encode(manifest | {"source": str(tmp_path / "no.py")}))
    run = open_run(away)
    assert len(run.measures()["ends"]) == 4 and "4 members" in repr(run)
    with pytest.raises(ToylabError, match=r"no\.py"):
        run.model("main")


def test_a_member_knows_its_row_and_runs(path):
    run = open_run(path)
    one = run.member("main", 1)
    assert one.row["init_seed"] == 0 and one.row["density"] == 0.1
    assert one.step == 4 and run.member("main", 0, 2).step == 2
    assert "step 4 (" in repr(one) and "density 0.1" in repr(one)
    x = jnp.ones((3, 4))
    out, acts = one.run(x, record=("hidden",))
    np.testing.assert_allclose(acts["hidden"], x @ np.asarray(one.params["W"]).T, rtol=1e-5)
    whole = run.params("main")
    np.testing.assert_array_equal(one.params["W"], whole["W"][1])
    assert out.shape == (3, 4)


def test_models_and_snapshots_come_by_name(path):
    run = open_run(path)
    assert run.model("main").sites[0] == "hidden_pre"
    assert run.population("main").batch_size == 8
    steps, params = run.snapshots("main")
    assert steps == (0, 2, 4) and params["W"].shape == (3, 4, 2, 4)
    np.testing.assert_array_equal(params["W"][1], run.params("main", 2)["W"])
    assert run.snapshots("main", (4,))[1]["W"].shape == (1, 4, 2, 4)


def test_what_is_not_there_is_named(path):
    run = open_run(path)
    with pytest.raises(ToylabError, match="No population 'maine': did you mean 'main'"):
        run.model("maine")
    with pytest.raises(ToylabError, match="No population 'maine': did you mean 'main'"):
        run.snapshots("maine")
    with pytest.raises(ToylabError, match=r"member = 4 is out of range; give an integer >= 0"):
        run.member("main", 4)
    with pytest.raises(ToylabError, match="no snapshot at step 3; kept: 0, 2, 4"):
        run.member("main", 0, 3)
    with pytest.raises(ToylabError, match="no steps of 'main' were asked for"):
        run.snapshots("main", ())
