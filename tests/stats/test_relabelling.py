"""The exact law of hits, against all permutations."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.stats.relabelling import hits_law, hits_p_value, matches_by_chance


@pytest.mark.parametrize("given", [[0, 0, 1, 5], [0, 1, 2, 3], [7, 7, 7, 7], [3, 3, 3, 0]])
def test_law_is_that_of_all_permutations(given: list[int]):
    right = np.arange(4)
    hits = [int((np.array(given) == p).sum()) for p in itertools.permutations(right)]
    known = np.bincount(hits, minlength=5) / 24
    np.testing.assert_allclose(hits_law(given, right), known, atol=1e-15)


def test_its_mean_is_the_share_of_answers_that_are_right_for_some_row():
    given, right = np.array([1, 1, 2, 9, 9, 4]), np.array([1, 2, 3, 4, 5, 6])
    law = hits_law(given, right)
    assert law.sum() == pytest.approx(1)
    assert law @ np.arange(7) == pytest.approx(4 / 6)


def test_p_value_of_a_planted_map():
    n = 50
    assert hits_p_value(np.arange(n), np.arange(n)) < 1e-60
    assert hits_p_value(np.zeros(n, int), np.arange(n)) == pytest.approx(1)


def test_p_values_are_uniform_or_less_under_the_null():
    rng = np.random.default_rng(0)
    given = rng.integers(0, 12, 12)
    p = np.array([hits_p_value(given, rng.permutation(12)) for _ in range(2_000)])
    assert all((p <= level).mean() <= level + 0.02 for level in (0.01, 0.05, 0.2))


def test_bad_rows_are_refused():
    with pytest.raises(ToylabError, match="same right answer"):
        hits_law([0, 1], [1, 1])
    with pytest.raises(ToylabError, match="give one each"):
        hits_law([0, 1, 2], [0, 1])


@pytest.mark.parametrize("given", [[0, 0, 1, 2, 1], [0, 0, 0, 0, 0], [2, 1, 0, 0, 5]])
def test_matches_are_those_of_all_permutations(given: list[int]):
    right, groups = np.array([0, 0, 1, 2, 0]), np.array([7, 7, 7, 7, 3])
    ways = [np.append(p, 0) for p in itertools.permutations(right[:4])]
    share = [(np.array(given) == way).mean() for way in ways]
    found = matches_by_chance(given, right, groups)
    assert found == pytest.approx((np.mean(share), np.std(share)))


def test_matches_agree_with_the_law_of_hits():
    given, right = np.array([1, 1, 2, 9, 9, 4]), np.array([1, 2, 3, 4, 5, 6])
    hits, law = np.arange(7), hits_law(given, right)
    mean = law @ hits
    found = matches_by_chance(given, right, np.zeros(6, int))
    assert found == pytest.approx((mean / 6, np.sqrt(law @ (hits - mean) ** 2) / 6))


def test_matches_of_no_rows_are_refused():
    with pytest.raises(ToylabError, match="give one each"):
        matches_by_chance([], [], [])
