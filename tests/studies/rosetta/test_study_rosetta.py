"""The study ``rosetta``: answers counted by hand, planted streams, signs, claims, figures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata, spearmanr

from toylab.errors import ToylabError
from toylab.figures.rosetta import rosetta as pictures
from toylab.report import figures as fig
from toylab.studies.rosetta.rosetta import claims, scores
from toylab.studies.rosetta.rosetta.signs import SIGNS, signs
from toylab.studies.rosetta.rosetta.study import Config, arms, look, members, populations, worlds
from toylab.taps import run
from toylab.tasks.rosetta.bilingual import Bilingual

CONFIG = Config(seeds=2, entities=10, attributes=3, values=4, width=8, hidden=8, steps=8)
TASK = Bilingual(12, 3, 4, world=2, bias=1.0)
FACTS = jax.tree.map(np.asarray, jax.jit(TASK.facts)())
RNG = np.random.default_rng(0)


def test_answers_are_those_counted_by_hand():
    logits = RNG.normal(size=(2, TASK.size, TASK.n_out))
    found = scores.answers(TASK, FACTS, logits)
    told, asked, wrong, half = [], [], [], []
    for language in (0, 1):
        for f in range(TASK.size):
            given, right = logits[language, f].argmax(), FACTS.targets[language, f]
            if FACTS.told[language, f]:
                told.append(given == right)
            if FACTS.asked[language, f]:
                asked.append(given == right)
                low = right // 2 * 2
                half.append(logits[language, f, low : low + 2].argmax() + low == right)
                if given != right:
                    wrong.append(given % 4 // 2 == language)
    expected = [np.mean(own) for own in (told, asked, half, wrong)]
    names = ("recall", "cross", "in_half", "by_language")
    assert [found[name] for name in names] == pytest.approx(expected)
    assert found["asked"] == len(asked)
    assert found["left_out"] == 2 * TASK.size - len(asked) - len(told)


def test_an_oracle_is_right_and_who_follows_the_language_is_wrong_by_it():
    oracle = np.eye(TASK.n_out)[FACTS.targets]
    found = scores.answers(TASK, FACTS, oracle)
    assert found["recall"] == found["cross"] == found["in_half"] == 1
    assert np.isnan(found["by_language"])
    # The same value of the other half: right within its half, and wrong by language.
    prior = np.where(np.arange(8) % 4 // 2 == np.arange(2)[:, None, None], 2.0, 0.0)
    found = scores.answers(TASK, FACTS, oracle + prior)
    assert (found["cross"], found["in_half"], found["by_language"]) == (0, 1, 1)
    assert found["recall"] > 0.5
    assert np.isnan(scores.answers(TASK, FACTS, oracle * np.nan)["cross"])


def test_unification_of_planted_streams():
    fact = np.eye(TASK.size)[None].repeat(2, 0)
    tongue = np.array([1.0, -1.0])[:, None, None] * np.ones((1, TASK.size, 1))
    same = scores.unified(FACTS, fact)
    apart = scores.unified(FACTS, np.concatenate([fact, 5 * tongue], -1))
    assert same["score_single"] == pytest.approx(36 / 35)
    assert same["language"] == pytest.approx(0)
    assert same["retrieval_parallel"] == same["retrieval_single"] == 1
    assert apart["score_single"] < -1.5
    assert apart["language"] > 0.9
    shuffled = fact.copy()
    shuffled[1] = fact[0][RNG.permutation(TASK.size)]
    assert scores.unified(FACTS, shuffled)["score_single"] < 0.3


MODEL = CONFIG.model()


@pytest.fixture(scope="module")
def params_P():
    return jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))


def test_streams_are_moved_by_the_gap_over_other_attributes(params_P):
    task = CONFIG.world()
    facts = jax.tree.map(np.asarray, jax.jit(task.facts)())
    facts_P = jax.tree.map(lambda leaf: np.stack([leaf] * 2), facts)
    logits, behind, before = scores.looks(MODEL, params_P, facts_P)
    one = jax.tree.map(lambda leaf: leaf[1], params_P)
    plain, acts = run(MODEL, one, jnp.asarray(facts.inputs[1]), ("*/resid_post", "*/resid_mid"))
    np.testing.assert_allclose(logits[1, 1], plain, atol=1e-5)
    np.testing.assert_allclose(behind[1, 1], acts["blocks/0/resid_post"][:, 0], atol=1e-5)
    found = scores.translated(task, MODEL, params_P, facts_P, before)
    right = []
    for language, f in np.argwhere(facts.asked):
        a = f % task.attributes
        other = [g for g in range(task.size) if g % task.attributes != a]
        gap = before[1, 1 - language, other].mean(0) - before[1, language, other].mean(0)
        stream = before[1, language, f] + gap
        logits = (stream + _mlp(one, stream)) @ np.asarray(one["unembed"]["kernel"])
        right.append(int(logits.argmax()) == facts.targets[language, f])
    assert found["toward"][1] == pytest.approx(np.mean(right), abs=0.05)
    broken = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), params_P)
    seen = scores.looks(MODEL, broken, facts_P)
    assert np.isnan(scores.translated(task, MODEL, broken, facts_P, seen[2])["away"][0])


def _mlp(params, x):
    mlp = params["blocks"]["0"]["mlp"]
    layer = lambda name, x: x @ np.asarray(mlp[name]["kernel"]) + np.asarray(mlp[name]["bias"])
    return layer("down", np.maximum(layer("up", x), 0))


def made_up(values_WSK):
    """Networks of W worlds and S seeds: at step 1 score and transfer, at step 4 transfer."""
    rows = []
    for w, s in np.ndindex(values_WSK.shape[:2]):
        score, now, end = values_WSK[w, s]
        label = {"arm": "bias", "parallel": 0.3, "bias": w / 10, "init_seed": s, "diverged": False}
        own = {"score_single": score, "score_parallel": 0.0}
        rows.append(label | own | {"step": 1, "cross": now})
        rows.append(label | own | {"step": 4, "cross": end})
    return pl.DataFrame(rows)


def told(found, over):
    rows = found.filter(pl.col("sign") == "score_single", pl.col("over") == over)
    return rows.sort("init_seed")["value"].to_numpy()


def test_signs_are_rank_correlations_over_worlds_and_within_them():
    values = RNG.normal(size=(6, 9, 3))
    values[..., 2] += values[..., 0] + np.arange(6)[:, None]
    found = signs(made_up(values), 1)
    by_seed = [spearmanr(values[:, s, 0], values[:, s, 2])[0] for s in range(9)]
    np.testing.assert_allclose(told(found, "worlds"), by_seed)
    by_world = [spearmanr(values[w, :, 0], values[w, :, 2])[0] for w in range(6)]
    assert told(found, "seeds").mean() == pytest.approx(np.mean(by_world))
    partial = []
    for world in values:
        r = np.corrcoef(rankdata(world, axis=0).T)
        both = (1 - r[0, 1] ** 2) * (1 - r[1, 2] ** 2)
        partial.append((r[0, 2] - r[0, 1] * r[1, 2]) / np.sqrt(both))
    assert told(found, "beyond").mean() == pytest.approx(np.mean(partial))


def test_a_score_that_reads_the_world_or_the_early_answers_tells_nothing_more():
    values = RNG.normal(size=(40, 20, 3))
    values[..., 0] = np.arange(40)[:, None] + 0.1 * RNG.normal(size=(40, 20))
    values[..., 2] += np.arange(40)[:, None]
    found = signs(made_up(values), 1)
    assert told(found, "worlds").mean() > 0.9
    assert abs(told(found, "seeds").mean()) < 0.1
    values[..., 0] = values[..., 1]
    values[..., 2] = values[..., 1] + RNG.normal(size=(40, 20))
    found = signs(made_up(values + 0.1 * RNG.normal(size=values.shape)), 1)
    assert told(found, "seeds").mean() > 0.5
    assert abs(told(found, "beyond").mean()) < 0.15


def small_measures():
    """Measures of untrained networks in every world, the second seed diverged."""
    tables = []
    for cells in arms(CONFIG).values():
        rows = members(CONFIG, cells).frame()
        count = len(rows)
        params_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(1), count))
        lost_P = rows["init_seed"].to_numpy() == 1
        table = params_P["embed"]["embedding"]
        params_P["embed"]["embedding"] = jnp.where(lost_P[:, None, None], jnp.nan, table)
        found = look(CONFIG, params_P, worlds(CONFIG, rows), True)
        named = np.repeat([arm for arm, _ in cells], CONFIG.seeds)
        rows = rows.drop("member", "data_seed", "world")
        rows = rows.with_columns(arm=named, diverged=pl.Series(lost_P)).hstack(found)
        tables += [rows.with_columns(step=pl.lit(step)) for step in (0, 1, 2, 4, 8)]
    cells = pl.concat(tables)
    return {"cells": cells, "signs": signs(cells, 2)}


def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures = small_measures()
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
    assert set(measures["signs"]["sign"]) == set(SIGNS)
    with fig.style():
        assert set(pictures.draw(measures, CONFIG)) == set(pictures.CAPTIONS)


def test_populations_hold_every_world_and_one_that_is_mended():
    found = populations(CONFIG)
    assert found["main"].size == 2 * len(CONFIG.cells())
    assert found["mended"].start == "separate"
    assert (found["separate"].members["bias"] == 1).all()
    assert (found["mended"].members["bias"] == 0).all()
    halves = [found[name].steps for name in ("separate", "mended")]
    assert sum(halves) == found["main"].steps


def test_settings_that_make_no_study_are_refused_before_training():
    change = lambda **settings: dataclasses.replace(CONFIG, **settings)
    with pytest.raises(ToylabError, match=r"shares = .* twice"):
        change(parallel=0.1)
    with pytest.raises(ToylabError, match="lacks 0 or 1"):
        change(biases=(0.0, 0.5))
    with pytest.raises(ToylabError, match="none is left"):
        change(parallel=1.0)
    with pytest.raises(ToylabError, match="less than one"):
        change(shares=(0.01,))
    with pytest.raises(ToylabError, match="values = 5 is odd"):
        change(values=5)
