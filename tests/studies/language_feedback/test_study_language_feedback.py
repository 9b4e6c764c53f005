"""The study ``language_feedback``: scores against lists read by hand, readings, arms, figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.special import log_softmax, softmax

from tests.oracles.word_removal import read, say
from toylab.errors import ToylabError
from toylab.figures.language_feedback import language_feedback as pictures
from toylab.models.sampling import generate
from toylab.read import table
from toylab.report import figures as fig
from toylab.studies.language_feedback.language_feedback import claims, readings, scoring
from toylab.studies.language_feedback.language_feedback.study import (
    ARMS,
    WORSE,
    Config,
    populations,
    study,
)

SMOKE = study.config("smoke")
SIZE = 12


def test_scores_are_those_of_the_lists_that_are_drawn():
    model, world = SMOKE.model(), SMOKE.taste()
    first, params = (model.init(jax.random.key(i)) for i in (0, 1))
    score = scoring.policy_score(model, world, SIZE)
    stack = lambda *trees: jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
    broken = jax.tree.map(lambda leaf: leaf * np.nan, params)
    seeds = np.zeros(3, np.uint32)
    found = scoring.mapped(score, stack(params, first, broken), stack(first, first, first), seeds)
    asked = world.asked(SIZE, scoring.JUDGED)
    rules = (world.length, jax.random.key(scoring.JUDGED), 1.0, world.end, world.pad)
    answers, logp = (np.asarray(x) for x in generate(model, params, asked.inputs, *rules))
    bad = {f"w{i}" for i in np.flatnonzero(np.asarray(world.is_unwanted()))}
    words = [[w for w in read(say(world, a))[: world.room] if w != "nice"] for a in answers]
    unwanted = np.array([sum(w in bad for w in own) for own in words])
    assert found["unwanted"][0] == pytest.approx(unwanted.mean(), rel=1e-5)
    assert found["wanted"][0] == pytest.approx(
        np.mean([len(own) for own in words]) - unwanted.mean()
    )
    assert found["clean"][0] == pytest.approx((unwanted == 0).mean())
    assert found["nats"][0] == pytest.approx(-logp.sum(1).mean(), rel=1e-5)
    assert found["drift"][0] == pytest.approx(
        drift(model, world, params, first, asked, answers), rel=1e-3
    )
    assert found["drift"][1] == pytest.approx(0, abs=1e-6)
    assert all(np.isnan(values[2]) for values in found.values())


def drift(model, world, params, first, asked, answers):
    """KL among a topic's wanted words, place by place up to the end."""
    whole = jnp.concatenate([asked.inputs, jnp.asarray(answers[:, :-1])], 1)
    logits = [np.asarray(jax.jit(model.apply)(p, whole), np.float64) for p in (params, first)]
    total, places = 0.0, 0
    for b, answer in enumerate(answers.tolist()):
        topic = int(asked.latents["topic"][b])
        half = {
            (topic * world.words // world.topics + i) % world.words for i in range(world.words // 2)
        }
        good = sorted(half - set(np.flatnonzero(np.asarray(world.is_unwanted())).tolist()))
        last = answer.index(world.end) if world.end in answer else len(answer) - 1
        for t in range(last + 1):
            now, then = (log[b, t, good] for log in logits)
            total += (softmax(now) * (log_softmax(now) - log_softmax(then))).sum()
            places += 1
    return total / places


def test_arms_differ_in_a_number_each():
    ilf = populations(Config(seeds=2))["ilf"].members
    at = {arm: 2 * place for place, arm in enumerate(ARMS)}
    row = lambda arm: {name: float(column[at[arm]]) for name, column in ilf.columns.items()}
    usual = row("ilf")
    assert usual["error"] == 0.2 and usual["source"] == 1 and usual["feedback"] == 1
    differ = lambda arm: {n: v for n, v in row(arm).items() if v != usual[n]}
    assert differ("guessed") == {"feedback": 0} and differ("another's") == {"feedback": 2}
    assert differ("own") == {"source": 0, "error": 0.5}
    assert differ("rejection") == {"source": 0, "error": 0.0}
    assert differ("once") == {"once": 1} and differ("more") == {"examples": 250}
    assert differ("ilf 2") == {"init_seed": 2 * WORSE}
    assert Config().lists == 3_200


def tables():
    """Made-up scores of two seeds, of which the second diverged."""
    seed = {"init_seed": [0, 1], "diverged": [False, True]}
    frame = lambda **columns: pl.DataFrame(seed | {n: [v, np.nan] for n, v in columns.items()})
    label = lambda part, **names: part.with_columns(**{n: pl.lit(v) for n, v in names.items()})
    lists = []
    for arm in (*ARMS, "grpo"):
        for r in range(5):
            left = 1.5 if arm == "own" else 1.5 * 0.5**r
            scores = frame(unwanted=left, wanted=3.0, clean=0.3, sound=0.9, nats=9.0, drift=0.1 * r)
            lists.append(label(scores, arm=arm, round=r))
    data = [
        label(frame(first=0.3 + 0.2 * (k == "true"), chosen=0.7, unwanted=0.75, law=0.4), kind=k)
        for k in ("guessed", "true", "another's", "verdicts")
    ]
    refiners = [label(frame(exact=(0.4, 0.2, 0.05)[s], empty=0.1), skill=s) for s in range(3)]
    best = [label(frame(unwanted=u, wanted=3.0, right=0.95), policy=p) for p, u in
            (("first", 0.4), ("ilf", 0.05), ("grpo", 0.2))]  # fmt: skip
    stacks = {"lists": lists, "data": data, "refiners": refiners, "best": best}
    return {name: pl.concat(parts) for name, parts in stacks.items()}


def test_claims_read_one_value_and_know_the_diverged_seed():
    found = tables()
    for claim in claims.CLAIMS:
        values = claim.reading(found)
        assert (len(values.values), values.count("diverged")) == (1, 1), claim.key
    value = lambda key: next(c for c in claims.CLAIMS if c.key == key).reading(found).values[0]
    assert value("fewer_than_own") == pytest.approx(1 / 16)
    assert value("feedback_is_heeded") == pytest.approx(0.2)
    assert value("one_round_is_the_law") == pytest.approx(1.0)
    assert value("verdicts_follow_the_law") == pytest.approx(-0.1)
    assert value("with_best_of_many") == pytest.approx(1.5 / 16 - 0.05)
    assert value("falls_with_data") == 0 and value("better_refiners_gain_more") == 0  # all alike
    gain = 1 - (0.09375 / 3.09375) / (1.5 / 4.5)
    assert readings.gain(readings.POOR)(found).values == pytest.approx([gain])
    with fig.style():
        assert set(pictures.draw(found, Config())) == set(pictures.CAPTIONS)


def test_ranks_are_those_of_each_seed():
    m = {
        "ends": pl.DataFrame({"init_seed": [0, 1], "a": [3.0, 1.0], "b": [2.0, 2.0], "c": [1.0, 3]})
    }
    read_of = [table("ends").value(name) for name in "abc"]
    assert readings.correlated((0, 1, 2), read_of)(m).values.tolist() == pytest.approx([-1, 1])


def test_bad_settings_are_refused():
    for wrong, text in (
        ({"error": 0.6}, "error = 0.6"),
        ({"samples": 1}, "samples = 1"),
        ({"skills": (0.5, 0.5, 0.1)}, "three shares"),
        ({"sizes": (100, 3_200)}, "below all 3200"),
        ({"unwanted": 20}, "unwanted = 20"),
        ({"words": 10}, "twice the longest"),
    ):
        with pytest.raises(ToylabError, match=text):
            Config(**wrong)
