"""Ordinal lists with a query, against answers in words; what is sampled, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles.ordinals import answer
from toylab.errors import ToylabError
from toylab.tasks.successor.lists import OrdinalList, paper_lists, small_lists
from toylab.tasks.successor.ordinals import Ordinals
from toylab.tasks.successor.questions import draw_exam, reach

TASK = Ordinals(small_lists(23), copy=0.2, across=0.2, units=0.3)


def spelled(task):
    return {own.name: (list(own.words), own.cyclic) for own in task.lists}


@pytest.mark.parametrize("task", [TASK, Ordinals(paper_lists(30), every=3)])
def test_every_answer_is_that_of_the_words(task: Ordinals):
    lists, words, u = spelled(task), task.words, jnp.zeros(2 * len(task.lists), jnp.float32)
    arrange = jax.jit(task.arrange)
    for q, name in enumerate(task.queries):
        own = task.lists[task.tables.asked[q]]
        for i in range(task.tables.answer.shape[1]):
            right = task.tables.answer[q, i]
            if i >= len(own):
                assert right == -1
                continue
            batch = arrange(jnp.int32(q), jnp.int32(i), u)
            shown = [words[t] for t in np.asarray(batch.inputs)[:-1]]
            assert (words[right] if right >= 0 else None) == answer(lists, shown, name)


def test_sampled_sequences_ask_what_is_trained_and_nothing_else():
    batch = jax.jit(lambda key: TASK.batch(key, 20_000))(jax.random.key(0))
    query, index = (np.asarray(batch.latents[name]) for name in ("query", "index"))
    asked = TASK.tables.asked[query]
    own = index[np.arange(len(query)), asked]
    n = len(TASK.lists)
    kinds = np.searchsorted(np.cumsum([n, n * (n - 1), n * (n - 1)]), query, side="right")
    shares = np.bincount(kinds) / len(query)
    np.testing.assert_allclose(shares, [0.3, 0.2, 0.2, 0.3], atol=0.02)
    seen = np.zeros(TASK.tables.answer.shape, bool)
    seen[query, own] = True
    np.testing.assert_array_equal(seen, (TASK.tables.answer >= 0) & ~TASK.tables.held)
    places = np.bincount(np.asarray(batch.latents["place"]), minlength=n) / len(query)
    np.testing.assert_allclose(places, 1 / n, atol=0.02)
    other = index[asked != 4][:, 4]  # numbers that are not asked for are uniform
    np.testing.assert_allclose(np.bincount(other) / len(other), 1 / 23, atol=0.01)


def test_held_out_successions():
    held = TASK.tables.held
    assert not held[len(TASK.lists) :].any()
    assert np.flatnonzero(held[1]).tolist() == [6]  # letters: g; j has no successor
    assert np.flatnonzero(held[4]).tolist() == [3, 10, 17]
    assert not Ordinals(every=0).tables.held.any()


def test_kinds_of_questions():
    kinds = draw_exam(Ordinals(), 1, 0).kinds
    assert [int(kinds[k].sum()) for k in ("trained", "held", "near", "far")] == [73, 13, 7, 6]
    assert int(kinds["units"].sum()) == 50
    assert reach(Ordinals()) == [10, 10, 7, 12, 12]


def test_lists_and_shares_that_make_no_world_are_refused():
    days = OrdinalList("days", ("Mo", "Tu", "We"), cyclic=True)
    with pytest.raises(ToylabError, match=r"of 1 words; a list has 2"):
        OrdinalList("one", ("a",))
    with pytest.raises(ToylabError, match=r"cyclic list has 3"):
        OrdinalList("two", ("a", "b"), cyclic=True)
    with pytest.raises(ToylabError, match="not true or false"):
        OrdinalList("days", ("a", "b"), cyclic="yes")
    with pytest.raises(ToylabError, match="twice"):
        OrdinalList("days", ("a", "a"))
    with pytest.raises(ToylabError, match="'Mo' stands in 'days' and in 'short'"):
        Ordinals((days, OrdinalList("short", ("Mo", "x"))))
    with pytest.raises(ToylabError, match="two or more"):
        Ordinals((days,))
    with pytest.raises(ToylabError, match="holds out all"):
        Ordinals((days, OrdinalList("pair", ("x", "y"))), every=1)
    with pytest.raises(ToylabError, match="units asks for ten words"):
        Ordinals((days, OrdinalList("pair", ("x", "y"))), every=0, units=0.1)
    with pytest.raises(ToylabError, match="add up to"):
        Ordinals(copy=0.7, units=0.7)
    with pytest.raises(ToylabError, match="did you mean 'successor of days'"):
        TASK.query("successor of day")
