"""Phrases: their rules, their oracle and their facts."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.steering.phrases import Phrases, fact_table
from toylab.tasks.steering.phrases_prompts import fact_prompts, map_prompts, stories
from toylab.tasks.steering.phrases_truth import map_table, oracle


@pytest.fixture(scope="module")
def phrases():
    task = Phrases()
    return task, jax.jit(lambda key: task.batch(key, 400))(jax.random.key(0))


def test_phrases_are_consistent_and_their_oracle_sums_to_one(phrases):
    task, batch = phrases
    assert task.consistent(batch).all()
    p = oracle(task, batch)
    counted = np.asarray(batch.weights) > 0
    np.testing.assert_allclose(p.sum(-1)[counted], 1, rtol=1e-9)
    assert (p.sum(-1)[~counted] == 0).all()


def test_every_map_follows_its_function(phrases):
    task, batch = phrases
    for row, f in zip(np.asarray(batch.inputs), np.asarray(batch.latents["function"]), strict=True):
        if f < 0:
            continue
        x = row[1::3]
        a, b = ((1, 0), (1, 1), (1, -1), (1, task.n_items // 2), (-1, -1), (3, 1))[f]
        np.testing.assert_array_equal(row[3::3], (a * x + b)[: len(row[3::3])] % task.n_items)
    assert len({tuple(row) for row in map_table(10)}) == 6


def test_moods_make_nouns_common_and_not_verbs(phrases):
    task, batch = phrases
    story, mood = (np.asarray(batch.latents[n]) for n in ("kind", "mood"))
    noun = np.asarray(batch.inputs)[:, 1::2] - task.starts["noun"]
    for told in (0, 1):
        share = (
            np.bincount(noun[(story == 2) & (mood == told)].ravel() // task.n_nouns)
            / noun[(story == 2) & (mood == told)].size
        )
        expected = np.array([0.1, 0.6]) if told else np.array([0.6, 0.1])
        np.testing.assert_allclose(share, [*expected, 0.3], atol=0.06)


def test_facts_have_the_structure_they_claim():
    colour, shape, blend, mate = fact_table(40, 3)
    np.testing.assert_array_equal((colour + shape) % 4, blend)
    assert sorted(mate) == list(range(40))
    assert (mate != np.arange(40)).all()
    np.testing.assert_array_equal(np.bincount(colour), 10)
    with pytest.raises(ToylabError, match="odd"):
        Phrases(triples=5)


def test_stories_keep_their_marker_and_shares():
    task, rng = Phrases(), np.random.default_rng(0)
    shares = np.tile(task.noun_shares()[1], (300, 1))
    words = stories(task, np.full(300, task.starts["GOOD"]), shares, rng)
    assert words.shape == (300, task.length)
    assert (words[:, 0] == task.starts["GOOD"]).all()
    noun = words[:, 1::2] - task.starts["noun"]
    counts = np.bincount(noun.ravel() // task.n_nouns, minlength=3) / noun.size
    np.testing.assert_allclose(counts, [0.1, 0.6, 0.3], atol=0.05)
    own = (words[:, 2::2] - task.starts["verb"]) == noun[
        :, : words[:, 2::2].shape[1]
    ] % task.n_verbs
    assert own.mean() == pytest.approx(0.85 + 0.15 / task.n_verbs, abs=0.05)


def test_prompts_of_maps_hold_distinct_items_and_their_values():
    task = Phrases(n_items=8, triples=4)
    prompts = map_prompts(task, sets=2, queries=9, rng=np.random.default_rng(0))
    assert prompts.shown.shape == (6, 2, 5, task.length)
    items = prompts.shown[..., 1::3]
    assert (np.diff(np.sort(items, -1), axis=-1) > 0).all()
    for f, row in enumerate(map_table(8)):
        np.testing.assert_array_equal(prompts.value[f], row[items[f, ..., -1]])
        np.testing.assert_array_equal(prompts.shown[f, ..., 3::3], row[items[f, ..., :-1]])
    np.testing.assert_array_equal(prompts.bare[..., 1], items[..., -1])
    np.testing.assert_array_equal(prompts.bare[..., ::2], prompts.shown[..., [0, -1]])


def test_prompts_of_facts_name_their_subject_and_relation():
    task = Phrases()
    prompts = fact_prompts(task)
    row = prompts[2, 7] - [task.starts[name] for name in ("FACT", "subject", "relation")]
    np.testing.assert_array_equal(row, [0, 7, 2])
