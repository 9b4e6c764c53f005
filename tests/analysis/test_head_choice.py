"""Heads that are chosen, and random others."""

import itertools

import numpy as np

from toylab.analysis.head_choice import head_mask, highest, random_others


def test_highest_agrees_with_sorting():
    values = np.random.default_rng(0).normal(size=(3, 4))
    ranked = sorted(np.ndindex(3, 4), key=lambda place: -values[place])
    assert highest(values, 5) == ranked[:5]
    assert head_mask(ranked[:5], values.shape).sum() == 5
    assert (values[head_mask(ranked[:5], values.shape)] >= values[ranked[4]]).all()


def test_others_are_of_the_same_layers_while_there_are_any():
    for seed, same in itertools.product(range(5), (True, False)):
        rng = np.random.default_rng(seed)
        found = random_others([(0, 0), (1, 1)], (2, 3), rng, same)
        assert len(set(found)) == 2 and not {(0, 0), (1, 1)} & {*found}
        assert not same or sorted(u for u, _ in found) == [0, 1]
        every = random_others([(0, 0), (0, 1), (0, 2)], (2, 3), rng, same)
        assert sorted(every) == [(1, 0), (1, 1), (1, 2)]
    assert random_others([(0, 0), (0, 1)], (1, 3), rng) == [(0, 2)]
