"""A study of several tiles that costs nothing, and what two runs of it must have alike."""

from pathlib import Path

import numpy as np
from polars.testing import assert_frame_equal

from toylab.runs.run_folder import RunFolder

STUDY = """
import dataclasses
import polars as pl
import toylab as tl
from toylab.tasks.superposition.superposition import Sparse

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 5
    steps: int = 60
    rate: float = 0.01

def populations(config):
    shared = dict(task=Sparse(4, density=0.5), steps=config.steps, record_every=6, batch_size=4,
        model=tl.Autoencoder(4, 2), optimizer=tl.AdamW(config.rate, 0.0))
    # Two members share each batch; the last tile is not full.
    many = tl.seeds(config.seeds) * tl.grid(weight_decay=(0.0, 0.1))
    return {
        "p": tl.Population(members=many, snapshots=(0, 20, 40), tile=4, **shared),
        "first": tl.Population(members=tl.seeds(config.seeds), tile=3, **shared),
        "next": tl.Population(members=tl.seeds(config.seeds), start="first", tile=2, **shared),
    }

def measure(config, run):
    norm = (run.params("next")["W"].astype("float64") ** 2).sum((1, 2))
    return {"norm": run.members("next").with_columns(pl.Series("norm", norm))}

study = tl.Study(name="small", title="Small", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=lambda measures, config: {}, claims=[
        tl.Claim("low", "Weights stay.", "none", tl.table("norm").value("norm"),
            tl.Expect.below(100.0), "ours: a hundred", min_units=3)])
"""


def assert_alike(one: RunFolder, other: RunFolder) -> None:
    """Two runs hold the same bits: networks, records and verdicts."""
    key = ["population", "member", "step", "name"]
    assert_frame_equal(one.metrics().sort(key), other.metrics().sort(key), check_exact=True)
    assert one.manifest["finished"] == other.manifest["finished"]
    assert one.claims() == other.claims()
    for name in one.populations():
        assert one.steps(name) == other.steps(name)
        for step in one.steps(name):
            file = f"snapshots/{name}-{step}.safetensors"
            ours, theirs = one.read_tensors(file), other.read_tensors(file)
            assert ours.keys() == theirs.keys()
            for leaf, values in ours.items():
                np.testing.assert_array_equal(values, theirs[leaf], err_msg=f"{file}: {leaf}")


def written(folder: Path) -> Path:
    """Write the study's file."""
    path = folder / "small.py"
    path.write_text(STUDY)
    return path
