"""Lists to copy: every pair once, what is held out never drawn."""

import jax
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.dictionaries.list_copying import ListCopying, examples


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task))


def test_pairs_are_divided_once_and_those_held_out_never_drawn():
    task = ListCopying(6, worlds=3, world=2)
    parts = {name: np.asarray(part.inputs) for name, part in task.split().items()}
    both = np.concatenate(list(parts.values()))
    assert {tuple(row) for row in both} == {(i, j, 7, 6, 6) for i in range(6) for j in range(6)}
    assert [len(part) for part in parts.values()] == [29, 7]
    drawn = np.asarray(task.batch(jax.random.key(0), 2_000).inputs)
    assert {tuple(row) for row in drawn} == {tuple(row) for row in parts["train"]}
    other = np.asarray(ListCopying(6, worlds=3, world=1).split()["test"].inputs)
    assert {tuple(row) for row in other} != {tuple(row) for row in parts["test"]}


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ToylabError, match="leaves none to train on"):
        ListCopying(3, held_out=9)
