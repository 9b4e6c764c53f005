"""The study ``preference_collapse``: its measures on constructed inputs, its claims and figures."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from figures import preference_collapse as pictures
from studies._preference_collapse import bypass as b
from studies._preference_collapse import readings as r
from studies._preference_collapse import rows
from studies._preference_collapse.policy import BETA, Policy, readings
from studies.preference_collapse import Config, policies, study
from tasks.bad_words import BadWords
from tasks.preferences import Answers, Preferences
from toylab import figures as fig
from toylab.preference import DPO
from toylab.trees import flatten

RNG = np.random.default_rng(0)
CONFIG = Config(
    seeds=2, toy_seeds=2, width=8, depth=2, length=10, prompt=4, steps=2, tune_steps=2, texts=8
)
MODEL, TASK = CONFIG.model(), CONFIG.world()


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(np.asarray, MODEL.init(jax.random.key(0)))


def test_readings_of_a_table_with_known_probabilities():
    task = Preferences(chosen_likely=1.0, rejected_likely=0.0)
    model = Policy(free=1.0)
    params = model.init(jax.random.key(0))
    order = np.asarray(task.order())
    p = np.full((4, 10), 0.05)
    np.put_along_axis(p, order[:, 0:2], 0.25, 1)  # chosen: 0.5; rejected 0.1; unseen 0.4
    params["table"] = jnp.log(jnp.asarray(p + 0.0, jnp.float32)) + 3.0
    found = {n: float(v) for n, v in readings(model, params, task).items()}
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
    even = float(readings(model, params, task)["distance"])
    assert even == pytest.approx(4 * (0.2 - 0.1), rel=1e-4)
    exact = np.zeros((4, 10), np.float32)
    np.put_along_axis(exact, np.asarray(task.order()), np.log(task.by_rank())[None], 1)
    params["table"] = jnp.asarray(exact)
    assert float(readings(model, params, task)["distance"]) == pytest.approx(0, abs=1e-6)


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


def test_members_are_every_arm_in_every_scenario():
    members, arms = policies(CONFIG)
    assert len(members) == len(arms) == 7 * 2 * 4
    frame = members.frame().with_columns(pl.Series("arm", arms))
    assert frame.filter(pl.col("arm") == "table")["free"].unique().to_list() == [1.0]
    assert frame.filter(pl.col("arm") == "flex 0.02")["beta_rejected"].unique().to_list() == [0.02]
    assert frame.filter(pl.col("arm") == "dpo")["init_seed"].unique().sort().to_list() == [0, 1]


def test_a_planted_neuron_is_found_and_its_keys_scaled(params):
    direction = b.bad_direction(params, TASK)
    assert np.linalg.norm(direction) == pytest.approx(1, rel=1e-6)
    flat = dict(flatten(params))
    down = flat["blocks/1/mlp/down/kernel"].copy()
    down[5] = 3 * direction + 0.7  # the mean is no part of it
    flat["blocks/1/mlp/down/kernel"] = down
    planted = b.unflatten(flat)
    cos = b.value_cosines(planted, direction)
    assert cos[1, 5] == pytest.approx(1, abs=1e-5)
    assert list(zip(*np.nonzero(b.top(cos, 1)), strict=True)) == [(1, 5)]
    scaled = flatten(b.scale_keys(planted, b.top(cos, 1)))
    for name, leaf in flatten(planted).items():
        expected = np.array(leaf)
        if name == "blocks/1/mlp/up/kernel":
            expected[:, 5] *= 10
        np.testing.assert_array_equal(scaled[name], expected)


def test_random_neurons_are_others_of_the_same_layers():
    mask = np.zeros((2, 6), bool)
    mask[0, :2] = mask[1, 0] = True
    drawn = b.alike(mask, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(1), [2, 1])
    assert not (drawn & mask).any()


def test_every_weight_has_a_group_and_is_put_back(params):
    other = jax.tree.map(lambda leaf: leaf + 1, params)
    names = {n: b.group_of(n) for n in flatten(params)}
    assert set(names.values()) == set(b.GROUPS)
    back = other
    for group in b.GROUPS:
        back = b.put_back(back, params, group)
        for name, leaf in flatten(back).items():
            if names[name] == group:
                np.testing.assert_array_equal(leaf, flatten(params)[name])
    for name, leaf in flatten(back).items():
        np.testing.assert_array_equal(leaf, flatten(params)[name])


def test_change_of_a_scaled_and_a_turned_matrix():
    first = {"unembed": {"kernel": np.eye(2, dtype=np.float32)}, "norm": {"scale": np.ones(2)}}
    twice = {"unembed": {"kernel": 2 * np.eye(2, dtype=np.float32)}, "norm": {"scale": np.ones(2)}}
    (row,) = b.change_rows(first, twice)
    assert row["cos"] == pytest.approx(1)
    assert row["change"] == pytest.approx(1)


def test_reading_agrees_with_a_loop_and_edits_act(params):
    seen = r.texts(TASK, 4, np.uint32(0))
    none = r.no_hands(MODEL, seen.inputs_BL)
    found = r.read(MODEL, TASK, 4, params, seen, none)
    logits = np.asarray(MODEL.apply(params, seen.inputs_BL), np.float64)[:, 3:]
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    targets = np.asarray(seen.targets_BL)[:, 3:]
    assert float(found.rate) == pytest.approx(p[:4, :, 90:100].sum(-1).mean(), rel=1e-4)
    clean = p[4:, :, :90] / p[4:, :, :90].sum(-1, keepdims=True)
    nats = -np.log(np.take_along_axis(clean, targets[4:, :, None], -1)).mean()
    assert float(found.nats) == pytest.approx(nats, rel=1e-4)
    loss = -np.log(np.take_along_axis(p[:4], targets[:4, :, None], -1)).mean()
    assert float(found.loss) == pytest.approx(loss, rel=1e-4)
    # Activations put back into the same network change nothing; those of another do.
    every = np.ones((2, 32), bool)
    same = r.read(MODEL, TASK, 4, params, seen, none._replace(post=found.post, mask_NF=every))
    assert float(same.rate) == pytest.approx(float(found.rate), rel=1e-5)
    zero = r.read(MODEL, TASK, 4, params, seen, none._replace(mask_NF=every))
    assert float(zero.rate) != pytest.approx(float(found.rate), rel=1e-5)
    # Along the bad direction, bad words become more likely.
    up = none._replace(shift_D=np.float32(5) * b.bad_direction(params, TASK).astype(np.float32))
    assert float(r.read(MODEL, TASK, 4, params, seen, up).rate) > float(found.rate)


def test_the_bayes_predictor_is_best_on_its_own_texts():
    seen = r.texts(TASK, 64, np.uint32(3))
    rate, nats, loss = np.asarray(r.best(TASK, 4, np.uint32(3), seen))
    wrong = np.asarray(r.best(TASK, 4, np.uint32(5), seen))
    assert 0.02 < rate < 0.25
    assert nats + 1 < wrong[1]
    assert loss == pytest.approx(BadWords(length=10, world_seed=3).bayes_loss(), abs=0.3)


def test_sampled_rate_of_a_model_that_always_or_never_swears(params):
    seen = r.texts(TASK, 4, np.uint32(0))
    for word, share in ((95, 1.0), (3, 0.0)):
        flat = dict(flatten(params))
        flat["norm/scale"] = np.zeros_like(flat["norm/scale"])
        flat["norm/bias"] = np.ones_like(flat["norm/bias"])
        flat["unembed/kernel"] = np.zeros_like(flat["unembed/kernel"])
        flat["unembed/kernel"][:, word] = 20
        assert float(r.sampled_rate(MODEL, TASK, 4, b.unflatten(flat), seen)) == share


def test_the_best_cut_keeps_clean_perplexity():
    made = lambda rate, nats, name="subtract": {"condition": name, "rate": rate, "nats": nats}
    table = [made(0.2, 2.0, "before"), made(0.15, 2.05), made(0.1, 2.09), made(0.01, 2.2)]
    assert rows.best_cut(table, "subtract") == pytest.approx(0.5)
    assert rows.best_cut(table, "random subtract") == 0


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
    sizes = {"patched": (7, 64), "random patched": (7,), "subtract": (0.1,)}
    names = ("before", "after", "keys", "random keys", "keys before", *sizes)
    names += tuple(f"back: {group}" for group in b.GROUPS)
    rate = {"before": 0.2, "after": 0.1, "keys": 0.19}
    bypass = [
        {"condition": n, "size": float(k), "rate": rate.get(n, 0.12), "nats": 2.0}
        for n in names
        for k in sizes.get(n, (7,))
    ]
    network = {n: 0.5 for n in ("excess", "rate_floor", "kept", "change", "change_sft", "subtract")}
    network |= {n: 0.5 for n in ("sampled_before", "sampled_after", "subtract_random")}
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
    found = {claim.key: np.asarray(claim.measure(measures())) for claim in study.claims}
    assert all(values.shape == (2,) for values in found.values())
    known = {
        "degradation": 0.5,
        "dispersion": 0.4,
        "gradient_explodes": 3.0,
        "gradient_decays": -2.0,
        "flex": 0.95,
        "rate_falls": 0.5,
        "unaligned": 0.9,
        "unaligned_random": 0.2,
        "patched_part": 0.2,
        "activations_fall": 0.75,
        "clean_kept": 0.0,
    }
    for key, value in known.items():
        np.testing.assert_allclose(found[key], value, atol=1e-6, err_msg=key)


def test_figures_are_drawn():
    with fig.style():
        names = set(pictures.draw(measures(), CONFIG))
    assert names == {"curves", "regularisers", "gradients", "bypass", "weights"}
