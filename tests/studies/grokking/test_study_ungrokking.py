"""The ungrokking study's measures on tables with known answers, its settings and its figures."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from toylab.claims import judge_all
from toylab.errors import ToylabError
from toylab.figures.grokking import ungrokking as pictures
from toylab.report.figures import style
from toylab.studies.grokking.ungrokking.claims import CLAIMS
from toylab.studies.grokking.ungrokking.restarts import (
    efficiency,
    exponents,
    finals,
    transitions,
)
from toylab.studies.grokking.ungrokking.study import Config, populations, study
from toylab.tasks.grokking.relabelled import Relabelled
from toylab.train.starts import check_starts

SIZES = (50, 100, 200, 400)
TURN = {0.5: 130.0, 1.0: 150.0, 2.0: 160.0}  # where the made-up networks ungrok, by decay


def made_up(seeds: int = 6) -> pl.DataFrame:
    """Finals of networks whose transitions, exponents and crossing are known."""
    rows = []
    for seed in range(seeds):
        for size in SIZES:
            for decay in (0.0, 0.5, 1.0, 2.0):
                logit = 30 / (decay + 0.5)
                common = {"init_seed": seed, "size": size, "decay": decay, "correct_logit": logit}
                common |= {"train_accuracy": 1.0, "answer_share": 0.9, "diverged": False}
                memorising = 2.0 * (1 + seed / 50) * size**0.25 * logit**0.5
                # Not quite 0 and 1, as ties would lower the rank correlation.
                rule = decay == 0 or size > TURN[decay]
                accuracy = 1 - 2 / size if rule else size / 1e4
                at = 2.0 * (1 + seed / 50) * 140**0.25 * logit**0.5
                rows.append(common | {"set": "continued", "test_accuracy": accuracy, "norm": at})
                if decay == 1.0:
                    rows.append(common | {"set": "scratch", "test_accuracy": 0.1, "norm": at})
                if decay > 0:
                    rows.append(
                        common | {"set": "random", "test_accuracy": 0.0, "norm": memorising}
                    )
    full = {"set": "full", "size": 1000, "decay": 1.0, "train_accuracy": 1.0, "diverged": False}
    rows += [full | {"init_seed": seed} for seed in range(seeds)]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def measures() -> dict[str, pl.DataFrame]:
    models = made_up()
    norms = efficiency(models)
    curves = pl.concat([models.with_columns(step=pl.lit(s)) for s in (0, 10, 20)])
    return {
        "models": models,
        "curves": curves,
        "transitions": transitions(models),
        "efficiency": norms,
        "exponents": exponents(norms),
    }


def test_finals_are_means_over_the_last_records():
    member = {"set": "continued", "init_seed": 0, "size": 5, "decay": 1.0}
    rows = pl.DataFrame(
        [member | {"step": s, "norm": float(s), "diverged": False} for s in range(1, 101)]
    )
    assert finals(rows)["norm"].to_list() == [95.5]


def test_efficiency_finds_exponents_and_crossing(measures):
    powers = measures["exponents"]
    memorising = powers.filter(pl.col("set") == "memorising")
    np.testing.assert_allclose(memorising["exponent"], 0.25, atol=1e-9)
    np.testing.assert_allclose(memorising["rank"], 1)
    np.testing.assert_allclose(memorising["crossing"], 140, rtol=1e-9)
    # Norms follow the square root of the logit in these tables, so at the reference they are known.
    rows = measures["efficiency"].filter(pl.col("set") == "memorising")
    logit = rows["logit"].to_numpy()
    scale = 2 * (1 + rows["init_seed"].to_numpy() / 50)
    np.testing.assert_allclose(rows["norm"], scale * rows["size"].to_numpy() ** 0.25 * logit**0.5)
    generalising = powers.filter(pl.col("set") == "generalising")
    np.testing.assert_allclose(generalising["exponent"], 0, atol=1e-9)
    kept = measures["efficiency"].filter(pl.col("set") == "generalising")
    assert set(kept["size"]) == {200, 400}


def test_claims_of_made_up_networks(measures):
    found = {v.key: v for v in judge_all(CLAIMS, measures)}
    assert [c.key for c in CLAIMS if not c.expect.contains(found[c.key].estimate)] == []
    # All transitions fall between 100 and 200, where the fit crosses at their geometric mean.
    assert found["transition_free_of_decay"].estimate == pytest.approx(0)
    assert found["scratch_never_generalises_below"].estimate == pytest.approx(0.1)
    crossing = found["efficiency_tells_the_transition"].estimate
    assert crossing == pytest.approx(140 / (100 * 2**0.5), rel=1e-6)


def test_a_transition_proportional_to_decay_is_not_reproduced(measures):
    moved = measures["transitions"].with_columns(size=50 * pl.col("decay") + pl.col("init_seed"))
    found = judge_all(CLAIMS, measures | {"transitions": moved})
    verdict = next(v for v in found if v.key == "transition_free_of_decay")
    assert verdict.verdict == "not reproduced"


def test_populations_start_from_the_whole_table():
    config = Config(seeds=2)
    made = populations(config)
    check_starts("ungrokking", made)
    task = made["full"].task
    assert isinstance(task, Relabelled)
    assert task.n_train == config.p**2
    fractions = [float(f) for n, p in made.items() if p.start for f in p.members["fraction"]]
    assert set(fractions) == set(config.fractions)
    for name, population in made.items():
        largest = dataclasses.replace(task, fraction=float(population.members["fraction"].max()))
        assert population.batch_size == largest.n_train, name
        same = population.members["init_seed"] == population.members["split_seed"]
        assert same.all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fractions": (0.1, 0.2, 1.0)}, "leaves no test example"),
        ({"fractions": (0.2, 0.1, 0.3)}, "ascending"),
        ({"decays": (0.5, 2.0)}, "give 1"),
        ({"operation": "x/y", "p": 28}, "prime"),
        ({"weight_decay": 0.0}, "weight_decay"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ToylabError, match=words):
        Config(**settings)


@pytest.mark.parametrize("crosses", [True, False])
def test_figures_draw(measures, crosses):
    tables = dict(measures)
    if not crosses:
        tables["transitions"] = measures["transitions"].with_columns(size=pl.lit(float("nan")))
        chosen = pl.col("set") == "memorising"
        tables |= {n: measures[n].filter(chosen) for n in ("efficiency", "exponents")}
    with style():
        drawn = pictures.draw(tables, study.presets["laptop"])
        for figure in drawn.values():
            figure.draw_without_rendering()
    assert set(drawn) == {"curves", "transition", "efficiency"}
