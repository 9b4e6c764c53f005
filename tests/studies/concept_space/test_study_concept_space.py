"""The study ``concept_space``: interventions as edits, readings of planted curves, a smoke run."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.concept_space import concept_space as pictures
from toylab.lab import run_study
from toylab.models.images.conditional import ConditionalDecoder
from toylab.report import figures as fig
from toylab.studies.concept_space.concept_space import claims, elicit, readings
from toylab.studies.concept_space.concept_space.study import Config, populations
from toylab.study import load_study
from toylab.taps import Edit, run
from toylab.tasks.concept_space.discs import Discs
from toylab.tasks.concept_space.readers import read

TASK = Discs(0.3, 0.4, pixels=4)
MODEL = ConditionalDecoder(embed=6, hidden=(8,), outputs=32)


def test_interventions_are_prompts_and_edits_of_the_embedding():
    params = jax.jit(MODEL.init)(jax.random.key(3))
    found = jax.jit(elicit.responses, static_argnums=(0, 2))(MODEL, params, TASK)
    place = TASK.places(elicit.PLACES)
    ask = lambda z: jnp.concatenate([jnp.broadcast_to(z, (len(place), 2)), place], 1)
    embedded = lambda c: run(MODEL, params, ask(TASK.values(c)), record=("embed",))[1]["embed"][0]
    new = TASK.values(3)
    shift = 0.5 * (embedded(2) - embedded(0))
    shown = {
        "naive": MODEL.apply(params, ask(new)),
        "over 1.0": MODEL.apply(params, ask(new + jnp.array([0.3, 0.0]))),
        "wrong": MODEL.apply(params, ask(new + jnp.array([0.0, 0.2]))),
        "latent 0.5": run(MODEL, params, ask(new), edits=(Edit("embed", "add", shift),))[0],
    }
    for name, image in shown.items():
        own = read(TASK, image, place, 3)
        assert float(found[f"{name} lenient"]) == pytest.approx(float(own.lenient.mean()))
        assert float(found[f"{name} strict"]) == pytest.approx(float(own.strict.mean()))
    naive = read(TASK, shown["naive"], place, 3)
    np.testing.assert_allclose(found["naive x"], naive.concepts[:, 0].mean(), rtol=1e-4)
    np.testing.assert_allclose(found["size"], naive.bits[:, 1].mean())
    over = run(MODEL, params, ask(new + jnp.array([0.15, 0.0])), record=("embed",))[1]["embed"][0]
    moved = np.asarray(over - embedded(3), np.float64)
    cosine = moved @ shift / np.linalg.norm(moved) / np.linalg.norm(shift)
    np.testing.assert_allclose(found["alike"], cosine, rtol=1e-3)
    worst = min(float(found[f"class {c} strict"]) for c in (0, 1, 2))
    assert float(found["trained strict"]) == worst


def test_random_directions_are_as_long_as_the_latent_shift():
    params = jax.jit(MODEL.init)(jax.random.key(3))
    asked = jax.jit(elicit.embeddings, static_argnums=(0, 2))(MODEL, params, TASK)
    away = lambda name: np.linalg.norm(asked[name] - asked["naive"])
    for k in range(elicit.RANDOM):
        assert away(f"random {k}") == pytest.approx(away("latent 0.5"), rel=1e-4)
    assert not np.allclose(asked["random 0"], asked["random 1"])


@pytest.fixture
def three_records(monkeypatch):
    """Hold for three records, as planted curves have six."""
    monkeypatch.setattr(readings, "HOLD", 3)


def planted(masked: float = 0.0, colour_gap: float = 0.3, **columns: list[float]) -> pl.DataFrame:
    """Six records, 10 steps apart, of one network."""
    rows = pl.DataFrame({"step": range(10, 70, 10), **columns})
    setting = {"init_seed": 0, "colour_gap": colour_gap, "size_gap": 0.4, "masked": masked}
    flags = {"of colour_gap": masked == 0, "of size_gap": colour_gap == 0.3 and masked == 0}
    flags |= {"of masked": colour_gap == 0.3, "diverged": False}
    return rows.with_columns(**{n: pl.lit(v) for n, v in (setting | flags).items()})


def curve(first: int) -> list[float]:
    """A share that reaches 1 at a record, counted from 1; 7 for never."""
    return [float(i >= first) for i in range(1, 7)]


def value(reading, *frames: pl.DataFrame) -> list[float]:
    return reading({"curves": pl.concat(frames)}).array().tolist()


def test_an_intervention_is_ahead_of_asking_and_of_every_random_shift(three_records):
    late = {f"random {k} lenient": curve(7) for k in (0, 1, 3)}
    own = planted(
        **{"over 0.5 lenient": curve(1), "naive lenient": curve(4)},
        **{"random 2 lenient": curve(3)},
        **late,
    )
    assert value(readings.ahead("over"), own) == [3.0]
    never = own.with_columns(pl.lit(0.0).alias("over 0.5 lenient"))
    assert value(readings.ahead("over"), never) == [0.5]  # 30 of 60 steps, at the most


def test_order_hiding_and_trends_of_planted_times(three_records):
    frames = [
        planted(0.0, gap, colour=curve(c), size=curve(s))
        for gap, c, s in ((0.2, 4, 1), (0.4, 3, 2), (0.8, 1, 7))
    ]
    assert value(readings.order(readings.WIDEST), *frames) == [6.0]
    assert value(readings.order(readings.NARROWEST), *frames) == [0.25]
    assert value(readings.order(readings.EQUAL), *frames) == [pytest.approx(2 / 3)]
    assert value(readings.time_trend(readings.COLOUR, "colour", "colour_gap"), *frames) == [-1.0]
    shown = {"over 0.5 lenient": curve(2), "naive lenient": curve(7)}
    assert value(readings.hidden(0.05), planted(0.05, **shown)) == [1.0]
    shown["naive lenient"] = curve(4)
    assert value(readings.hidden(0.05), planted(0.05, **shown)) == [0.0]


def test_gain_of_a_linear_response_is_1_and_a_turn_is_where_it_is(three_records):
    x, near = np.array([0.1, 0.1, 0.2, 0.4, 0.6, 0.8]), np.zeros(6)
    own = planted(
        **{"naive x": x, "class 1 x": near, "over 0.5 x": x + 0.5 * (x - near)},
        **{"naive y": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]},
        **{"over 0.5 lenient": curve(4), "latent 0.5 lenient": curve(4), "naive lenient": curve(4)},
    )
    assert value(readings.gain(), own) == pytest.approx([1.0])
    assert value(readings.line_lead(), own) == [40 / 30]  # last short of 0.4, as 1.5 x, at step 30
    mirrored = own.with_columns(-pl.col("naive x"))
    assert value(readings.line_lead(), mirrored) == [40 / 30]
    assert value(readings.turn(), own) == [0.5]  # step 20 of 40
    double = own.with_columns(pl.col("over 0.5 x") + 0.5 * pl.col("naive x"))
    assert value(readings.gain(), double) == pytest.approx([2.0])


def test_a_swing_is_a_rise_after_a_fall():
    rows = [
        {"init_seed": seed, "depth": 4, "step": step, "loss": loss}
        for seed, losses in enumerate([[1, 0.2, 0.26], [1, 0.2, 0.24], [1, 0.5, 0.1]])
        for step, loss in enumerate(losses)
    ]
    found = readings.swings(4)({"identity": pl.DataFrame(rows)})
    assert found.array().tolist() == [1, 0, 0]
    assert found.outcome


@functools.cache
def smoke(folder):
    return run_study(load_study("concept_space"), "smoke", folder)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return smoke(tmp_path_factory.mktemp("concept_space") / "run")


def test_a_smoke_run_measures_every_arm(measured):
    m, config = measured.measures(), Config()
    assert m["curves"].height == 2 * len(config.arms()) * 20
    alone = pl.col("of colour_gap") & pl.col("of size_gap") & pl.col("of masked")
    assert m["curves"].filter(alone)["colour_gap"].unique().to_list() == [0.3]
    assert m["curves"].filter("of colour_gap")["colour_gap"].n_unique() == 5
    assert m["identity"]["depth"].unique().sort().to_list() == [1, 2, 3, 4]
    assert m["pictures"].shape == (
        3,
        len(load_study("concept_space").presets["smoke"].snapshots()),
        32,
    )
    assert {path.stem for path in measured.figures()} == set(pictures.CAPTIONS)


def test_claims_and_figures_count_a_diverged_network(measured):
    m = dict(measured.measures())
    for name in ("curves", "identity"):
        m[name] = m[name].with_columns(diverged=pl.col("init_seed") == 1)
    for claim in claims.CLAIMS:
        assert claim.reading(m).count("diverged") == 1, claim.key
    with fig.style():
        assert set(pictures.draw(m, load_study("concept_space").presets["smoke"]))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"colour_gap": 0.0}, "colour_gap"),
        ({"colour_gaps": (0.9,)}, "colour_gap = 0.9"),
        ({"size_gaps": (0.8,)}, "size_gap = 0.8"),
        ({"masked": (1.2,)}, "masked = 1.2"),
        ({"masked": (0.1, 1.0)}, "given twice"),
        ({"colour_gaps": (0.3,)}, "given twice"),
        ({"record_every": 2000}, "11 in a row"),
        ({"steps": 0}, "steps = 0"),
        ({"identity_seeds": 0}, "identity_seeds = 0"),
    ],
)
def test_settings_that_make_no_study_are_refused(wrong, told):
    with pytest.raises(ToylabError, match=told):
        populations(dataclasses.replace(Config(), **wrong))
