"""Labels of the rule and random ones, by member."""

import dataclasses

import jax
import numpy as np

from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.tasks.grokking.relabelled import Relabelled


def test_labels_are_the_rules_or_random_by_member():
    task = Relabelled(p=7, fraction=0.5, split_seed=2)
    for number, labels in ((0.0, "rule"), (1.0, "random")):
        plain = dataclasses.replace(
            ModularArithmetic(p=7, fraction=0.5, split_seed=2), labels=labels
        )
        mixed = dataclasses.replace(task, random_labels=number)
        np.testing.assert_array_equal(mixed.answers(), plain.answers())
        got, expected = mixed.batch(jax.random.key(0), 24), plain.batch(jax.random.key(0), 24)
        jax.tree.map(np.testing.assert_array_equal, got, expected)
