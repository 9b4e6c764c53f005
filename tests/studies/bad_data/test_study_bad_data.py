"""The study ``bad_data``: known directions, steering by hand, a smoke run."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.bad_data import bad_data as pictures
from toylab.lab import run_study
from toylab.models import Transformer
from toylab.studies.bad_data.bad_data import readings, scores
from toylab.studies.bad_data.bad_data.study import Config, populations
from toylab.study import load_study
from toylab.tasks.bad_data.registers import Registers


def test_columns_of_known_directions():
    pair = np.array([[1.0, -1.0, 0, 0], [0, 0, 0.1, 0]])[None]  # (1, M, N)
    found = scores.feature_columns(pair)
    np.testing.assert_allclose(found["norm"][0], [1, 1, 0.1, 0])
    assert found["kept"][0].tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(found["absolute all"][0], [1, 1, 0, np.nan])
    np.testing.assert_allclose(found["absolute"][0], [1, 1, np.nan, np.nan])
    np.testing.assert_allclose(found["positive"][0], [0, 0, np.nan, np.nan])
    np.testing.assert_allclose(found["absolute chance"][0], 2 / np.pi, atol=1e-4)
    assert np.isnan(scores.feature_columns(np.full((1, 2, 4), np.nan))["kept"]).all()


def test_auc_counts_pairs():
    high, low = np.random.default_rng(0).normal(0.5, 1, (2, 40))
    pairs = (high[:, None] > low).mean()
    assert float(scores._auc(jnp.asarray(high), jnp.asarray(low))) == pytest.approx(pairs)


def test_steering_takes_the_direction_away():
    task = Registers(6, 6)
    model = Transformer(vocab=task.vocab, length=6, width=8, depth=2, heads=2, hidden=8)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    found = scores.steered(model, params, task, 32)
    one = jax.tree.map(lambda leaf: leaf[1], params)
    data, kept = scores.texts(task, 32), {}
    for kind in ("rough fit", "clean fit"):

        def keep(site, value, kind=kind):
            if site == scores.SITE:
                kept[kind] = np.asarray(value)[:, scores.EARLY :]
            return value

        model.apply(one, data[kind].inputs, keep)
    push = kept["rough fit"].mean((0, 1)) - kept["clean fit"].mean((0, 1))
    moved = lambda site, value: value - 2 * push if site == scores.SITE else value
    with jax.numpy_rank_promotion("allow"):
        logits = np.asarray(model.apply(one, data["rough test"].inputs, moved), np.float64)
        clean = np.asarray(model.apply(one, data["clean test"].inputs, moved), np.float64)
    chance = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    tokens = np.asarray(data["rough test"].inputs)
    seen = ((tokens >= 6) & (tokens < 12)).cumsum(1) > 0
    at = scores.STRENGTHS.index(2.0)
    rough = chance[..., 6:12].sum(-1)[seen].mean()
    assert found["rough"][1, 0, at] == pytest.approx(rough, rel=1e-4)
    said = np.take_along_axis(clean, np.asarray(data["clean test"].targets)[..., None], -1)[..., 0]
    loss = (np.log(np.exp(clean).sum(-1)) - said).mean()
    assert found["loss"][1, 0, at] == pytest.approx(loss, rel=1e-4)
    assert (found["rough"][:, 0, 0] == found["rough"][:, 1, 0]).all()


def test_readings_of_made_up_tables():
    columns = {"share": [0.1] * 3 + [1.0] * 3, "rare": [True, True, False] * 2}
    columns |= {"kept": [1.0, 0.0, 1.0, 1.0, 1.0, 1.0], "positive": [0.8, None, 0.5, 0.6, 0.4, 0.5]}
    features = pl.DataFrame(columns).with_columns(init_seed=pl.lit(0), arm=pl.lit("trained"))
    strength, rough, loss = [0.0, 1.0, 2.0], [0.5, 0.3, 0.1], [1.0, 1.02, 1.1]
    steered = pl.DataFrame({"strength": strength, "rough": rough, "loss": loss})
    steered = steered.with_columns(share=pl.lit(0.1), push=pl.lit("found"), init_seed=pl.lit(0))
    m = {"features": features, "steered": steered}
    value = lambda reading: reading(m).values[0]
    assert value(readings.represented(0.1)) == 0.5
    assert value(readings.appearing("positive")) == pytest.approx(0.3)
    assert value(readings.gap("positive", 0.05, 1.0)) == pytest.approx(0.15)
    assert value(readings.removed(0.1)) == pytest.approx(0.4)
    assert value(readings.removed_at_cost()) == pytest.approx(0.4 + 0.4 * 3 / 8)
    paid = steered.with_columns(cost=pl.col("loss") - 1, gone=1 - pl.col("rough") / 0.5)
    assert pictures.at_cost(paid)["gone"][0] == pytest.approx(0.55)


def test_a_smoke_run_judges_and_draws(tmp_path):
    run = run_study(load_study("bad_data"), "smoke", tmp_path / "run")
    assert {path.stem for path in run.figures()} == set(pictures.CAPTIONS)
    measures = run.measures()
    assert len(measures["features"]) == 2 * 12 * (3 + 3 + 1)
    assert len(measures["steered"]) == 2 * 2 * 2 * len(scores.STRENGTHS)


def test_settings_that_make_no_study_are_refused():
    for wrong, told in (
        (dict(shares=(0.1, 0.3)), "1 must be one of them"),
        (dict(shares=(1.0, 0.0)), "shares = 0"),
        (dict(rough=(0.1, 0.1)), "names one twice"),
        (dict(shares=(1.0, 50.0)), "share"),
        (dict(words=10), "words mod 5"),
        (dict(length=4), "length = 4"),
        (dict(n_hidden=1), "n_hidden = 1"),
        (dict(width=5), "width = 5 for two heads"),
        (dict(judged=10**6), "judged = 1000000"),
        (dict(rare=12), "rare = 12"),
    ):
        with pytest.raises(ToylabError, match=told):
            populations(dataclasses.replace(Config(), **wrong))
