"""What cannot fit is refused from shapes alone, before a table is built or a file written."""

import dataclasses
import math
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from toylab.check import sizes
from toylab.check.memory import allowed
from toylab.check.populations import checked_populations
from toylab.errors import ToylabError, check_counts, check_number, check_rising
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population, ladder
from toylab.study import Study, load_study
from toylab.tasks.superposition.superposition import Sparse


def population(**changes) -> Population:
    settings = {
        "model": Autoencoder(4, 2),
        "task": Sparse(4, density=0.5),
        "members": seeds(2),
        "optimizer": AdamW(1e-2, 0.0),
        "steps": 100,
        "batch_size": 4,
    }
    return Population(**settings | changes)


def test_an_ordinary_population_fits(tmp_path: Path):
    sizes.check_sizes({"p": population()}, tmp_path / "not" / "yet")


def test_bytes_are_those_of_the_shapes(tmp_path: Path, monkeypatch):
    asked = {}
    monkeypatch.setattr(sizes, "_refuse", lambda name, what, needs, *_: asked.update({what: needs}))
    sizes.check_sizes({"p": population(snapshots=(0, 50))}, tmp_path)
    weights = 4 * (2 * 4 + 4)  # W and b in float32
    assert asked["disk for snapshots"] == 2 * 3 * weights
    batch = 4 * 4 * (4 + 4 + 4) + 4 * 4  # at least inputs, targets and weights
    assert 2 * 4 * weights < asked["memory"] < 2 * 4 * weights + 2 * batch + 4 * 2 * 101


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 10**9, "task": Sparse(1000, 0.5), "model": Autoencoder(1000, 2)}, "memory"),
        ({"task": Sparse(10**6, 0.5), "model": Autoencoder(10**6, 10**5)}, "GiB of memory"),
    ],
)
def test_what_exceeds_the_memory_is_named(changes: dict, words: str, tmp_path: Path):
    began = time.monotonic()
    with pytest.raises(ToylabError, match=words):
        sizes.check_sizes({"p": population(**changes)}, tmp_path)
    assert time.monotonic() - began < 20


def test_what_exceeds_the_disk_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sizes, "free", lambda folder: 50.0)
    with pytest.raises(ToylabError, match="disk for snapshots"):
        sizes.check_sizes({"p": population()}, tmp_path)
    (tmp_path / "manifest.json").touch()  # a run that is resumed may hold them already
    sizes.check_sizes({"p": population()}, tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        lambda: seeds(10**9),
        lambda: grid(a=range(10**4), b=range(10**4)),
        lambda: seeds(10**4) * grid(a=range(10**4)),
        lambda: ladder(10**9, 10**9),
        lambda: population(steps=10**9, record_every=1),
        lambda: check_number("x", "y", 10**400, 0),
    ],
)
def test_tables_without_end_are_never_built(make):
    began = time.monotonic()
    with pytest.raises(ToylabError):
        make()
    assert time.monotonic() - began < 20


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="drivers reserve addresses")
def test_a_study_may_take_a_part_of_the_memory(tmp_path: Path):
    whole = load_study("superposition")
    huge = lambda config: {"p": np.ones(10**14)}
    study = dataclasses.replace(whole, populations=huge)
    assert isinstance(study, Study)
    with pytest.raises(ToylabError, match="a quarter of the memory"):
        checked_populations(study, study.presets["smoke"], 0, tmp_path)
    np.ones(10**6)  # the limit is gone


def test_counts_are_whole_numbers_from_a_least_one_on():
    settings = SimpleNamespace(steps=3, rungs=0)
    check_counts("x", settings, "steps", low=3)
    with pytest.raises(ToylabError, match="x: rungs = 0"):
        check_counts("x", settings, "steps", "rungs")
    with pytest.raises(ToylabError, match=r"x: steps = 3 .* <= 2"):
        check_counts("x", settings, "steps", low=0, high=2)


@pytest.mark.parametrize("widths", [(), (8, 8), (8, 4), (0, 4)])
def test_sizes_rise_from_a_least_one_on(widths):
    check_rising("x", SimpleNamespace(widths=(1, 4)), "widths", low=1)
    with pytest.raises(ToylabError, match=r"x: widths = \(.*give rising numbers from 1 on"):
        check_rising("x", SimpleNamespace(widths=widths), "widths", low=1)


def test_the_memory_is_what_a_container_leaves(tmp_path: Path):
    own, job = tmp_path / "own", tmp_path / "groups" / "job" / "step"
    job.mkdir(parents=True)
    for folder, text in ((job, "max"), (job.parent, "4096"), (job.parent.parent, "8192")):
        (folder / "memory.max").write_text(f"{text}\n")
    own.write_text("4:memory:/other\n0::/job/step\n")
    assert allowed(tmp_path / "groups", own) == 4096
    own.write_text("4:memory:/other\n")
    assert allowed(tmp_path / "groups", own) == math.inf
    assert allowed(tmp_path / "groups", tmp_path / "none") == math.inf
