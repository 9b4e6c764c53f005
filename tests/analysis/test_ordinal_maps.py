"""Scores of maps from words to their successors, on planted maps and on random ones."""

import math

import numpy as np
import pytest

from toylab.analysis.geometry.ordinal_maps import ordinal_scores
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
RING = lambda i, j, n: np.cos(2 * np.pi * (j - i - 1) / n)
LINE = lambda i, j, n: -((j - i - 1.0) ** 2)


def scored(of, n, cyclic, exact=True):
    i, j = np.indices((n, n))
    right = np.arange(1, n + 1) % n if cyclic else np.arange(1, n)
    return ordinal_scores(of(i, j, n), right, np.arange(len(right)) % 4 == 3, exact)


@pytest.mark.parametrize(("of", "n", "cyclic", "rank"), [(RING, 7, True, 2), (LINE, 50, False, 3)])
def test_maps_of_low_rank_have_score_one(of, n: int, cyclic: bool, rank: int):
    i, j = np.indices((n, n))
    assert np.linalg.matrix_rank(of(i, j, n), tol=1e-9) == rank
    own = scored(of, n, cyclic)
    assert own["score"] == own["held"] == 1
    assert own["p"] < 0.01
    assert own["beyond"] == pytest.approx(0, abs=1e-9)
    if cyclic:
        known = math.sqrt(2) * (1 - math.cos(2 * math.pi / n))
        assert own["margin"] == pytest.approx(known)


@pytest.mark.parametrize("back", [0, 1])
def test_identity_and_predecessor_have_score_zero(back: int):
    own = scored(lambda i, j, n: (j == (i - back) % n) * 1.0, 12, True)
    assert own["score"] == 0
    assert own["margin"] < 0


def test_a_constant_on_each_row_changes_no_hit():
    noise = RNG.normal(size=(12, 1)) * 50
    one, other = (scored(lambda i, j, n, m=m: RING(i, j, n) + m, 12, True) for m in (0, noise))
    assert (one["score"], one["p"]) == (other["score"], other["p"])


def test_random_maps_score_one_over_n():
    n, draws = 20, 500
    found = [scored(lambda i, j, n: RNG.normal(size=(n, n)), n, False, False) for _ in range(draws)]
    sd = math.sqrt(0.05 * 0.95 / (draws * 15))  # 15 of 19 rows are not held out
    assert np.mean([own["score"] for own in found]) == pytest.approx(1 / n, abs=4 * sd)


ALIKE = {
    "one diagonal": lambda away: 3.0 * (away == 0),
    "normal": lambda away: np.exp(-(away**2) / 8),
    "straight": lambda away: -abs(away),
    "square": lambda away: -(away**2.0),
}


@pytest.mark.parametrize("n", [6, 10, 50])
@pytest.mark.parametrize("fall", ALIKE.values(), ids=ALIKE)
def test_maps_that_fall_off_alike_prefer_no_side(fall, n: int):
    rows, columns = 5 * RNG.normal(size=(n, 1)), RNG.normal(size=n)
    shifted = lambda i, j, n: fall(j - i - 1) + rows + columns + i / n
    assert scored(shifted, n, False, False)["beyond"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n", [6, 10, 50])
def test_a_step_from_earlier_to_later_words_is_found_in_full(n: int):
    of = lambda i, j, n: 3.0 * (j == i + 1) + 0.3 * np.sign(j - i - 1) + i / n - 2 * j / n
    own = of(*np.indices((n, n)), n)
    spread = (own - own.mean(0) - own.mean(1)[:, None] + own.mean()).std()
    assert scored(of, n, False, False)["beyond"] == pytest.approx(0.6 / spread)
    back = lambda i, j, n: -0.3 * np.sign(j - i - 1)
    assert scored(back, n, False, False)["beyond"] < -0.5


def test_a_side_is_not_told_from_the_rest_on_five_words():
    assert math.isnan(scored(LINE, 5, False)["beyond"])


def test_a_map_of_rows_and_columns_alone_has_no_side():
    flat = scored(lambda i, j, n: np.full((n, n), 0.1), 8, False)
    assert math.isnan(flat["beyond"]) and math.isnan(flat["margin"])
    assert math.isnan(scored(lambda i, j, n: 0.1 * i - 0.3 * j, 8, False)["beyond"])


def test_what_is_not_finite_and_what_does_not_fit():
    lost = scored(lambda i, j, n: np.where((i == 2) & (j == 3), np.nan, 1.0), 6, True)
    assert all(math.isnan(value) for value in lost.values())
    with pytest.raises(ToylabError, match="square map"):
        ordinal_scores(np.ones((3, 4)), np.arange(2), np.zeros(2, bool))
