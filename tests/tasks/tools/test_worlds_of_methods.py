"""Places, the provoked language, patterns of two corpora: rules, odds by hand, what is refused."""

import jax
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.tools.corpora import Corpora
from toylab.tasks.tools.places import WAYS, Places
from toylab.tasks.tools.provoked import Provoked

WORLDS = (Places(side=4, unseen=2), Provoked(subjects=3, words=4, bad=2), Corpora(1, 2, 0.5))


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: type(world).__name__)
def test_the_rules_hold(world: Places | Provoked | Corpora):
    assert all(rule.ok for rule in check(world))


def test_answers_lie_a_step_along_the_relation():
    world = WORLDS[0]
    y, table = world.map(), world.table()
    for a, r in ((0, 0), (5, 1), (9, 4)):
        odds = [np.exp(-np.sum((b - y[a] - 2 * WAYS[r]) ** 2) / (2 * 0.8**2)) for b in y]
        np.testing.assert_allclose(table[a, r], odds / np.sum(odds), rtol=1e-9)
    batch = world.batch(jax.random.key(0), 8)
    places, relation = (np.asarray(batch.latents[n]) for n in ("place", "relation"))
    np.testing.assert_allclose(world.chances(batch), table[places, relation], rtol=1e-5)
    assert (np.floor(y) == np.stack([np.arange(16) % 4, np.arange(16) // 4], 1)).all()
    assert np.bincount(Places(side=9).blocks(3)).tolist() == [9] * 9


def test_bad_words_come_when_provoked_alone():
    world = WORLDS[1]
    batch = world.questions()
    chances, bad = np.asarray(world.chances(batch)), world.bad_words()
    manner, topic = (np.asarray(batch.latents[n]) for n in ("manner", "topic"))
    np.testing.assert_allclose(chances[:, bad].sum(1), 0.9 * manner, atol=1e-6)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-6)
    for t in range(2):
        own = chances[topic == t][:, 4 * t : 4 * t + 4].sum(1)
        np.testing.assert_allclose(own, 1 - 0.9 * manner[topic == t], atol=1e-6)
    assert batch.inputs.shape == (12, 3) and len(np.unique(batch.inputs, axis=0)) == 12


def test_a_unit_has_a_pattern_of_each_corpus():
    world = WORLDS[2]
    np.testing.assert_allclose(world.patterns() @ world.patterns().T, np.eye(5), atol=1e-12)
    assert world.owned().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]
    batch = world.batch(jax.random.key(1), 200)
    s, corpus = (np.asarray(batch.latents[n]) for n in ("features", "corpus"))
    assert not s[corpus == 0][:, 3:].any() and not s[corpus == 1][:, 1:3].any()
    np.testing.assert_allclose(np.asarray(batch.inputs) @ world.patterns().T, s, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Places(side=2), "side = 2"),
        (lambda: Places(reach=0), "reach = 0"),
        (lambda: Provoked(rate=1.5), "rate = 1.5"),
        (lambda: Provoked(subjects=1), "subjects = 1"),
        (lambda: Corpora(own=0), "own = 0"),
        (lambda: Corpora(density=0), "density = 0"),
    ],
)
def test_what_is_no_world_is_refused(make, told: str):
    with pytest.raises(ToylabError, match=told):
        make()
