"""The volume coder against closed forms, a textbook coder, and counting over all sentences."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from toylab.analysis.volumes.chances import (
    ancestral,
    distinct_spread,
    expected_distinct,
    frequency_p_value,
    log_chances,
)
from toylab.analysis.volumes.coder import boxes, decode, returns
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
END, VOCAB, LENGTH = 1, 4, 4
TREE = {
    before: RNG.dirichlet(np.ones(VOCAB))
    for t in range(LENGTH)
    for before in product(range(VOCAB), repeat=t)
}


def following(before_Nt):
    """A model with numbers of its own for every beginning."""
    return np.array([TREE[tuple(int(token) for token in row)] for row in before_Nt])


def everything():
    """All sentences of at most four tokens, and all beginnings of four without an end."""
    found = []
    for row in product(range(VOCAB), repeat=LENGTH):
        stop = row.index(END) if END in row else LENGTH
        if all(token == END for token in row[stop:]):
            found.append(row)
    return np.array(found)


def chance(row):
    """The product of the chances of a sentence's tokens, as a Fraction."""
    p = Fraction(1)
    for t, token in enumerate(row):
        whole = sum(map(Fraction, TREE[tuple(row[:t])]), Fraction(0))
        p *= Fraction(float(TREE[tuple(row[:t])][token])) / whole
        if token == END:
            return p
    return p


ALL = everything()


@pytest.mark.parametrize("axes", [1, 2, 3, 16])
def test_boxes_tile_the_cube_and_are_as_large_as_sentences_are_likely(axes):
    found = boxes(following, ALL, axes, END, Fraction)
    chances = [chance([int(token) for token in row]) for row in ALL]
    assert found.volumes.tolist() == chances
    assert sum(chances) == 1
    low, high = found.low[:, None], found.high[:, None]
    apart = ((high <= found.low[None]) | (found.high[None] <= low)).astype(bool).any(-1)
    assert (apart | np.eye(len(ALL), dtype=bool)).all()
    close = boxes(following, ALL, axes, END)
    np.testing.assert_allclose(close.low, found.low.astype(float), atol=1e-14)
    np.testing.assert_allclose(close.volumes, np.array(chances, float), rtol=1e-9)


def test_on_one_axis_it_is_the_textbook_coder():
    # There a sentence begins where those before it in the order of a dictionary end.
    chances = [chance([int(token) for token in row]) for row in ALL]
    order = sorted(range(len(ALL)), key=lambda i: tuple(ALL[i]))
    found, below = boxes(following, ALL, 1, END, Fraction), Fraction(0)
    for i in order:
        assert found.low[i, 0] == below
        below += chances[i]
        assert found.high[i, 0] == below


@pytest.mark.parametrize("number", [np.float32, np.float64, Fraction])
@pytest.mark.parametrize("axes", [1, 3])
def test_every_point_of_a_box_is_its_sentence(axes, number):
    found = boxes(following, ALL, axes, END, number)
    assert returns(following, ALL, axes, END, number).all()
    for share in (0, 0.25, 0.875):
        points = found.low + (found.high - found.low) * number(share)
        inside = (points < found.high).astype(bool).all(1)  # in floats a sum may round to the edge
        assert inside.mean() > 0.97
        np.testing.assert_array_equal(decode(following, points[inside], LENGTH, END), ALL[inside])


def test_another_order_of_the_vocabulary_moves_boxes_and_leaves_volumes():
    order = np.array([2, 0, 3, 1])  # new token i is old token order[i]
    back = np.argsort(order)
    moved = lambda before: following(order[before] if before.size else before)[:, order]
    found = boxes(moved, back[ALL], 2, int(back[END]), Fraction)
    first = boxes(following, ALL, 2, END, Fraction)
    assert found.volumes.tolist() == first.volumes.tolist()
    assert (found.low != first.low).any()
    back_to = decode(moved, found.centres, LENGTH, int(back[END]))
    np.testing.assert_array_equal(order[back_to], ALL)


def places(tokens_NL):
    index = {tuple(map(int, row)): i for i, row in enumerate(ALL)}
    return np.bincount([index[tuple(map(int, row))] for row in tokens_NL], minlength=len(ALL))


def test_points_drawn_evenly_are_ancestral_samples():
    draws, p = 20_000, np.exp(log_chances(following, ALL, END))
    expected = np.array([float(chance([int(t) for t in row])) for row in ALL])
    np.testing.assert_allclose(p, expected, rtol=1e-9)
    even = decode(following, RNG.random((draws, 3)), LENGTH, END)
    for tokens in (even, ancestral(following, draws, LENGTH, END, RNG)):
        counts = places(tokens)
        usual = expected * draws > 5
        found, law = (
            np.append(own[usual], own[~usual].sum()) for own in (counts, expected * draws)
        )
        assert chisquare(found, law).pvalue > 0.01


def test_how_many_draws_differ():
    p, draws = np.array([0.4, 0.3, 0.1, 0.1]), 3  # a tenth is of other sentences
    whole = np.append(p, 0.1)
    mean = second = 0.0
    for row in product(range(5), repeat=draws):
        weight, distinct = np.prod(whole[list(row)]), len(set(row) - {4})
        mean, second = mean + weight * distinct, second + weight * distinct**2
    assert expected_distinct(p, draws) == pytest.approx(mean)
    assert distinct_spread(p, draws) == pytest.approx(np.sqrt(second - mean**2))


def test_p_values_of_counts_are_even_and_notice_another_law():
    p = RNG.dirichlet(np.full(300, 0.5)) * 0.97
    draw = lambda law: np.bincount(
        RNG.choice(301, 5_000, p=np.append(law, 1 - law.sum())), minlength=301
    )
    found = np.array([frequency_p_value(draw(p), p) for _ in range(400)])
    for level in (0.05, 0.5):
        assert (found < level).mean() == pytest.approx(level, abs=0.07)
    assert frequency_p_value(draw(0.9 * p), p) < 1e-6
    assert frequency_p_value(draw(np.roll(p, 1)), p) < 1e-6


def test_rare_sentences_stand_together_and_impossible_ones_are_not_drawn():
    # By hand: a hundredth of a draw of the rest stands beside the rarer of the two.
    found = frequency_p_value(np.array([50, 49, 1]), np.array([0.5, 0.4999]))
    assert found == pytest.approx(chisquare([50, 50], [50, 50]).pvalue)
    found = frequency_p_value(np.array([4, 8, 40, 48, 0]), np.array([0.04, 0.06, 0.45, 0.45]))
    assert found == pytest.approx(chisquare([12, 40, 48], [10, 45, 45]).pvalue)
    assert frequency_p_value(np.array([50, 49, 1]), np.array([0.5, 0.5])) == 0
    assert np.isnan(frequency_p_value(np.array([5, 0]), np.array([1.0])))


def test_floats_hold_as_many_bits_of_an_axis_as_they_have():
    table = np.random.default_rng(1).dirichlet(np.full(8, 20.0), 9)
    model = lambda before: table[(before[:, -1:] + 1).sum(1)]  # row 0 at the start
    text = RNG.integers(0, 8, (200, 30))
    cases = ((np.float32, 5, 12), (np.float64, 14, 25))  # of about 3 bits a token
    for number, few, many in cases:
        assert returns(model, text[:, :few], 1, 8, number).mean() > 0.9
        assert returns(model, text[:, :many], 1, 8, number).mean() < 0.1
        assert returns(model, text[:, :many], 3, 8, number).mean() > 0.9
    assert returns(model, text[:20], 1, 8, Fraction).all()


def test_what_cannot_be_coded_is_refused():
    never = lambda before: np.broadcast_to([0.5, 0.5, 0.0], (len(before), 3))
    with pytest.raises(ToylabError, match="token 1 of sentence 1 has chance 0"):
        boxes(never, np.array([[1, 1], [0, 2]]), 2, 1)
    with pytest.raises(ToylabError, match="axes = 0"):
        boxes(never, np.array([[1, 1]]), 0, 1)
    with pytest.raises(ToylabError, match="sentences hold 3"):
        boxes(never, np.array([[3, 1]]), 1, 1)
    with pytest.raises(ToylabError, match="without 1 itself"):
        decode(never, np.array([[0.5, 1.0]]), 2, 1)
    with pytest.raises(ToylabError, match=r"point 0 = \[nan"):
        decode(never, np.array([[np.nan, 0.5]]), 2, 1)
    with pytest.raises(ToylabError, match="d >= 1"):
        decode(never, np.zeros((2, 0)), 2, 1)
    with pytest.raises(ToylabError, match="have diverged"):
        decode(lambda before: np.full((len(before), 3), np.nan), np.zeros((2, 1)), 2, 1)
    with pytest.raises(ToylabError, match="all 0"):
        decode(lambda before: np.zeros((len(before), 3)), np.zeros((2, 1)), 2, 1)
    with pytest.raises(ToylabError, match="number = <class 'int'>"):
        boxes(never, np.array([[1, 1]]), 1, 1, int)
    with pytest.raises(ToylabError, match="no more than 1"):
        expected_distinct(np.array([0.7, 0.7]), 2)
    # A token that has no chance is never decoded, not even at the border of its empty interval.
    assert decode(never, np.array([[0.5], [0.999]]), 1, 1).ravel().tolist() == [1, 1]
