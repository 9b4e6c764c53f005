"""The study ``adversarial_spheres``: rows of known ellipsoids, readings, a smoke run."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest
from scipy.special import betainc

from toylab.errors import ToylabError
from toylab.figures.spheres import adversarial_spheres as pictures
from toylab.lab import run_study
from toylab.models import MLP
from toylab.models.quadrics.ellipsoid import Ellipsoid
from toylab.studies.spheres.adversarial_spheres import readings, scores
from toylab.studies.spheres.adversarial_spheres.claims import CLAIMS
from toylab.studies.spheres.adversarial_spheres.study import Config, looks, populations
from toylab.study import load_study
from toylab.tasks.spheres.caps import cap_distance
from toylab.tasks.spheres.spheres import Spheres


def test_rows_of_known_ellipsoids():
    perfect = scores.ellipsoid_row(np.full(5, 1 / 1.3), 1.3, 20, 0)
    assert perfect["inner"] == perfect["outer"] == perfect["found"] == perfect["bad"] == 0
    assert np.isnan(perfect["distance"]) and np.isnan(perfect["cap"])
    row = scores.ellipsoid_row(np.array([0.2, 0.8, 0.9, 1.1]), 1.3, 4_000, 0)
    assert row["bad"] == 0.5 and row["top"] == 1.1
    assert row["found"] == pytest.approx(1e5 * row["inner"], rel=0.05)
    assert 0.2 < row["distance"] / float(cap_distance(row["inner"], 4)) < 1
    lost = scores.ellipsoid_row(np.full(4, np.nan), 1.3, 20, 0)
    assert all(np.isnan(value) for value in lost.values())
    for rate in (0.1, 0.001):
        moved = scores.untrained_row(np.linspace(0.1, 2, 8), rate, 50, 0)
        assert moved["rate"] == rate and 0 < moved["distance"] < moved["cap"]


def test_networks_without_an_ellipsoid_have_no_spectrum():
    params = {
        "W": np.ones((3, 4, 2)),
        "w": np.array([1.0, -1.0, 1.0]),
        "b": np.array([-1, -1, 1.0]),
    }
    found = scores.spectra(params)
    np.testing.assert_allclose(found[0], [0, 8], atol=1e-9)
    assert np.isnan(found[1:]).all()


def test_a_training_set_is_counted_row_by_row():
    model, task = Ellipsoid(4, 8), Spheres(4)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    rows = lambda seed, row_B: task.rows(jax.random.key(seed), row_B)
    found = scores.training_errors(params, np.array([3, 5]), rows, 40)
    for i, seed in enumerate((3, 5)):
        batch = task.rows(jax.random.key(seed), np.arange(40, dtype=np.uint32))
        W = np.asarray(params["W"][i], np.float64)
        outer = ((np.asarray(batch.inputs) @ W.T) ** 2).sum(1) > 1
        assert found[i] == pytest.approx((outer != np.asarray(batch.targets)).mean())


def test_relu_networks_are_counted_and_attacked():
    model = MLP(sizes=(6, 1, 2))
    params = model.init(jax.random.key(0))
    layers = {"0": {"kernel": np.eye(6, 1), "bias": np.ones(1)}}
    layers["1"] = {"kernel": np.array([[0.0, 1.0]]), "bias": np.array([1.5, 0.0])}
    params = jax.tree.map(
        lambda _, own: np.asarray(own, np.float32)[None], params, {"layers": layers}
    )
    found = scores.relu_scores(model, params, 1.3, 300)  # it says "outer" of a cap
    assert found["inner"][0] == pytest.approx(betainc(2.5, 0.5, 0.75) / 2, abs=0.003)
    assert found["distance"][0] == pytest.approx(float(cap_distance(found["inner"][0], 6)), rel=0.1)


def ladder_rows() -> pl.DataFrame:
    rates = np.array([0.3, 0.1, 1e-3, 1e-5, 1e-9])
    parts = []
    for dim in (10, 50, 100, 200):
        cap = cap_distance(rates, dim)
        columns = {"inner": rates, "distance": 0.7 * cap, "cap": cap, "error": 0 * cap}
        other = {"step": np.arange(1, 6), "bad": [0.9, 0.8, 0.7, 0.4, 0.0 if dim < 200 else 0.2]}
        other |= {"normal": 3 * rates, "found": [9, 9, 9, 0, 0], "top": [2.0, 2.0, 2.0, 1.5, 1.1]}
        parts.append(pl.DataFrame(columns | other).with_columns(dim=pl.lit(dim)))
    return pl.concat(parts).with_columns(
        init_seed=pl.lit(0), population=pl.lit("x"), pool=pl.lit(0.0)
    )


def test_readings_of_a_made_up_training():
    m = {"networks": ladder_rows()}
    value = lambda reading: reading(m).values[0]
    assert value(readings.nearness()) == pytest.approx(0.7)
    assert value(readings.over_the_bound()) == pytest.approx(0.7)
    assert value(readings.exponent(1e-2)) == pytest.approx(-0.5, abs=0.01)
    assert value(readings.trained(1e-2)) == pytest.approx(0.7)
    small = (pl.col("inner") < 1e-4) & (pl.col("inner") > 0)
    assert value(readings.first_when(small, "bad")) == 0.4
    assert value(readings.first_when(pl.col("found") == 0, pl.col("top") > 1)) == 1
    assert value(readings.perfect("smallest")) == 1 and value(readings.perfect("largest")) == 0
    assert value(readings.later()) == pytest.approx(0.775, abs=0.01)
    assert not len(readings.trained(0.4)(m).values)


def test_readings_of_the_last_look_and_of_an_untrained_slope():
    looks = {"init_seed": 0, "step": [0, 10, 20, 30], "inner": [3e-2, 1e-2, 3e-4, 1e-4]}
    relu = pl.DataFrame(looks | {"distance": [1.0, 0.9, 0.3, 0.2], "cap": [1.0, 1.0, 0.5, 0.5]})
    assert readings.relu_nearness()({"relu": relu}).values == pytest.approx([0.6])
    assert not len(readings.relu_nearness()({"relu": relu.filter(step=0)}).values)
    rates = {"init_seed": 0, "dim": [50, 200, 200, 200], "cap": [9.0, 0.1, 0.2, 0.4]}
    rows = pl.DataFrame(rates | {"distance": [1.0, 0.1, 0.18, 0.34]})
    assert readings.untrained_slope()({"untrained": rows}).values == pytest.approx([0.8])


def test_a_smoke_run_judges_and_draws(tmp_path):
    run = run_study(load_study("adversarial_spheres"), "smoke", tmp_path / "run")
    measures = run.measures()
    under = next(claim for claim in CLAIMS if claim.key == "under_the_bound")
    assert (under.reading(measures).values < 1).all()
    assert {path.stem for path in run.figures()} == set(pictures.CAPTIONS)
    rows = measures["networks"]
    assert isinstance(rows, pl.DataFrame)
    assert set(rows["population"]) == {"3", "8", "pools"}


def test_settings_that_make_no_study_are_refused():
    assert looks(60, 4) == (0, 1, 4, 15, 60)
    for wrong, told in (
        (dict(dims=(1, 5)), "dims = 1"),
        (dict(dims=(5, 5)), "names one twice"),
        (dict(pools=(0,)), "pools = 0"),
        (dict(radius=0.9), "radius = 0.9"),
        (dict(steps=0), "steps = 0"),
    ):
        with pytest.raises(ToylabError, match=told):
            populations(dataclasses.replace(Config(), **wrong))
