"""The study ``multiplication``: what is measured against loops, readings of planted tables."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.multiplication import multiplication as pictures
from toylab.report import figures as fig
from toylab.studies.multiplication.multiplication import claims, looks, readings
from toylab.studies.multiplication.multiplication.study import ARMS, Config, Look, tabled
from toylab.taps import Edit, run
from toylab.tasks.multiplication.auxiliary import Auxiliary
from toylab.tasks.multiplication.digits import most_running

CONFIG = Config(seeds=2, width=8, hidden=8, wide_width=8, heads=2, steps=2, chain_steps=4)
TASK, MODEL = CONFIG.task(), CONFIG.model()
BATCH = TASK.spelled(*TASK.unseen(12, 0))


def networks(model, scale=3.0):
    """Two untrained networks, whose attention is not even."""
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    return jax.tree.map(lambda leaf: scale * leaf, params)


PARAMS = networks(MODEL)
ONE = jax.tree.map(lambda leaf: leaf[1], PARAMS)


def test_exact_matches_are_those_of_answers_written_alone():
    right = np.asarray(looks.right(MODEL, TASK, PARAMS, BATCH))
    start, model = 2 * TASK.digits, jax.jit(MODEL.apply)
    line = np.asarray(BATCH.inputs).copy()
    line[:, start + 1 :] = 0  # what comes later is not seen
    said = []
    for at in range(start, TASK.length):
        said.append(np.asarray(model(ONE, jnp.asarray(line))[:, at].argmax(-1)))
        if at + 1 < TASK.length:
            line[:, at + 1] = said[-1]
    true = np.asarray(BATCH.targets)[:, TASK.answers]
    np.testing.assert_array_equal(right[1].all(1), (np.stack(said, 1) == true).all(1))
    logits = MODEL.apply(ONE, BATCH.inputs)
    by_hand = np.asarray(logits.argmax(-1) == BATCH.targets)[:, TASK.answers]
    np.testing.assert_array_equal(right[1], by_hand)


def test_a_probe_finds_the_running_sum_where_it_stands():
    seen = TASK.spelled(*TASK.pairs())
    both = jax.tree.map(lambda x, y: jnp.concatenate([x, y]), BATCH, seen)
    error = looks.probe_errors(MODEL, TASK, PARAMS, both, 12)
    site = "blocks/1/resid_mid"
    rows = [
        np.asarray(run(MODEL, ONE, b.inputs, record=(site,))[1][site], float)[:, TASK.answers]
        for b in (seen, BATCH)
    ]
    for k in (1, 3):
        x, y = (np.concatenate([r[:, k], np.ones((len(r), 1))], 1) for r in rows)
        told = np.asarray(seen.latents["running"])[:, k]
        penalty = looks.RIDGE * np.diag([1.0] * 8 + [0.0])
        weight = np.linalg.solve(x.T @ x + penalty, x.T @ told)
        right = np.asarray(BATCH.latents["running"])[:, k]
        by_hand = np.abs(y @ weight - right).mean() / np.abs(right - right.mean()).mean()
        assert error[1, k] == pytest.approx(by_hand, rel=1e-3)


def test_attention_and_closed_edges_are_those_of_single_runs():
    pattern = "blocks/0/attn/pattern"
    mean = np.asarray(run(MODEL, ONE, BATCH.inputs, record=(pattern,))[1][pattern]).mean(0)
    found = looks.attention(MODEL, TASK, PARAMS, BATCH)
    by_hand = mean[:, 7][:, [0, 1, 3, 4]].sum(1).mean()
    assert found["relevant"][1, 0, 1] == pytest.approx(by_hand, rel=1e-5)
    by_hand = max(h[:3].max() + h[3:6].max() for h in mean[:, 7])
    assert found["pair"][1, 0, 1] == pytest.approx(by_hand, rel=1e-5)
    lost = looks.closed(MODEL, TASK, PARAMS, BATCH)
    assert lost.shape == (2, 2, 2, 2)
    mask = np.zeros((12, 12), bool)
    mask[9, 6:9] = True  # the step of digit 3 sees those of digits 0 to 2 no more
    cut = Edit("blocks/1/attn/scores", "set", np.float32(-1e9), mask[None, None])
    logits, _ = run(MODEL, ONE, BATCH.inputs, edits=(cut,))
    target = np.asarray(BATCH.targets)[:, 9]
    accuracy = lambda found: (np.asarray(found)[:, 9].argmax(-1) == target).mean()
    by_hand = accuracy(MODEL.apply(ONE, BATCH.inputs)) - accuracy(logits)
    assert lost[1, 1, 1, 1] == pytest.approx(by_hand)


def test_reliance_is_the_drop_of_the_largest_logit():
    found = looks.reliance(MODEL, TASK, PARAMS, BATCH, 5)
    rng, x = np.random.default_rng(5), np.asarray(BATCH.inputs)
    before = np.asarray(MODEL.apply(ONE, BATCH.inputs))[:, TASK.answers]
    for i in range(3):
        other = x.copy()
        other[:, i] = (x[:, i] + rng.integers(1, 3, len(x))) % 3
        assert (other[:, i] != x[:, i]).all()
        after = np.asarray(MODEL.apply(ONE, jnp.asarray(other)))[:, TASK.answers]
        top = before.argmax(-1)
        drops = [
            [before[b, k, top[b, k]] - after[b, k, top[b, k]] for k in range(6)] for b in range(12)
        ]
        np.testing.assert_allclose(found[1, i], np.mean(drops, 0), rtol=1e-4, atol=1e-5)


def test_what_heads_are_asked_for():
    running = np.asarray(BATCH.latents["running"]) / most_running(3, 3)
    np.testing.assert_allclose(Auxiliary(TASK, kind=0.0).targets(BATCH), 2 * running - 1, atol=1e-6)
    other = np.roll(running, 1, 0)
    np.testing.assert_allclose(Auxiliary(TASK, kind=1.0).targets(BATCH), 2 * other - 1, atol=1e-6)
    a, b = np.split(np.asarray(BATCH.latents["factors"]), 2, 1)
    both = zip(a, b, strict=True)
    sums = [[(x[: k + 1].sum() + y[: k + 1].sum()) / 12 for k in range(6)] for x, y in both]
    found = Auxiliary(TASK, kind=2.0).targets(BATCH)
    np.testing.assert_allclose(found, 2 * np.array(sums) - 1, atol=1e-6)
    told, plain = (np.asarray(Auxiliary(TASK, w)(MODEL, ONE, BATCH)) for w in (2.0, 0.0))
    z = run(MODEL, ONE, BATCH.inputs, record=(MODEL.read_site,))[1][MODEL.read_site]
    said = np.asarray(MODEL.said(ONE, z))[:, TASK.answers]
    error = ((said - (2 * running - 1)[:, :, None]) ** 2).mean((1, 2))
    np.testing.assert_allclose(told - plain, 2 * error, rtol=1e-4)


def curve_table(value_SK, arm="standard"):
    label = {"arm": arm, "init_seed": 0, "diverged": False, "kept": 0}
    return pl.DataFrame(
        [
            label | {"step": 100 * s, "digit": k, "unseen": float(v), "reckoned": float(v) - 0.1}
            for s, row in enumerate(value_SK)
            for k, v in enumerate(row)
        ]
    )


def test_readings_of_planted_curves():
    inward = [
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0.4, 0.4, 0, 1],
        [1, 1, 0.5, 0.4, 1, 1],
        [1, 1, 0.6, 0.5, 1, 1],
    ]
    m = {"digits": curve_table(inward), "guessed": np.array([0.5, 0.5, 0.1, 0.2, 0.5, 0.5])}
    assert readings.order("standard")(m).values == pytest.approx([-1], abs=0.04)
    assert readings.outer("standard")(m).values == [1]
    assert readings.over_chance("standard")(m).values == pytest.approx([0.2])
    assert readings.middle("standard")(m).values == pytest.approx([0.55])
    assert readings.late_gain("standard")(m).values == pytest.approx([0.15])
    m["digits"] = curve_table([row[2::-1] + row[:2:-1] for row in inward])  # from the middle
    assert readings.order("standard")(m).values > 0.8


def small_measures():
    """Measures of two networks per arm, made up to be of three steps; the second has diverged."""
    made = []
    lost = np.array([False, True])
    for arm in (*ARMS, "wide"):
        model = CONFIG.model(arm)
        params = networks(model, 1.0)
        params["embed"]["embedding"] = params["embed"]["embedding"].at[1].set(jnp.nan)
        chained = CONFIG.task(20), CONFIG.task()
        task = CONFIG.wide() if arm == "wide" else CONFIG.task()
        for step in (0, 1, 2):
            own = chained[step == 2] if arm == "chain" else task
            if step or arm in ARMS[:-1]:
                made.append(Look(arm, step, own, params, lost, step == 2))
    return tabled(CONFIG, made)


@pytest.mark.slow
def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures = small_measures()
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
    with fig.style():
        assert set(pictures.draw(measures, CONFIG)) == set(pictures.CAPTIONS)


def test_stages_remove_the_chain_and_add_up():
    stages = Config(removed=6, chain_steps=1_000).stages()
    assert [kept for _, kept, _ in stages] == [20, 14, 8, 2, 0]
    assert sum(steps for *_, steps in stages) == 1_000
    assert stages[-1][2] == pytest.approx(2 * stages[0][2], abs=2)


def test_settings_that_make_no_study_are_refused():
    for settings, words in (
        ({"digits": 1}, "digits = 1"),
        ({"removed": 21}, "removed = 21"),
        ({"removed": 0}, "removed = 0"),
        ({"auxiliary": -1.0}, "auxiliary = -1"),
    ):
        with pytest.raises(ToylabError, match=words):
            Config(**settings)
