"""Example runs that the pages show without a server: faithful and small, or refused."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
from PIL import Image

from tests.web.example_run import KEPT, tiny
from toylab.errors import ToylabError
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.run_folder import RunFolder
from toylab.web.example import SHIPPED, WIDE, Kept, _small, example
from toylab.web.exhibit import unpacked
from toylab.web.run import View
from toylab.web.server import EXHIBITS


def told(path: Path) -> dict:
    """The text of an example."""
    with safetensors.safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["told"])


def test_parameters_are_those_of_the_run_to_half_a_step_of_8_bits(tmp_path: Path):
    run = tiny(tmp_path / "run")
    values = unpacked(example(run, KEPT))["values/p/a/W"]
    assert values.shape == (2, 2, 67, 6)  # every third of 200 rows
    W = np.stack([run.params("p", step)["a"]["W"][[1, 3]] for step in KEPT.steps])[:, :, ::3]
    assert (np.abs(values - W) <= 0.5001 * np.abs(W).max((0, 1, 2)) / 127).all()
    leaf = View(run).params({"population": "p", "step": "5", "member": "3"})["leaves"][0]
    assert leaf["every"] == [3, 1]


def test_what_is_not_in_the_run_or_not_finite_is_refused(tmp_path: Path):
    run = tiny(tmp_path / "run")
    for kept in (
        Kept(populations=("r",)),
        Kept(networks=(4,)),
        Kept(steps=(1,)),
        Kept(arrays=("c",)),
    ):
        with pytest.raises(ToylabError, match="the run has no"):
            example(run, kept)
    about = {"study": "s", "preset": "smoke", "config": {}, "members": {"p": {"init_seed": [0]}}}
    with RunFolder.create(tmp_path / "lost", about).writing() as folder:
        records = {"step": np.arange(3), "loss": np.asarray([[1.0], [np.nan], [np.nan]], "f")}
        FolderCheckpointer(folder, "p").finish(records, np.asarray([1]))
    with pytest.raises(ToylabError, match="not finite"):
        example(RunFolder(folder.path), Kept())


def test_a_figure_becomes_small():
    out = io.BytesIO()
    Image.new("RGBA", (2 * WIDE, 100)).save(out, "png")
    kind, text = _small(out.getvalue()).split(",")
    assert kind == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(text))).size == (WIDE, 50)


@pytest.mark.parametrize("name", list(SHIPPED))
def test_a_shipped_run_is_that_of_its_study_and_says_what_it_lacks(name: str):
    path = EXHIBITS / f"run_{name}.safetensors"
    found, arrays = told(path), unpacked(path.read_bytes())
    about = found["run"]
    assert (
        about["study"] == name and not about["losses"] and about["path"].startswith("A small copy")
    )
    assert sorted(found["figures"]) == sorted(SHIPPED[name].figures) and found["claims"]
    for population, held in about["populations"].items():
        assert held["members"] == len(found["members"][population]["rows"])
        for leaf in found["params"][population]:
            sides = (len(held["steps"]), len(held["kept"]), leaf["rows"], leaf["columns"])
            assert arrays[f"values/{population}/{leaf['name']}"].shape == sides
    assert sum(p.stat().st_size for p in EXHIBITS.glob("run_*")) < 400_000
