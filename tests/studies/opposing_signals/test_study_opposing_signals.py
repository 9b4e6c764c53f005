"""The study ``opposing_signals``: trajectories, sharpness and tables of planted paths, figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.opposing_signals import opposing_signals as pictures
from toylab.report import figures as fig
from toylab.studies.opposing_signals.opposing_signals import claims, readings, tables, trajectories
from toylab.studies.opposing_signals.opposing_signals.study import (
    ARMS,
    OPTIMIZERS,
    Config,
    looks,
    populations,
)
from toylab.studies.opposing_signals.opposing_signals.watch import end_to_end, sharpest
from toylab.tasks.opposing_signals import linear
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals

RNG = np.random.default_rng(0)
TASK = OpposingSignals(size=40, signals=3, features=2, fraction=0.2)
SAMPLE = jax.tree.map(np.asarray, jax.jit(TASK.enumerate)())
GROUP = np.asarray(SAMPLE.latents["group"])


def test_losses_are_those_of_a_loop():
    b = RNG.normal(size=(4, 5))
    found = trajectories.losses(SAMPLE, b)
    for t in range(4):
        for n in range(40):
            wrong = sum(b[t, d] * SAMPLE.inputs[n, d] for d in range(5)) - SAMPLE.targets[n, 0]
            assert found[t, n] == pytest.approx(wrong**2 / 2, rel=1e-9)
    np.testing.assert_allclose(trajectories.mean_of(found, GROUP == 1), found[:, :4].mean(1))
    assert np.isnan(trajectories.mean_of(found, GROUP == 2)).all()


def test_correlations_are_numpys_over_the_steps_asked_for():
    first, second = RNG.normal(size=(2, 30)).cumsum(1)
    steps = np.arange(30) >= 11
    expected = np.corrcoef(np.diff(first)[11:], np.diff(second)[11:])[0, 1]
    assert trajectories.together(first, second, steps) == pytest.approx(expected)
    assert np.isnan(trajectories.together(first, second, np.arange(30) >= 28))
    assert np.isnan(trajectories.together(first, np.ones(30), steps))
    assert np.isnan(trajectories.together(first, np.full(30, np.nan), steps))


def test_the_top_share_counts_the_largest_changes():
    each = np.zeros((11, 20))
    each[5:, 3] = 100.0  # two changes of 200: one of each
    each[7:, 12] = -50.0
    assert trajectories.top_share(each, np.arange(20) == 3, np.ones(11, bool)) == 0.5
    assert np.isnan(trajectories.top_share(each, np.arange(20) == 3, np.zeros(11, bool)))


def test_random_groups_are_disjoint_and_as_large_as_the_first():
    first, second = trajectories.random_groups(GROUP, np.random.default_rng(0))
    assert first.sum() == second.sum() == (GROUP == 1).sum()
    assert not (first & second).any()


def test_sharpness_by_lanczos_is_that_of_the_dense_hessian_in_float64():
    scales = np.array([0.2, 1.0, np.nan])
    kernel = lambda *shape: RNG.normal(size=(3, *shape)) * scales.reshape(3, *[1] * len(shape))
    params = {"layers": {"0": {"kernel": kernel(5, 4)}, "1": {"kernel": kernel(4, 1)}}}
    known = jax.tree.map(lambda leaf: np.stack([leaf] * 3), linear.moments(SAMPLE))
    found = sharpest(params, known, np.asarray(TASK.shared()), 24)
    for p in range(2):
        W, u = params["layers"]["0"]["kernel"][p].T, params["layers"]["1"]["kernel"][p][:, 0]
        values, vectors = np.linalg.eigh(linear.hessian(linear.moments(SAMPLE), W, u))
        assert found["sharpness"][p] == pytest.approx(values[-1], rel=1e-8)
        first = vectors[4:, -1].reshape(4, 5)
        mass = ((first @ np.asarray(TASK.shared())) ** 2).sum() / (first**2).sum()
        assert found["mass"][p] == pytest.approx(mass, abs=1e-5)
    assert np.isnan(found["sharpness"][2])
    b = end_to_end(jax.tree.map(jnp.asarray, params))
    W, u = params["layers"]["0"]["kernel"][1], params["layers"]["1"]["kernel"][1]
    np.testing.assert_allclose(b[1], (W @ u)[:, 0], rtol=1e-5)


def test_a_path_that_swings_along_the_feature_is_read_as_opposition():
    best = linear.least_squares(linear.moments(SAMPLE))
    swing = np.array([0, 0, 0.1, -0.2, 0.4, -0.3, 0.1])[:, None] * np.asarray(TASK.shared())
    path = pl.DataFrame({"step": np.arange(1, 8), "sharpness": [1.0, 6, 8, 8, 8, 5, 5]})
    path = path.with_columns(mass=pl.lit(0.5), bound=pl.lit(0.0), scale=pl.lit(1.0))
    curve, end = tables.look(SAMPLE, best + swing, path, 7.5, 2)
    assert end["crossed"]
    assert end["after"] < -0.9
    assert curve["feature"].to_numpy() == pytest.approx(
        best @ np.asarray(TASK.shared()) + swing @ np.asarray(TASK.shared()), abs=1e-6
    )
    loss = curve["loss"].to_numpy()
    assert end["rise"] == pytest.approx((loss.max() - loss[0]) / loss[0])
    assert not tables.look(SAMPLE, best + swing, path, 9.0, 2)[1]["crossed"]


def measures():
    """Made-up measures of two networks per arm, of which the second has diverged."""
    rows, ends = [], []
    for arm in ARMS:
        for seed in (0, 1):
            label = {"arm": arm, "init_seed": seed, "diverged": seed == 1}
            gone = np.nan if seed else 1.0
            names = ("edge", "alpha", "predicted", "best", "mass", "rise", "before", "after")
            names += ("random", "share", "share_before")
            ends.append(label | {n: 0.5 * gone for n in names} | {"crossed": seed == 0})
            numbers = ("scale", "sharpness", "mass", "bound", "signal", "loss", "plus", "minus")
            for step in (1, 2, 3):
                rows.append(label | {"step": step} | {n: step * gone for n in numbers})
                rows[-1]["feature"] = gone
    cells = [
        {"init_seed": s, "edge": 1.0, "predicted": p, "peak": p * (np.nan if s else 1)}
        | {"diverged": s == 1}
        for s in (0, 1)
        for p in (0.5, 0.8, 1.05, 1.4)
    ]
    spikes = [
        {"optimizer": o, "init_seed": s, "learning_rate": r, "diverged": s == 1}
        | {"excess": r * (np.nan if s else 1), "spike": 1 + r}
        for o in OPTIMIZERS
        for s in (0, 1)
        for r in (0.02, 0.08)
    ]
    tables = {"curves": rows, "arms": ends, "cells": cells, "spikes": spikes}
    return {name: pl.DataFrame(found) for name, found in tables.items()}


def test_claims_and_figures_of_networks_one_of_which_diverged():
    found = measures()
    for claim in claims.CLAIMS:
        values = claim.reading(found)
        assert values.count("diverged") == 1, claim.key
        assert len(values.values) == 1, claim.key
    with fig.style():
        assert set(pictures.draw(found, Config())) == set(pictures.CAPTIONS)


def test_readings_of_made_up_networks():
    found = measures()
    assert readings.spike("adam")(found).values == pytest.approx([1.05])  # half way in logarithms
    assert readings.foretold()(found).values == pytest.approx([1.0])
    wrong = found["cells"].with_columns(peak=pl.lit(2.0))
    assert readings.foretold()(found | {"cells": wrong}).values[0] == pytest.approx(0.5)
    # sharpness is the step, alpha 1/2, and |b| the step too
    assert readings.proportional("below")(found).values == pytest.approx([1.0])
    assert readings.peak("below")(found).values == pytest.approx([6.0])
    assert readings.learned("below")(found).values == pytest.approx([5.0])


def test_arms_are_members_in_their_order():
    main = populations(Config(seeds=2))["main"].members
    assert len(main) == 2 * len(ARMS)
    place = 2 * list(ARMS).index("aligned")
    assert main["aligned"].nonzero()[0].tolist() == [place, place + 1]
    assert main["learning_rate"][place] == Config().aligned_rate
    assert main["world_seed"].tolist() == [0, 1] * len(ARMS)


def test_looks_are_close_together_at_first():
    assert looks(12) == tuple(range(1, 13))
    assert set(range(1, 60)) <= set(looks(200))
    assert max(looks(200)) <= 200
    assert looks(20, 4) == (4, 8, 12, 16, 20)
    assert looks(1) == (1,)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (dict(learning_rate=0.4), "beyond the edge without outliers"),
        (dict(size=810), "two groups"),
        (dict(batch_size=10), "1 outliers on average"),
        (dict(batch_size=900), "up to the whole sample"),
        (dict(momentum=1.5), "momentum"),
        (dict(strengths=(9.0,)), "beyond the edge"),
    ],
)
def test_settings_that_make_no_study_are_refused(settings, match):
    with pytest.raises(ToylabError, match=match):
        Config(**settings)
