"""Rare features and a language with two registers, against counts and a filter by hand."""

import jax
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.bad_data import rare, registers
from toylab.tasks.bad_data.rare import RareFeatures
from toylab.tasks.bad_data.registers import Registers

TASK = Registers(7, 6, share=0.3)
BATCH = TASK.batch(jax.random.key(0), 20_000)


@pytest.mark.parametrize("world", [*rare.examples(), *registers.examples()])
def test_the_rules_hold(world):
    assert all(rule.ok for rule in check(world))


def test_rare_features_are_as_rare_as_they_say():
    task = RareFeatures(5, 2, density=0.4, share=0.25)
    x = np.asarray(task.batch(jax.random.key(0), 40_000).inputs)
    np.testing.assert_allclose((x > 0).mean(0), [0.4, 0.4, 0.4, 0.1, 0.1], atol=0.01)
    for i in range(5):
        own = np.sort(x[x[:, i] > 0, i])
        assert np.abs(own - np.linspace(0, 1, len(own))).max() < 0.05
    best = ((x - x.mean(0)) ** 2).sum(1).mean()
    assert task.uniform_loss() == pytest.approx(best, rel=0.02)
    wrong = RareFeatures(5, 2, density=0.4).batch(jax.random.key(1), 8)
    assert not task.consistent(wrong._replace(targets=wrong.targets + 1)).any()


def test_texts_follow_the_language():
    target, word = np.asarray(BATCH.targets), np.asarray(BATCH.latents["word"])
    rough = np.asarray(BATCH.latents["rough"])
    assert rough.mean() == pytest.approx(0.3, abs=0.01)
    assert (target[rough] >= 7).mean() == pytest.approx(0.5, abs=0.01)
    assert (target[~rough] < 7).all()
    assert (np.asarray(BATCH.inputs)[:, 0] == 14).all()
    for w in range(7):
        after = word[:, 1:][word[:, :-1] == w]
        kinds, counts = np.unique(after, return_counts=True)
        assert set(kinds.tolist()) == {(5 * w + c) % 7 for c in (1, 2, 4)}
        np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.03)
    assert not TASK.consistent(BATCH._replace(targets=BATCH.targets[:, ::-1])).all()


def test_the_best_predictor_is_a_filter():
    few = jax.tree.map(lambda leaf: leaf[:200], BATCH)
    found, target = TASK.losses(few), np.asarray(few.targets)
    for row, text in zip(found, target, strict=True):
        weight = {True: 0.3, False: 0.7}  # of a rough and of a clean text
        for t, token in enumerate(text):
            rough = token >= 7
            like = {True: 0.5, False: 0.0 if rough else 1.0}
            chance = sum(weight[k] * like[k] for k in weight) / sum(weight.values())
            assert row[t] == pytest.approx(-np.log(chance / (7 if t == 0 else 3)))
            weight = {k: weight[k] * like[k] for k in weight}
    assert TASK.bayes_loss() == pytest.approx(TASK.losses(BATCH).mean(), abs=0.01)
    clean, rough = (Registers(7, 6, share) for share in (0.0, 1.0))
    words = (np.log(7) + 5 * np.log(3)) / 6
    assert clean.bayes_loss() == pytest.approx(words)
    assert rough.bayes_loss() == pytest.approx(words + np.log(2))


def test_what_is_no_world_is_refused():
    for make, told in (
        (lambda: RareFeatures(4, 4, 0.1), "rare = 4"),
        (lambda: RareFeatures(4, 1, 0.5, share=3.0), "density = 1.5"),
        (lambda: RareFeatures(4, 1, 0.5, share=0.0), "share = 0"),
        (lambda: Registers(10, 5), "words mod 5 = 0"),
        (lambda: Registers(7, 1), "length = 1"),
        (lambda: Registers(7, 5, share=1.5), "share = 1.5"),
    ):
        with pytest.raises(ToylabError, match=told):
            make()
