"""The language half of ``steering``: measures on made-up numbers with known answers; figures."""

import itertools

import numpy as np
import polars as pl
import pytest

from toylab.figures.steering import steering as pictures
from toylab.report import figures as fig
from toylab.studies.steering.steering import readings
from toylab.studies.steering.steering.language import (
    claims,
    doses,
    maps,
    moods,
    neurons,
    relations,
)
from toylab.studies.steering.steering.language import network as language
from toylab.studies.steering.steering.language.network import Config
from toylab.studies.steering.steering.study import SMOKE

CONFIG = Config(seeds=2, **SMOKE)


def test_stories_keep_their_marker_and_shares():
    task, rng = CONFIG.world(), np.random.default_rng(0)
    shares = np.tile(task.noun_shares()[1], (300, 1))
    told = language.stories(task, np.full(300, task.starts["GOOD"]), shares, rng)
    assert told.shape == (300, task.length)
    assert (told[:, 0] == task.starts["GOOD"]).all()
    noun = told[:, 1::2] - task.starts["noun"]
    counts = np.bincount(noun.ravel() // task.n_nouns, minlength=3) / noun.size
    np.testing.assert_allclose(counts, [0.1, 0.6, 0.3], atol=0.05)
    own = (told[:, 2::2] - task.starts["verb"]) == noun[:, : told[:, 2::2].shape[1]] % task.n_verbs
    assert own.mean() == pytest.approx(0.85 + 0.15 / task.n_verbs, abs=0.05)


def test_pairs_of_stories_differ_in_the_marker_only():
    tokens, good = moods.seen_stories(CONFIG)
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
    share, cost = np.array([[0.5, 0.9, 0.2, 0.6, 0.5]]), np.array([[0, 0.05, 0.08, 0.2, 0.01]])
    table = doses.dose_table(labels[:5], share, cost)
    assert table["swing"].to_list() == pytest.approx([0.7, 0.1])
    assert table["cost"].to_list() == pytest.approx([0.08, 0.2])
    # The second row is too dear, so that nothing is reached there.
    assert readings.reached("ITI", "mass mean")({"doses": table}).values == pytest.approx([0.7])
    assert readings.reached("RepE", "reading vector")({"doses": table}).values == pytest.approx([0])


def test_layers_of_task_vectors():
    f, sets, asked = 6, 4, 1
    value = np.arange(f)[:, None, None] * np.ones((1, sets, asked), int)
    by_vector = np.arange(f)[:, None, None, None] * np.ones((1, f, sets, asked), int)
    patched = np.stack([np.full_like(by_vector, -1), by_vector, np.full_like(by_vector, -1)])
    rows = maps.layer_rows(value, np.zeros_like(value), patched, value)
    assert [row["chosen"] for row in rows] == [False, True, False]
    assert rows[1]["interior"] == rows[1]["patched"] == rows[1]["examples"] == 1
    assert rows[1]["wrong"] == 0
    assert rows[1]["none"] == pytest.approx(1 / 6)


def test_prompts_of_maps_hold_distinct_items():
    prompts = maps.draw_prompts(CONFIG)
    task = CONFIG.world()
    assert prompts.tokens.shape[-1] == task.length
    items = prompts.tokens[..., 1::3]
    assert (np.diff(np.sort(items, -1), axis=-1) > 0).all()
    np.testing.assert_array_equal(items[:, :, maps.DUMMIES :, -1], prompts.asked)


def test_targets_have_another_object():
    truth, known = np.array([0, 0, 1, 1]), np.array([True, True, True, False])
    np.testing.assert_array_equal(relations.other_object(truth, known), [2, 2, 0, 0])
    np.testing.assert_array_equal(relations.other_object(truth[:2], known[:2]), [-1, -1])


def test_facts_that_are_others_have_other_subjects():
    tokens, answers = neurons.chosen_facts(CONFIG)
    assert (tokens[:, 1:, 1] != tokens[:, :1, 1]).all()
    first, objects = CONFIG.world().starts, CONFIG.world().objects()
    told = objects[tokens[..., 2] - first["relation"], tokens[..., 1] - first["subject"]]
    np.testing.assert_array_equal(told, answers)


def tables():
    """Made-up measures of two seeds."""
    rng = np.random.default_rng(0)
    seeds, layers = range(2), range(3)
    dosed = [
        {"init_seed": s, "method": m, "arm": a, "draw": 0, "layer": i, "dose": d}
        | {"swing": d / 10, "cost": d / 20}
        for m, arms in pictures.METHODS.items()
        for s, a, i, d in itertools.product(
            seeds, arms, (-1,) if m == "ITI" else (0, 1), (1.0, 2.0)
        )
    ]
    vectors = [
        {"init_seed": s, "layer": i, "chosen": i == 1, "interior": 1.0}
        | {"patched": 0.8, "wrong": 0.1, "examples": 0.9, "none": 0.2}
        for s, i in itertools.product(seeds, layers)
    ]
    lenses = [
        {"init_seed": s, "kind": k, "layer": i, "logit": 2.0 - i, "tuned": 0.5, "shuffled": 3.0}
        for s, k, i in itertools.product(seeds, ("maps", "facts", "stories"), range(2))
    ]
    related = [
        {"init_seed": s, "relation": r}
        | {n: rng.random() for n in ("faithful", "constant", "causal", "causal_random")}
        for s, r in itertools.product(seeds, ("colour", "shape", "blend", "mate"))
    ]
    units = [
        {"init_seed": s, "arm": a, "fact": n, "own": 0.6, "others": 0.1}
        for s, a, n in itertools.product(seeds, ("top", "random"), range(3))
    ]
    kinds = pl.DataFrame(lenses)
    found = {"doses": dosed, "task_vectors": vectors, "relations": related, "neurons": units}
    return {name: pl.DataFrame(rows) for name, rows in found.items()} | {
        "lens_kinds": kinds,
        "lenses": kinds.filter(pl.col("kind") == "maps").drop("kind"),
    }


def test_figures_and_claims_of_made_up_measures(tmp_path):
    made = tables()
    with fig.style():
        drawn = [
            pictures.doses(made, CONFIG),
            pictures.task_vectors(made, CONFIG),
            pictures.lenses(made, CONFIG),
            pictures.facts(made, CONFIG),
        ]
        for i, figure in enumerate(drawn):
            fig.save(figure, tmp_path, str(i), formats=("png",))
    values = {c.key: c.reading(made).values for c in (*claims.MAPS, *claims.LENSES)}
    np.testing.assert_allclose(values["task_vector_accuracy"], 0.8 / 0.9)
    np.testing.assert_allclose(values["task_vector_wrong"], 0.7)
    np.testing.assert_allclose(values["lens_tuned"], 0.5)
    np.testing.assert_allclose(values["lens_descends"], 0)
    np.testing.assert_allclose(values["lens_own"], 2.5)
