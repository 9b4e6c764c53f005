"""The language half of ``steering``: measures on made-up numbers with known answers; figures."""

import numpy as np
import polars as pl
import pytest

from toylab.claims import judge
from toylab.figures.steering import steering as pictures
from toylab.report import figures as fig
from toylab.studies.steering.steering import readings
from toylab.studies.steering.steering.language import doses, maps, moods, neurons
from toylab.studies.steering.steering.language.claims import CLAIMS
from toylab.studies.steering.steering.language.network import Config
from toylab.studies.steering.steering.study import SMOKE

CONFIG = Config(seeds=2, **SMOKE)


def test_pairs_of_stories_differ_in_the_marker_only():
    tokens, good = moods.sample_stories(CONFIG)
    n, first = CONFIG.lm_stories, CONFIG.world().starts
    plus, minus = tokens[2 * n : 3 * n], tokens[3 * n : 4 * n]
    np.testing.assert_array_equal(plus[:, 1:], minus[:, 1:])
    assert set(plus[:, 0]) == {first["GOOD"]}
    assert set(minus[:, 0]) == {first["BAD"]}
    assert set(tokens[4 * n :, 0]) == {first["OPEN"]}
    np.testing.assert_array_equal(tokens[: 2 * n, 0] - first["BAD"], good[: 2 * n])


def test_conditions_add_each_vector_with_both_signs_where_it_belongs():
    push = np.ones((2, 2, 8))
    arms = {"ITI": [("mass mean", 0, push)], "RepE": [("reading vector", 0, 1, np.ones(16))]}
    arms["ActAdd"] = [("contrast", 0, 0, np.ones(16))]
    labels, (heads, resid, front) = doses.conditions(CONFIG, arms)
    assert [row.get("dose") for row in labels] == [None] + 3 * [1.0, -1.0]
    assert not heads[0].any() and not resid[0].any() and not front[0].any()
    np.testing.assert_array_equal(heads[2], -push)
    np.testing.assert_array_equal(resid[3], [[0] * 16, [1] * 16])
    np.testing.assert_array_equal(front[5], [[1] * 16, [0] * 16])
    assert not resid[5:].any() and not front[:5].any()


def test_other_prompts_choose_the_dose_and_the_layer():
    labels = [{"method": "none"}]
    for layer, dose in ((0, 1.0), (0, 2.0), (1, 1.0)):
        label = {"method": "RepE", "arm": "reading vector", "draw": 0, "layer": layer}
        labels += [label | {"dose": sign * dose} for sign in (1, -1)]
    share = np.array([[0.5, 0.9, 0.2, 1.0, 0.0, 0.6, 0.5]])
    cost = np.array([[0, 0.05, 0.08, 0.2, 0.01, 0.0, 0.3]])
    other = np.array([[0.5, 0.7, 0.5, 1.0, 0.0, 0.9, 0.5]])
    cheap = np.array([[0, 0.05, 0.08, 0.2, 0.01, 0.0, 0.01]])
    table = doses.dose_table(labels, (share, cost), (other, cheap))
    assert table["swing"].to_list() == pytest.approx([0.7, 1.0, 0.1])
    assert table["cost"].to_list() == pytest.approx([0.08, 0.2, 0.3])
    # Of the conditions within the budget on other prompts the last swings those most; a larger
    # swing on the judged prompts has no say.
    made = {"steered": doses.steered_table(table)}
    assert readings.swing("RepE", "reading vector")(made).values == pytest.approx([0.1])
    still = doses.dose_table(labels, (share, cost), (1 - other, cheap))
    made = {"steered": doses.steered_table(still)}
    assert readings.swing("RepE", "reading vector")(made).values == pytest.approx([0])


def test_layers_of_task_vectors():
    f, sets, asked = 6, 4, 1
    value = np.arange(f)[:, None, None] * np.ones((1, sets, asked), int)
    by_vector = np.arange(f)[:, None, None, None] * np.ones((1, f, sets, asked), int)
    patched = np.stack([np.full_like(by_vector, -1), by_vector, np.full_like(by_vector, -1)])
    rows = maps.layer_rows(value, np.zeros_like(value), patched, value)
    assert [row["chosen"] for row in rows] == [False, True, False]
    assert rows[1]["patched"] == rows[1]["examples"] == 1
    assert rows[1]["wrong"] == 0
    assert rows[1]["none"] == pytest.approx(1 / 6)


def test_facts_that_are_others_have_other_subjects():
    tokens, answers = neurons.chosen_facts(CONFIG)
    assert (tokens[:, 1:, 1] != tokens[:, :1, 1]).all()
    first, objects = CONFIG.world().starts, CONFIG.world().objects()
    told = objects[tokens[..., 2] - first["relation"], tokens[..., 1] - first["subject"]]
    np.testing.assert_array_equal(told, answers)


def tables():
    """Made-up measures of eight seeds, on which every claim holds."""
    seeds = [{"init_seed": s} for s in range(8)]
    cross = lambda rows, *more: [a | b for a in rows for b in more]
    swings = {"mass mean": 0.9, "reading vector": 0.9, "contrast": 0.9}
    arms = [
        {"method": m, "arm": arm, "draw": 0, "layer": i, "swing": swings.get(arm, 0.1)}
        for m, (_, arms) in pictures.METHODS.items()
        for arm in arms
        for i in ((-1,) if m == "ITI" else (0, 1))
    ]
    vectors = {"patched": 0.9, "wrong": 0.1, "examples": 0.99, "none": 0.2}
    kinds = [{"kind": k, "layer": i, "logit": 2.0 - i, "tuned": 1 - i / 2}
             for k in ("all", "maps", "facts", "stories") for i in range(2)]  # fmt: skip
    related = [
        {"relation": r, "known": 1.0, "faithful": 0.4 if r == "blend" else 0.9, "constant": 0.3}
        | {"causal": 0.9, "causal_random": 0.1}
        for r in ("colour", "shape", "blend", "mate")
    ]
    units = [{"arm": a, "own": v, "others": 0.05} for a, v in (("top", 0.6), ("random", 0.02))]
    reading = [{"middle": i == 1, "accuracy": 0.9, "random_accuracy": 0.6} for i in range(3)]
    named = {
        "learned": [{"loss": 1.02, "best": 1.0}],
        "steered": [arm for arm in arms if arm["layer"] < 1],
        "doses": cross(arms, *({"dose": d, "cost": d / 20} for d in (1.0, 2.0))),
        "reading": reading,
        "task_vectors": [{"layer": i, "chosen": i == 1} | vectors for i in range(3)],
        "lenses": kinds,
        "relations": related,
        "neurons": units,
    }
    return {name: pl.DataFrame(cross(seeds, *rows)) for name, rows in named.items()}


def test_claims_hold_where_they_should_and_figures_are_drawn():
    made = tables()
    verdicts = {claim.key: judge(claim, made).verdict for claim in CLAIMS}
    assert set(verdicts.values()) == {"reproduced"}, verdicts
    worse = made["steered"].with_columns(pl.col("swing") / 4)
    steers = {c.key: judge(c, made | {"steered": worse}).verdict for c in CLAIMS}
    assert steers["repe_steers"] == "not reproduced"
    unlearned = made["learned"].with_columns(loss=pl.lit(2.0))
    assert judge(CLAIMS[0], made | {"learned": unlearned}).verdict == "not testable"
    with fig.style():
        for draw in (pictures.doses, pictures.task_vectors, pictures.lenses):
            draw(made, CONFIG).draw_without_rendering()
            assert draw.__name__ in pictures.CAPTIONS
        pictures.facts(made, CONFIG).draw_without_rendering()
