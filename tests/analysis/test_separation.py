"""Separation of two kinds of keys, against loops and attention made by hand."""

import numpy as np

from toylab.analysis.separation import chance_of_more, separated

RNG = np.random.default_rng(0)
FIRST = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 1, 0]], bool)
SECOND = np.array([[0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], bool)


def test_scores_agree_with_loops():
    attention = RNG.random((2, 300, 5)).round(1)  # with ties
    strict, rank = separated(attention, FIRST, SECOND), chance_of_more(attention, FIRST, SECOND)
    assert 0.05 < strict.mean() < 0.95
    for n in range(2):
        for h in range(300):
            gaps = [
                attention[n, h, i] - attention[n, h, j]
                for i in np.flatnonzero(FIRST[n])
                for j in np.flatnonzero(SECOND[n])
            ]
            assert strict[n, h] == all(gap > 0 for gap in gaps)
            assert rank[n, h] == np.mean([1 if gap > 0 else 0.5 if gap == 0 else 0 for gap in gaps])


def test_uniform_attention_separates_nothing():
    even = np.full((2, 1, 5), 0.2)
    assert (separated(even, FIRST, SECOND) == 0).all()
    assert (chance_of_more(even, FIRST, SECOND) == 0.5).all()


def test_what_has_no_number_is_nan():
    attention = RNG.random((2, 1, 5))
    attention[0] = np.nan
    kind = FIRST.copy()
    kind[1] = False
    for score in (separated, chance_of_more):
        assert np.isnan(score(attention, kind, SECOND)).all()
