"""The study of world models: Othello as a world, its claims' numbers, its figures."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.othello.world_model import draw
from toylab.report import figures as fig
from toylab.studies.othello.world_model import readings
from toylab.studies.othello.world_model.study import Config, populations
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_world import OthelloWorld


def test_small_networks_never_see_one_opening() -> None:
    config = Config(seeds=3)
    small = populations(config)["small"]
    assert small.size == 3
    openings = [OthelloWorld(Othello(4, opening=o)) for o in ("skewed", "held-out")]
    first = [set(world.draw(jax.random.key(0), 100)[:, 0].tolist()) for world in openings]
    assert isinstance(small.task, Othello) and small.task.opening == "skewed"
    assert not first[0] & first[1] and len(first[0]) == 3
    with pytest.raises(ToylabError, match="pairs"):
        Config(pairs=0)


def units(**tests: dict[str, list[float]]) -> dict[str, pl.DataFrame]:
    """A table of units from ``T1_part={name: values}``."""
    found = []
    for key, names in tests.items():
        criterion, part = key.split("_", 1)
        for name, values in names.items():
            frame = pl.DataFrame({"unit": range(len(values)), "value": [float(v) for v in values]})
            labels = {"criterion": criterion, "part": part.replace("_", " "), "name": name}
            found.append(frame.select(*(pl.lit(v).alias(k) for k, v in labels.items()), pl.all()))
    return {"units": pl.concat(found)}


def test_margins_are_over_the_best_control_of_the_worst_part() -> None:
    m = units(
        T2_a={"value": [0.9, 0.8, np.nan], "x": [0.5, 0.5, 0.5], "y": [0.7, 0.5, 0.9]},
        T4_a={"value": [0.9, 0.9], "wrong": [0.1, 0.1]},
        T4_b={"value": [0.6, 0.7], "wrong": [0.5, 0.5]},
    )
    assert readings.margin("T2")(m).values == pytest.approx([0.2, 0.3])
    assert readings.margin("T4")(m).values == pytest.approx([0.1, 0.2])
    assert readings.value("T4")(m).values == pytest.approx([0.6, 0.7])
    assert readings.value("T4", "a")(m).values == pytest.approx([0.9, 0.9])
    m = units(T7_distinction_precision={"value": [np.nan]}, T7_distinction_recall={"value": [1.0]})
    worse = readings.value("T7", "distinction precision", "distinction recall")
    assert np.isnan(worse(m).array()).all()


def test_shares_and_spurious_edits() -> None:
    m = units(
        T6_mended={"value": [0.9, 1.0], "random": [0.0, 0.1], "another": [0.4, -0.5]},
        T7_outputs={"value": [0.1, 0.1], "other": [0.5, 0.5], "same": [0.4, 0.4]},
        T7_patched_outputs={"value": [0.0, 0.2], "other": [0.2, 0.2]},
    )
    assert readings.spurious()(m).values == pytest.approx([0.0, 0.1])
    assert readings.changes()(m).values == pytest.approx([0.0, 1.0])


def means() -> pl.DataFrame:
    """Two seeds, trained and not."""
    rows = []
    for population, base in (("main", 0.9), ("small", 0.8), ("small untrained", 0.4)):
        for seed in (0, 1) if population != "main" else (0,):
            for criterion, part in (("T1", "p"), ("T4", "a"), ("T4", "b"), ("T8", "p")):
                if (population, criterion) == ("main", "T8"):
                    continue
                labels = {"population": population, "init_seed": seed, "criterion": criterion}
                labels |= {"part": part, "rule": "", "unit": "game", "n": 5}
                value = base - 0.1 * (part == "b") + 0.01 * seed
                passed = value > 0.75
                rows.append(labels | {"name": "value", "mean": value, "passed": passed})
                rows.append(labels | {"name": "seen", "mean": 0.5, "passed": passed})
    return pl.DataFrame(rows)


def layers() -> pl.DataFrame:
    rows = []
    for population in ("main", "small"):
        for label, top in (("real", 0.9), ("no flip", 0.8), ("renamed", 0.95)):
            for layer, accuracy in enumerate((0.6, top)):
                rows.append((population, 0, "activations", label, layer, accuracy, layer == 1))
        for feature in ("untrained", "bag of tokens", "logits"):
            rows.append((population, 0, feature, "real", 0, 0.7, True))
    columns = ("population", "init_seed", "feature", "label", "layer", "accuracy", "chosen")
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_numbers_per_seed() -> None:
    m = {"means": means(), "layers": layers()}
    assert readings.by_seed("T4")(m).values == pytest.approx([0.7, 0.71])
    assert readings.by_seed("T8", "p", minus="seen")(m).values == pytest.approx([0.3, 0.31])
    assert readings.by_seed("T8", "p", name="seen")(m).values == pytest.approx([0.5, 0.5])
    assert readings.build_up(m).values == pytest.approx([0.1])


def test_draw() -> None:
    m = units(
        T7_outputs={"value": [0.1, 0.1], "other state": [0.5, 0.5]},
        T7_patched_outputs={"value": [0.0, 0.2], "other state": [0.2, 0.2]},
    )
    measures = m | {"means": means(), "layers": layers()}
    with fig.style():
        assert set(draw(measures, dataclasses.replace(Config(), size=6))) == {
            *("criteria", "layers", "pairs")
        }
