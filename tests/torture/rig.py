"""What the torture shares: a study that costs nothing, sizes and seeds, and what must be alike.

``TOYLAB_TORTURE=N`` sets how many cases each slow test makes, ``TOYLAB_SEED=S`` where they start.
"""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from toylab.runs.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("TOYLAB_SEED", "0"))

STUDY = """
import dataclasses
import polars as pl
import toylab as tl
from toylab.report.figures import figure
from toylab.tasks.superposition.superposition import Sparse

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 3
    steps: int = 40
    rate: float = 0.01
    batch_size: int = 4
    features: int = 4
    rungs: tuple[int, ...] = (0, 10, 20)
    densities: tuple[float, ...] = (0.5,)
    label: str = "mine"
    loud: bool = False

def populations(config):
    shared = dict(task=Sparse(config.features, density=0.5), steps=config.steps, record_every=4,
        model=tl.Autoencoder(config.features, 2), optimizer=tl.AdamW(config.rate, 0.0),
        batch_size=config.batch_size, devices=1)
    many = tl.seeds(config.seeds) * tl.grid(density=config.densities)
    rungs = tuple(s for s in config.rungs if s <= config.steps)
    return {"p": tl.Population(members=many, snapshots=rungs, **shared),
            "q": tl.Population(members=tl.seeds(config.seeds, 7), **shared)}

def measure(config, run):
    norm = (run.params("p")["W"].astype("float64") ** 2).sum((1, 2))
    table = run.members("p").with_columns(pl.Series("norm", norm))
    return {"norm": table, "ends": tl.final_loss(run, "q")}

def draw(measures, config):
    drawn = figure()
    drawn.subplots().plot(measures["norm"]["norm"])
    return {"norm": drawn}

study = tl.Study(name="mine", title="Mine", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=draw, claims=[
        tl.Claim("low", "Weights stay.", "none", tl.table("norm").value("norm"),
            tl.Expect.below(100.0), "ours: a hundred", min_units=3)])
"""


def sizes(short: int, long: int) -> list[Any]:
    """Numbers of cases: a few in the default suite, many where the slow ones are asked for."""
    return [
        short,
        pytest.param(int(os.environ.get("TOYLAB_TORTURE", long)), marks=pytest.mark.slow),
    ]


def cases(count: int, patience: float = 20.0) -> Iterator[int]:
    """Yield the numbers of cases; assert that none of them takes long, or the process much.

    Args:
        count: how many.
        patience: seconds that a case may take, more of them where others use the processor.
    """
    slowest = 0.0
    for number in range(count):
        began = time.monotonic()
        yield number
        slowest = max(slowest, time.monotonic() - began)
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert slowest < patience * crowd, f"case {number} took {slowest:.1f} s"
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{count} cases, none over {slowest:.1f} s, the process at most {most:.1f} GiB")
    assert most < 8


def alike(one: RunFolder, two: RunFolder) -> None:
    """Assert that two finished runs hold the same numbers, bit for bit."""
    assert one.populations() == two.populations() == ["p", "q"]
    for name in one.populations():
        assert one.steps(name) == two.steps(name)
        for step in one.steps(name):
            mine, other = one.params(name, step), two.params(name, step)
            assert mine.keys() == other.keys()
            for leaf in mine:
                np.testing.assert_array_equal(mine[leaf], other[leaf])
        np.testing.assert_array_equal(one.dead_at(name), two.dead_at(name))
    order = ["population", "member", "step", "name"]
    assert one.metrics().sort(order).equals(two.metrics().sort(order))
    mine, other = one.measures(), two.measures()
    assert_frame_equal(mine["norm"], other["norm"])
    np.testing.assert_array_equal(mine["ends"], other["ends"])
    assert one.claims() == two.claims()
    assert [p.name for p in one.figures()] == [p.name for p in two.figures()] == ["norm.png"]


def tidy(run: RunFolder) -> None:
    """Assert that nothing is left of killed writers or of unfinished training."""
    left = [p for p in run.path.rglob("*") if p.name.endswith(".tmp") or p.parent.name == "state"]
    assert not left


def tree(folder: Path, *, but: tuple[Path, ...] = ()) -> dict[str, bytes]:
    """Return every file below a folder with its bytes, links by where they lead."""
    return {
        str(path): str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and not any(map(path.is_relative_to, but))
    }
