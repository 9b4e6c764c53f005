"""The study of universality: its network and its measures, on constructed networks."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.grokking.universality import draw
from toylab.report import figures as fig
from toylab.studies.grokking.universality.claims import CLAIMS, TIMES
from toylab.studies.grokking.universality.networks import (
    irrep_rows,
    network_row,
    neuron_rows,
    progress_row,
)
from toylab.studies.grokking.universality.study import Config, training_pairs
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.modular import GroupComposition
from toylab.tasks.grokking.theory import group_circuits as circuits


def random_network(name: str, seed: int, hidden: int = 16) -> circuits.Network:
    rng, n = np.random.default_rng(seed), group(name).order
    left_NF, right_NF = rng.normal(size=(2, n, hidden))
    return circuits.Network(left_NF, right_NF, rng.normal(size=(hidden, n)))


def test_training_pairs_are_those_of_the_task() -> None:
    config = Config(groups=("A4",), fraction=0.4)
    pairs = training_pairs(config, "A4", 3)
    task = GroupComposition(group="A4", fraction=0.4, equals=False, split_seed=3)
    rows = np.asarray(task.order())[:57]
    assert pairs.sum() == 57 == task.n_train and pairs[rows // 12, rows % 12].all()


def test_times_and_choices_per_seed() -> None:
    steps = [0, 10, 100]
    rows = {"group": ["A5"] * 6 + ["D7"] * 6, "init_seed": ([0] * 3 + [1] * 3) * 2}
    rows |= {"step": steps * 4}
    train = [0, 1, 1] * 4
    test = [0, 0, 1, 0, 0, 0.5, 0, 1, 1, 0, 0, 1]
    curves = pl.DataFrame(rows | {"train_accuracy": train, "test_accuracy": test}, strict=False)
    times = TIMES.value("test", unit=("group", "init_seed"))({"curves": curves}).array()
    assert times == pytest.approx([100, np.nan, 10, 100], nan_ok=True)
    read = {claim.key: claim.reading for claim in CLAIMS}
    assert read["grokking"]({"curves": curves}).array() == pytest.approx([1, np.nan], nan_ok=True)
    restricted = [4.0, 1, 0, 4, 1, 0, 4, 4, 0, 4, 1, 0]
    progress = curves.with_columns(pl.Series("restricted_held_out", restricted))
    labels = {"group": ["A5", "A5", "D7", "D7"], "init_seed": [0, 1, 0, 1]}
    keys = ["4d", "4d 5d", "2d_1", "2d_1"]
    networks = pl.DataFrame(labels | {"uniform": [4.0] * 4, "keys": keys})
    found = read["circuit_before_generalisation"]({"progress": progress, "networks": networks})
    assert found.array() == pytest.approx([10, np.nan], nan_ok=True)
    for key, differs in (("permutations", 1), ("dihedral", 0)):
        assert read[f"choice_varies_{key}"]({"networks": networks}).array() == [differs]
    key = {"irrep": ["4d", "5d", "2d_1", "4d"], "key": [False, True, True, True]}
    table = pl.DataFrame(labels | key).with_columns(pl.Series("group", ["A5", "A5", "D7", "A5"]))
    assert read["standard_is_always_key"]({"irreps": table}).array() == pytest.approx([0, 1])


def test_settings_are_checked() -> None:
    for wrong in (dict(groups=("A5", "A5")), dict(groups=("C2",)), dict(key_cosine=2.0)):
        with pytest.raises(ToylabError):
            Config(**wrong)


def test_draw() -> None:
    config = dataclasses.replace(Config(), groups=("A4",), seeds=2)
    tables: dict[str, list] = {"irreps": [], "networks": [], "progress": [], "neurons": []}
    curves = []
    for seed in range(2):
        labels = {"group": "A4", "init_seed": seed}
        first, last = random_network("A4", seed), random_network("A4", seed + 5)
        train, key = training_pairs(config, "A4", seed), ["3d"]
        tables["irreps"] += [labels | r for r in irrep_rows(last, "A4", key, train)]
        tables["networks"].append(labels | network_row(last, first, "A4", key, train, seed))
        tables["neurons"] += [labels | r for r in neuron_rows(last, first, "A4")]
        for step in (0, 10, 20):
            at = labels | {"step": step}
            tables["progress"].append(at | progress_row(last, "A4", key, train))
            curves.append(at | dict.fromkeys(("train_accuracy", "test_accuracy"), step / 20))
    tables["networks"].append({"group": "A4", "init_seed": 2})  # a dead member
    measures = {name: pl.DataFrame(rows) for name, rows in (tables | {"curves": curves}).items()}
    with fig.style():
        assert set(draw(measures, config)) == {"choice", "training", "ablations", "weights"}
