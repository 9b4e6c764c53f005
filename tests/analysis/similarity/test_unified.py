"""How unified two forms are: closed forms, and sums over all pairs."""

import itertools

import numpy as np
import pytest

from toylab.analysis.similarity.unified import form_share, retrieval, unification
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def test_score_is_that_of_all_pairs():
    x, y = RNG.normal(size=(2, 6, 4))
    same = np.mean([cosine(x[n], y[n]) for n in range(6)])
    pairs = itertools.permutations(range(6), 2)
    other = np.mean([(cosine(x[n], x[m]) + cosine(y[n], y[m])) / 2 for n, m in pairs])
    assert unification(x, y) == pytest.approx((same - other, same, other))


@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0])
def test_a_turn_of_one_form_costs_its_cosine(angle):
    """Things on axes of planes of their own, the other form turned within the plane."""
    turn = np.array([[np.cos(angle), np.sin(angle)]])
    x, y = np.kron(np.eye(5), [[1.0, 0.0]]), np.kron(np.eye(5), turn)
    assert unification(x, 3 * y) == pytest.approx((np.cos(angle), np.cos(angle), 0), abs=1e-12)


def test_score_of_a_simplex_and_of_forms_apart():
    """Centred, N things on axes have cosine -1 / (N - 1); apart, forms share no direction."""
    x = np.eye(5) - 1 / 5
    assert unification(x, x) == pytest.approx((1.25, 1, -0.25))
    zero = np.zeros_like(x)
    assert unification(np.hstack([x, zero]), np.hstack([zero, x])).same == pytest.approx(0)


def test_retrieval_is_right_for_copies_and_by_chance_for_noise():
    x = RNG.normal(size=(40, 8))
    assert retrieval(x, 2 * x) == 1
    assert retrieval(x, -x) == 0
    found = [retrieval(*RNG.normal(size=(2, 20, 8))) for _ in range(400)]
    assert np.mean(found) == pytest.approx(1 / 20, abs=0.01)


def test_share_of_forms_is_that_of_an_analysis_of_variance():
    x, y = RNG.normal(size=(2, 30, 3)) + np.array([[[0.0, 0, 0]], [[1.0, 0, 2]]])
    both = np.concatenate([x, y])
    within = sum(((side - side.mean(0)) ** 2).sum() for side in (x, y))
    assert form_share(x, y) == pytest.approx(1 - within / ((both - both.mean(0)) ** 2).sum())
    assert form_share(x, x) == 0
    assert form_share(np.zeros((4, 2)), np.ones((4, 2))) == 1
    assert np.isnan(form_share(np.ones((4, 2)), np.ones((4, 2))))


def test_what_is_broken_or_zero_is_undefined():
    x, y = RNG.normal(size=(2, 5, 3))
    x[2] = np.nan
    assert np.isnan([unification(x, y).score, retrieval(x, y), form_share(x, y)]).all()
    x[2] = 0
    assert np.isnan(unification(x, y).score)


def test_bad_shapes_are_refused():
    with pytest.raises(ToylabError, match="give \\(N, D\\) twice"):
        unification(np.ones((3, 2)), np.ones((3, 3)))
    with pytest.raises(ToylabError, match="two things"):
        retrieval(np.ones((1, 2)), np.ones((1, 2)))
