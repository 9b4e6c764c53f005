"""The study ``dictionaries``: scores of planted dictionaries, arms, claims of made-up worlds."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest

from toylab.analysis.recovery.foretelling import foretold
from toylab.errors import ToylabError
from toylab.figures.dictionaries import dictionaries as pictures
from toylab.report import figures as fig
from toylab.studies.dictionaries.dictionaries import scores
from toylab.studies.dictionaries.dictionaries.arms import HULL, LONE, Arm, members
from toylab.studies.dictionaries.dictionaries.claims import CLAIMS
from toylab.studies.dictionaries.dictionaries.readings import short_of_best
from toylab.studies.dictionaries.dictionaries.study import Config, populations, study
from toylab.tasks.dictionaries.chains import Chains
from toylab.tasks.dictionaries.planted import Planted

SMOKE = study.presets["smoke"]
TASK = Planted(8, 16, active=2)


def planted(count: int = 2) -> dict[str, np.ndarray]:
    """Members whose atoms are the features themselves, the second's in another order."""
    batch = TASK.batch(jax.random.key(0), 200)
    order = [np.arange(8), np.arange(8)[::-1]][:count]
    f, a = (np.asarray(v) for v in (TASK.directions(), batch.latents["amplitude"]))
    x = np.stack([np.asarray(batch.inputs)] * count)
    code = np.stack([a[:, o] for o in order])
    atoms = np.stack([f[o] for o in order])
    whole = {"x": x, "out": code @ atoms, "codes": code, "atoms": atoms}
    return whole | {"amplitude": np.stack([a] * count), "features": np.stack([f] * count)}


def test_the_features_themselves_are_recovered_and_alike():
    [row] = scores.arm_rows((Arm("size", 2, {"size": 8}),), 1, TASK, planted(), np.zeros(2, bool))
    for name in ("recall", "precision", "found", "f1", "stability", "stability_matched"):
        assert row[name] == pytest.approx(1, abs=1e-6)
    assert row["explained"] > 0.95 and row["l0"] == 2 and row["dead"] == 0
    assert row["absorbed"] == row["absorbed_alone"] == 0
    assert row["relative"] == 1 and row["true_l0"] == 2
    assert 0.2 < row["null_stability"] < 0.6 and not row["diverged"]


def test_what_diverged_has_no_scores():
    found = planted()
    found["atoms"][1] = np.nan
    [row] = scores.arm_rows((Arm("x", 2, {}),), 1, TASK, found, np.array([False, True]))
    assert row["diverged"] and np.isnan(row["recall"]) and np.isnan(row["stability"])


def test_the_best_forecast_has_what_can_be_foretold():
    task = Chains(2, 3, 8, length=16)
    batch = task.batch(jax.random.key(0), 500)
    s, f, x = (np.asarray(v) for v in (batch.latents["state"], task.directions(), batch.inputs))
    best = np.asarray(task.forecast(batch.latents["state"])) @ f
    zero = np.zeros((*s.shape[:2], 5))
    own = {"state": s, "features": f, "x": x, "out": x, "told": best, "oracle": best}
    own |= {"predicted": best, "novel": zero + 1, "pred": zero, "atoms": f}
    row = foretold(own, slow=2)
    assert row["ahead"] == row["oracle"]
    assert row["oracle"] == pytest.approx(task.bound(), abs=0.05)
    assert row["slow"] == pytest.approx(0.81, abs=0.05) and abs(row["fast"]) < 0.01
    assert row["explained"] == 1 and row["l0"] == 5 and row["recall"] == pytest.approx(1)
    low, high = 0.25 * 0.1, 0.25 + 0.9 * 0.75  # forecasts after a 0, and after a 1
    assert row["onset"] == pytest.approx(high / low, rel=0.2)
    nothing = foretold(own | {"told": x * np.nan}, slow=2)
    assert all(np.isnan(value) for value in nothing.values())


def test_runs_of_a_world_share_it_and_nothing_else():
    arms = (Arm("a", 2, {"k": 2.0}), Arm("b", 1, {}))
    found = members(arms, 3, 100, {"k": 4})
    assert found["world"].tolist() == [100, 100, 101, 101, 102, 102, 100, 101, 102]
    assert found["init_seed"].tolist() == [0, 1, 2, 3, 4, 5, 0, 2, 4]
    assert found["k"].tolist() == [2] * 6 + [4] * 3


def test_what_the_true_number_lacks_of_the_best():
    rows = {"init_seed": [0] * 3, "arm": ["k"] * 3, "k": [2, 3, 6], "recall": [0.5, 0.9, 0.93]}
    table = pl.DataFrame(rows | {"true_l0": [2.5] * 3})
    assert short_of_best()({"cells": table}).array() == pytest.approx([0.03])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (8, 12)}, "lack one of"),
        ({"ks": (2, 1)}, "rising"),
        ({"kinds": ("relu",)}, "kinds: 'relu'"),
        ({"novel": 3}, "begin at 3"),
        ({"points": 4}, "4 points have no 16"),
        ({"candidates": 7}, "8 atoms cannot begin at 7"),
        ({"active": 9}, "active = 9"),
        ({"length": 1}, "length = 1"),
        ({"width": 5}, "not orthogonal"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, object], message: str):
    with pytest.raises(ToylabError, match=message):
        dataclasses.replace(SMOKE, **change)


def test_presets_can_be_built_and_claims_are_told_apart():
    for config in study.presets.values():
        assert set(populations(config)) == set(config.arms())
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS) <= 15
    assert sum(claim.headline for claim in CLAIMS) == 1
    assert Config().seeds >= 8


def test_figures_stand_without_numbers():
    measures = {name: pl.DataFrame(columns) for name, columns in made_up().items()}
    with fig.style():
        assert set(pictures.draw(measures, SMOKE)) == set(pictures.CAPTIONS)


def made_up() -> dict[str, dict[str, list[object]]]:
    """Tables of diverged runs, of all arms."""
    names = ("explained", "recall", "stability", "stability_matched", "null_recall", "absorbed")
    names += ("stability_live", "null_stability", "absorbed_alone", "true_l0", "l0", "slow", "fast")
    labels = [
        {"arm": arm.name} | dict(arm.numbers) | {"size": arm.numbers.get("size", 8)}
        for arms in SMOKE.arms().values()
        for arm in arms
    ]
    rows = [own | dict.fromkeys(names, np.nan) for own in labels]
    rows = [row | {"init_seed": 0, "diverged": True, "relative": row["size"] / 8} for row in rows]
    table = pl.DataFrame(rows, infer_schema_length=None).to_dict(as_series=False)
    kinds = [(arm, kind) for arm in ("tfa", "causal") for kind in ("slow", "fast")]
    trace = [
        dict(zip(("arm", "kind"), own, strict=True)) | {"time": t} for own in kinds for t in (0, 1)
    ]
    trace = [row | dict.fromkeys(("state", "told", "oracle"), np.nan) for row in trace]
    return {"cells": table, "times": table, "traces": pl.DataFrame(trace).to_dict(as_series=False)}


@pytest.mark.parametrize("name", [HULL, LONE])
def test_candidates_come_from_the_world_that_a_dictionary_learns(name):
    population = populations(SMOKE)[name]
    columns = population.members.columns
    for place in range(population.size):
        own = population.bind({column: values[place] for column, values in columns.items()})
        drawn = dataclasses.replace(own.model.start.task, world=own.task.world)
        assert drawn == own.task
