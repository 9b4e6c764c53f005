"""The study ``preference_collapse``: its measures on constructed inputs, its claims and figures."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.figures.countdown import preference_collapse as pictures
from toylab.models.toys.policy import Policy
from toylab.report import figures as fig
from toylab.rl.preference import DPO
from toylab.studies.countdown.preference_collapse import bypass as b
from toylab.studies.countdown.preference_collapse.study import Config, policies, study
from toylab.studies.countdown.preference_collapse.toy import BETA, probabilities
from toylab.tasks.countdown.preferences import Answers, Preferences

CONFIG = Config(
    seeds=2, toy_seeds=2, width=8, depth=2, length=10, prompt=4, steps=2, tune_steps=2, texts=8
)


def test_probabilities_of_a_table_with_known_probabilities():
    task = Preferences(chosen_likely=1.0, rejected_likely=0.0)
    model = Policy(free=1.0)
    params = model.init(jax.random.key(0))
    order = np.asarray(task.order())
    p = np.full((4, 10), 0.05)
    np.put_along_axis(p, order[:, 0:2], 0.25, 1)  # chosen: 0.5; rejected 0.1; unseen 0.4
    params["table"] = jnp.log(jnp.asarray(p + 0.0, jnp.float32)) + 3.0
    found = {n: float(v) for n, v in probabilities(model, params, task).items()}
    p = p / p.sum(1, keepdims=True)
    chosen, rejected = p[0, order[0, 0]], p[0, order[0, 6]]
    assert found["chosen"] == pytest.approx(2 * chosen, rel=1e-5)
    assert found["rejected"] == pytest.approx(2 * rejected, rel=1e-5)
    assert found["unseen"] == pytest.approx(1 - 2 * chosen - 2 * rejected, rel=1e-5)
    assert found["raw_chosen"] == pytest.approx(np.log(0.25) + 3, rel=1e-5)
    assert found["raw_unseen"] == pytest.approx(np.log(0.05) + 3, rel=1e-5)
    # The derivatives by hand, at beta 0.1 against references of 0.2 and 0.2 / 6.
    r = BETA * (np.log(chosen / 0.2) - np.log(rejected * 30))
    slope = BETA / (1 + np.exp(r))
    assert found["d_chosen"] == pytest.approx(np.log10(slope / chosen), abs=1e-4)
    assert found["d_rejected"] == pytest.approx(np.log10(slope / rejected), abs=1e-4)


def test_distance_of_the_exact_and_of_the_even_reference():
    task, model = Answers(), Policy(free=1.0)
    params = model.init(jax.random.key(0))
    even = float(probabilities(model, params, task)["distance"])
    assert even == pytest.approx(4 * (0.2 - 0.1), rel=1e-4)
    exact = np.zeros((4, 10), np.float32)
    np.put_along_axis(exact, np.asarray(task.order()), np.log(task.by_rank())[None], 1)
    params["table"] = jnp.asarray(exact)
    assert float(probabilities(model, params, task)["distance"]) == pytest.approx(0, abs=1e-6)


def test_network_and_table_do_not_touch_each_other():
    pairs, policy = Preferences().enumerate(), Policy()
    params = policy.init(jax.random.key(1))
    for free, still in ((0.0, "table"), (1.0, "mlp")):
        model = dataclasses.replace(policy, free=free)
        loss = lambda w, model=model: DPO(reference=params)(model, w, pairs).mean()
        grads = jax.grad(loss)(params)
        assert all(not np.any(leaf) for leaf in jax.tree.leaves(grads[still]))
        moving = "mlp" if still == "table" else "table"
        assert any(np.any(leaf) for leaf in jax.tree.leaves(grads[moving]))


@pytest.mark.parametrize("on", list(itertools.product((0.0, 1.0), (0.0, 1.0))))
def test_free_logits_only_rise_for_the_chosen_and_fall_for_the_rejected(on):
    """Their fall thus needs parameters that responses share."""
    task = Preferences(chosen_likely=on[0], rejected_likely=on[1])
    pairs, model = task.enumerate(), Policy(free=1.0)
    params = model.init(jax.random.key(0))
    params["table"] = jax.random.normal(jax.random.key(1), params["table"].shape)
    loss = lambda w: DPO(BETA, BETA, reference=params)(model, w, pairs).mean()
    pull_PR = np.asarray(jax.grad(loss)(params)["table"])
    target = np.asarray(pairs.targets).reshape(task.prompts, 2, 2)
    taken = lambda side: np.take_along_axis(pull_PR, target[:, :, side], 1)
    assert (taken(0) < 0).all() and (taken(1) > 0).all()


def test_members_are_every_arm_in_every_scenario():
    members, arms = policies(CONFIG)
    assert len(members) == len(arms) == 7 * 2 * 4
    frame = members.frame().with_columns(pl.Series("arm", arms))
    assert frame.filter(pl.col("arm") == "table")["free"].unique().to_list() == [1.0]
    assert frame.filter(pl.col("arm") == "flex 0.02")["beta_rejected"].unique().to_list() == [0.02]
    assert frame.filter(pl.col("arm") == "dpo")["init_seed"].unique().sort().to_list() == [0, 1]


def measures():
    """Made-up measures of two seeds."""
    toys, curves = [], []
    for arm, seed, on in itertools.product(
        dict.fromkeys(policies(CONFIG)[1]), (0, 1), itertools.product((0, 1), (0, 1))
    ):
        labels = {"arm": arm, "init_seed": seed, "chosen_likely": on[0], "rejected_likely": on[1]}
        end = {"chosen": 0.4 if arm == "dpo" else 0.76, "rejected": 1e-3, "unseen": 0.6}
        size = {"d_chosen": -3.0, "d_rejected": 2.0}
        start = {"unseen_start": 0.2, "d_chosen_start": -1.0, "d_rejected_start": -1.0}
        toys.append(labels | end | size | start | {"peak": 0.8, "distance": 0.001})
        for step in (0, 1, 2):
            raw = {f"raw_{n}": float(step) for n in ("chosen", "rejected", "unseen")}
            curves.append(labels | {"step": step} | end | size | raw)
    sizes = {
        "patched": (7, 64),
        "random patched": (7,),
    }
    names = ("before", "after", "keys", "random keys", "keys before", *sizes)
    names += tuple(f"back: {group}" for group in b.GROUPS)
    rate = {"before": 0.2, "after": 0.1, "keys": 0.19}
    bypass = [
        {"condition": n, "size": float(k), "rate": rate.get(n, 0.12), "nats": 2.0}
        for n in names
        for k in sizes.get(n, (7,))
    ]
    network = {n: 0.5 for n in ("excess", "rate_floor", "kept", "change", "change_sft")}
    network |= {n: 0.5 for n in ("sampled_before", "sampled_after")}
    network |= {"bad_before": 2.0, "bad_after": 0.5}
    tuning = [
        {"arm": arm, "step": step, "rate": 0.2 - step / 10, "nats": 2.0, "change": step / 100}
        for arm in ("dpo", "sft")
        for step in (0, 1)
    ]
    matrices = [
        {"arm": arm, "matrix": group, "group": group, "cos": 0.999, "change": 0.01}
        for arm in ("dpo", "sft")
        for group in b.GROUPS
    ]
    neurons = [
        {"layer": 0, "cos": c, "before": 0.2, "after": 0.1} for c in np.linspace(-0.5, 0.5, 12)
    ]
    twice = lambda found: pl.DataFrame([{"init_seed": s} | row for s in (0, 1) for row in found])
    return {
        "toy": pl.DataFrame(toys),
        "curves": pl.DataFrame(curves),
        "bypass": twice(bypass),
        "networks": twice([network]),
        "tuning": twice(tuning),
        "matrices": twice(matrices),
        "neurons": twice(neurons),
    }


def test_claims_read_one_value_per_seed():
    found = {claim.key: claim.reading(measures()).values for claim in study.claims}
    assert all(values.shape == (2,) for values in found.values())
    for claim in study.claims:
        for condition in (*claim.requires, *claim.control):
            assert len(condition.reading(measures()).values) == 2, condition.text
    assert [claim.key for claim in study.claims if claim.headline] == ["degradation"]
    known = {
        "degradation": 0.5,
        "dispersion": 0.4,
        "gradient_decays": -2.0,
        "flex": 0.95,
        "rate_falls": 0.5,
        "unaligned": 0.9,
        "patched_part": 0.2,
        "activations_fall": 0.75,
        "clean_kept": 0.0,
    }
    for key, value in known.items():
        np.testing.assert_allclose(found[key], value, atol=1e-6, err_msg=key)


def test_figures_are_drawn():
    with fig.style():
        names = set(pictures.draw(measures(), CONFIG))
    assert names == {"curves", "regularisers", "bypass", "weights"} == set(pictures.CAPTIONS)
