"""The study of CountDown: chance against recursion, scores of written traces, figures, refusals."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from tests.oracles.countdown import outcomes
from toylab.errors import ToylabError
from toylab.figures.countdown.countdown import draw
from toylab.studies.countdown import scoring
from toylab.studies.countdown.countdown.claims import CLAIMS
from toylab.studies.countdown.countdown.study import ARMS, study
from toylab.studies.countdown.network import Network
from toylab.tasks.countdown.countdown_instances import hands, instances

TINY = Network(
    **{"largest": 4, "high": 12, "top": 16, "operations": "+-*", "attempts": 3, "room": 3},
    **{"width": 8, "depth": 1, "heads": 2, "hidden": 8},
)


def test_chance_is_that_of_recursion():
    found = scoring.baselines(TINY, 512)
    shares = []
    for hand, target in instances(TINY.rules, "numbers"):
        every = [last for last, _ in outcomes(hands(TINY.rules)[hand].tolist(), "+-*", 16)]
        shares.append(np.mean(np.asarray(every) == target))
    assert found["one_plan"] == pytest.approx(np.mean(shares))
    assert found["one_plan"] < found["random_search"] <= 1
    whole = dataclasses.replace(TINY, attempts=27, room=27)
    assert scoring.baselines(whole, 512)["random_search"] == pytest.approx(1)
    assert abs(found["noise"] - TINY.verdict_noise) < 0.02


def test_too_many_instances_are_thinned_evenly():
    assert scoring.evenly(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert scoring.evenly(np.arange(4), 4).tolist() == [0, 1, 2, 3]


def test_openings_are_pairs_of_rule_keeping_first_attempts_that_differ():
    rules, prompt = TINY.rules, "T 9 N 1 2 3 :"
    write = lambda text: np.append(rules.encode(text), np.full(40, rules.token("PAD")))[:40]
    one = f"{prompt} 1 + 2 = 3 3 + 3 = 6 ( no EOS"
    wrong = f"{prompt} 1 + 2 = 3 3 + 3 = 7 ( no 3 - 2 = 1 1 + 1 = 2 ( ok"
    other = f"{prompt} ANS 2 * 3 = 6 6 + 1 = 7 EOS"
    share = lambda *texts: scoring._openings(TINY, np.stack([write(t) for t in texts]), 3)
    assert share(one, one, other) == pytest.approx(2 / 3)
    assert share(one, wrong, other) == 1  # what breaks the rules is in no pair
    assert share(one, wrong, one) == 0
    assert share(one, one, other, one, wrong, wrong, one, one, one) == pytest.approx(1 / 3)
    assert np.isnan(share(one, wrong, wrong))


def test_shares_are_pooled_over_attempts():
    found = {
        "solved": np.array([1.0, 0.0]),
        "parsed": np.ones(2),
        "answered": np.ones(2),
        "length": np.array([10.0, 30.0]),
        "attempts": np.array([1.0, 3.0]),
        "sound": np.array([1.0, 2.0]),
        "repeats": np.array([0.0, 1.0]),
        "wrong": np.array([0.0, 2.0]),
        "wrong_ok": np.array([0.0, 1.0]),
        "right": np.array([1.0, 0.0]),
        "right_no": np.array([1.0, 0.0]),
    }
    means = scoring._means(found)
    assert means["sound"] == 0.75 and means["repeats"] == 0.25 and means["length"] == 20
    assert means["false_ok"] == 0.5 and means["false_no"] == 1


def fixture(seeds: int = 2) -> dict[str, pl.DataFrame]:
    rng, config = np.random.default_rng(0), study.presets["laptop"]
    numbers = ("solved", "parsed", "answered", "length", "attempts", "sound", "repeats")
    numbers += ("false_ok", "false_no", "nats", "openings")
    scores = [
        {"arm": arm, "init_seed": seed, "split": split, "how": how}
        | dict(zip(numbers, rng.uniform(size=len(numbers)), strict=True))
        for arm in ARMS
        for seed in range(seeds)
        for split in ("numbers", "targets")
        for how in ("sampled", "greedy")
    ]
    passk = [
        {"arm": arm, "init_seed": seed, "k": k, "rate": rng.uniform()}
        for arm in ARMS
        for seed in range(seeds)
        for k in (1, 2, 4, 8, 10, 16)
    ]
    curve = [
        {"population": "reward", "member": m, "step": s, "name": n, "value": rng.uniform()}
        for m in range(2 * config.seeds)
        for s in (1, 2, 3)
        for n in ("solved", "length", "nats", "loss")
    ]
    base = dict.fromkeys(("one_plan", "random_search", "random_room", "noise", "teacher"), 0.3)
    tables = {"scores": scores, "passk": passk, "curve": curve, "baselines": [base]}
    return {name: pl.DataFrame(rows) for name, rows in tables.items()}


def test_every_claim_has_a_value_per_seed_and_every_figure_draws():
    measures = fixture()
    for claim in CLAIMS:
        readings = [claim.reading, *(c.reading for c in (*claim.requires, *claim.control))]
        assert all(len(reading(measures).values) == 2 for reading in readings), claim.key
    assert sum(claim.headline for claim in CLAIMS) == 1
    assert set(draw(measures, study.presets["laptop"])) == {
        "reward",
        "accuracy",
        "passk",
        "verdicts",
    }


def test_a_gain_is_after_less_before():
    measures = fixture()
    claim = next(c for c in CLAIMS if c.key == "reward_gain")
    of = lambda arm: measures["scores"].filter(arm=arm, split="numbers", how="sampled")["solved"]
    np.testing.assert_allclose(claim.reading(measures).array(), of("reward") - of("search"))


def test_a_diverged_network_counts_as_such_and_figures_stand_it():
    measures = fixture()
    lost = (pl.col("arm") == "reward") & (pl.col("init_seed") == 1)
    for name in ("scores", "passk"):
        measures[name] = measures[name].with_columns(diverged=lost)
    gain = next(c for c in CLAIMS if c.key == "reward_gain").reading(measures)
    assert (len(gain.values), gain.count("diverged")) == (1, 1)
    assert draw(measures, study.presets["laptop"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 4}, "samples = 4"),
        ({"verdict_noise": 2.0}, "verdict_noise"),
        ({"group": 1}, "group"),
    ],
)
def test_settings_are_checked_before_training(change, message):
    with pytest.raises(ToylabError, match=message):
        study.populations(dataclasses.replace(study.presets["smoke"], **change))
