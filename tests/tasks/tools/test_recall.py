"""Recall: the world's own rule, and corruptions of one token."""

import jax
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.tools.recall import CORRUPTIONS, Recall

WORLD = Recall(vocab=9, length=5)
BATCH = WORLD.batch(jax.random.key(0), 64)


def test_the_rules_hold():
    assert all(rule.ok for rule in check(WORLD))
    for row, target in zip(np.asarray(BATCH.inputs), np.asarray(BATCH.targets), strict=True):
        place = row[:-1].tolist().index(row[-1])
        assert target[-1] == row[place + 1]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_changes_the_token_it_names(kind):
    x, place = np.asarray(BATCH.inputs), np.asarray(BATCH.latents["place"])
    found = WORLD.corrupt(BATCH, kind)
    rows = np.arange(len(x))
    where = {"key": place, "query": np.full(len(x), 4), "answer": place + 1}[kind]
    changed = found != x
    assert (changed.sum(1) == 1).all() and changed[rows, where].all()
    new = found[rows, where]
    occurs = (x[:, :-1] == new[:, None]).any(1)
    assert occurs.all() if kind == "query" else not occurs.any()


def test_what_is_no_world_is_refused():
    with pytest.raises(ToylabError, match="no corruption 'keys': did you mean 'key'"):
        WORLD.corrupt(BATCH, "keys")
    with pytest.raises(ToylabError, match="vocab = 6 is out of range"):
        Recall(vocab=6, length=5)
    assert not WORLD.consistent(BATCH._replace(inputs=BATCH.inputs[:, ::-1])).all()
