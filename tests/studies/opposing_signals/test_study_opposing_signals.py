"""The study ``opposing_signals``: trajectories, sharpness and tables of planted paths, figures."""

import jax
import numpy as np
import polars as pl
import pytest

from toylab.analysis.landscape.members import member_eigenvalues
from toylab.errors import ToylabError
from toylab.figures.opposing_signals import opposing_signals as pictures
from toylab.report import figures as fig
from toylab.studies.opposing_signals.opposing_signals import claims, readings, tables
from toylab.studies.opposing_signals.opposing_signals.study import (
    ARMS,
    OPTIMIZERS,
    Config,
    looks,
    populations,
)
from toylab.studies.opposing_signals.opposing_signals.watch import sample_loss
from toylab.tasks.opposing_signals import linear
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals

RNG = np.random.default_rng(0)
TASK = OpposingSignals(size=40, signals=3, features=2, fraction=0.2)
SAMPLE = jax.tree.map(np.asarray, jax.jit(TASK.enumerate)())
GROUP = np.asarray(SAMPLE.latents["group"])


def test_random_groups_are_disjoint_and_as_large_as_the_first():
    first, second = tables.random_groups(GROUP)
    assert first.sum() == second.sum() == (GROUP == 1).sum()
    assert not (first & second).any()
    each = RNG.normal(size=(3, 40))
    np.testing.assert_allclose(tables.mean_of(each, first), each[:, first].mean(1))
    assert np.isnan(tables.mean_of(each, GROUP == 2)).all()


def test_the_loss_by_which_sharpness_is_measured_has_the_dense_hessian():
    first, second = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 1))
    params = {"layers": {"0": {"kernel": first}, "1": {"kernel": second}}}
    known = linear.moments(SAMPLE)
    many = jax.tree.map(lambda leaf: np.asarray(leaf)[None], (params, known))
    found = member_eigenvalues(sample_loss, *many, steps=24)
    exact = np.linalg.eigvalsh(linear.hessian(known, first.T, second[:, 0]))[-1]
    assert found.values_C[0, 0] == pytest.approx(exact, rel=1e-8)


def test_a_path_that_swings_along_the_feature_is_read_as_opposition():
    best = linear.least_squares(linear.moments(SAMPLE))
    swing = np.array([0, 0, 0.1, -0.2, 0.4, -0.3, 0.1])[:, None] * np.asarray(TASK.shared())
    path = pl.DataFrame({"step": np.arange(1, 8), "sharpness": [1.0, 6, 8, 8, 8, 5, 5]})
    path = path.with_columns(mass=pl.lit(0.5), bound=pl.lit(0.0))
    curve, end = tables.look(SAMPLE, best + swing, path, 7.5, 2)
    assert end["crossed"]
    assert end["after"] < -0.9
    assert end["swing"] < -0.7
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
            names = ("edge", "alpha", "best", "mass", "rise", "before", "after")
            names += ("random", "share", "share_before", "swing")
            ends.append(label | {n: 0.5 * gone for n in names} | {"crossed": seed == 0})
            numbers = ("sharpness", "mass", "bound", "signal", "loss", "plus", "minus")
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
    assert readings.doubt("below")(found).values == pytest.approx([1.0])


def test_arms_are_members_in_their_order():
    main = populations(Config(seeds=2))["main"].members
    assert len(main) == 2 * len(ARMS)
    place = 2 * list(ARMS).index("aligned")
    assert main["aligned"].nonzero()[0].tolist() == [place, place + 1]
    assert main["learning_rate"][place] == Config().middle_rate
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
        (dict(batch_size=10), "are 2 outliers or more"),
        (dict(batch_size=900), "up to size = 800"),
        (dict(momentum=1.5), "momentum"),
        (dict(strengths=(9.0,)), "beyond the edge"),
    ],
)
def test_settings_that_make_no_study_are_refused(settings, match):
    with pytest.raises(ToylabError, match=match):
        Config(**settings)
