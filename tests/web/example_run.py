"""A small run as an example's file, and what Python answers of the same run."""

import base64
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from toylab.claims import Verdict
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.run_folder import RunFolder
from toylab.web.example import Kept, example
from toylab.web.run import View

KEPT = Kept(populations=("p",), networks=(1, 3), steps=(0, 5), arrays=("a/W",))
MANIFEST = {
    "study": "tiny_study",
    "preset": "smoke",
    "config": {"seeds": 2},
    "members": {
        "p": {"init_seed": [0, 1] * 2, "density": [1.0, 1.0, 0.1, 0.1]},
        "q": {"init_seed": [0]},
    },
    "device": "cpu",
    "wall_s": 3.0,
}
VERDICT = Verdict(
    key="low", text="Loss is low.", source="Nobody 2026", paper=0.5, expected="<= 6",
    estimate=5.2, low=5.0, high=6.0, values=(5.1, 5.3), n=2, diverged=0, undefined=0, excluded=0,
    unit="seed", scope="population", verdict="reproduced, few seeds", why="",
)  # fmt: skip


def tiny(path: Path) -> RunFolder:
    """A finished run of two populations, one matrix of which is thinned and packed."""
    rng = np.random.default_rng(0)
    with RunFolder.create(path, MANIFEST).writing() as folder:
        for name, size in (("p", 4), ("q", 1)):
            checkpointer = FolderCheckpointer(folder, name)
            for step in (0, 3, 5):
                W = rng.integers(-127, 128, (size, 200, 6)).astype("f") / 64
                checkpointer.snapshot(step, {"a/W": W, "b": np.ones(size, np.float32)})
            loss = rng.integers(1, 64, (4, size)).astype("f") / 8
            checkpointer.finish({"step": np.arange(1, 5), "loss": loss}, np.full(size, -1))
        folder.write_claims([VERDICT])
    return RunFolder(folder.path)


def fixture() -> dict[str, Any]:
    """The file, and Python's answers to what the page asks."""
    with tempfile.TemporaryDirectory() as folder:
        run = tiny(Path(folder) / "run")
        view = View(run)
        curve = {"population": "p", "metric": "loss"}
        params = {"population": "p", "step": "5", "member": "3"}
        return {
            "file": base64.b64encode(example(run, KEPT)).decode(),
            "claims": view.claims(),
            "members": view.members({"population": "p"}),
            "curves": view.curves(curve),
            "curves_by": view.curves(curve | {"by": "density"}),
            "params": view.params(params)["leaves"][:1],
        }
