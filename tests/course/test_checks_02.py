"""Lesson 2: every check refuses plausible wrong answers, says why, and takes right ones."""

import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_02_phases import checks
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(3)
W = RNG.normal(size=(4, 3, 2, 2))  # network, density, importance, feature
LOSS = RNG.random((4, 3, 2))
BEST = checks.best_of(W, LOSS)
FINE = np.linspace(0.2, 0.5, 4)
AFTER = np.array([[[1, 1, 0.9, 0], [1, 1, 0.8, 0]], [[1, 0, 0.1, 0], [0.9, 0, 0, 0]]])

CASES = {  # exercise, what it is given: right answers; wrong ones with what is said of them
    "best": (
        {"W": W, "loss": LOSS},
        [BEST, BEST.tolist()],
        [
            (abs(W[..., 1]).mean(0), "means over networks"),
            (abs(W[..., 1]).max(0), "the longest"),
            (LOSS.argmin(0), "which network"),
            (LOSS.min(0), "these are losses"),
            (-BEST, "no sign"),
            (checks.best_of(W[..., ::-1], LOSS), "which is too"),
            (BEST.T, "(density, importance) is wanted"),
        ],
    ),
    "dropped": (
        {},
        [checks.dropped, lambda s, r: r * s * (4 - 3 * s) / 12],
        [
            (lambda s, r: r * s / 3, "a bias of 0"),
            (lambda s, r: s / 3 - s**2 / 4, "weighs r"),
            (lambda s, r: r * s / 12, "that it may be off"),
            (lambda s, r: r * s / 3 - s**2 / 4, "too small"),
            (lambda s: s, "it raises TypeError"),
        ],
    ),
    "shared": (
        {},
        [checks.shared, lambda s, r: s * s / 6 + r * s * s / 6],
        [
            (lambda s, r: (1 + r) * s / 6, "both must be on"),
            (lambda s, r: s**2 / 6, "both outputs are wrong"),
            (lambda s, r: (1 + r) * s**2 / 3, "the lesser of the two"),
            (lambda s, r: (1 + r) * s**2 / 9, "mean squared"),
            (0.3, "a function is wanted"),
        ],
    ),
    "boundary": (
        {},
        [checks.boundary, lambda r: 1 / (1.25 + 0.5 / r)],
        [
            (lambda r: 2 * r / (1 + r), "a bias of 0"),
            (lambda r: 0 * r, "find the other one"),
            (lambda r: (2 + 5 * r) / (4 * r), "upside down"),
            (lambda r: 4 / (5 + 2 * r), "too large"),
        ],
    ),
    "triple": (
        {},
        [(1, 4 / 7), [1.0, 0.571], np.array([1, 0.5714])],
        [
            ((4 / 7, 1), "importance first"),
            (4 / 7, "the shape is ()"),
            ((1, 1), "too large"),
            ((1, 0.5), "too small"),
        ],
    ),
    "window": (
        {"after": AFTER, "densities": FINE},
        [(0.3, 0.4), [np.float32(0.3), np.float32(0.4)]],
        [
            ((1, 2), "places in `FINE`"),
            ((0.4, 0.3), "the lower end comes first"),
            (0.1, "width of the window"),
            ((0.2, 0.5), "too"),
            ((0.33, 0.4), "both ends are densities"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(checks.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(checks.check.exercises) == lessons()[2].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in checks.check.exercises.values())


def test_the_losses_of_the_candidates_are_exact():
    rng = np.random.default_rng(0)
    x = rng.random((400_000, 2)) * (rng.random((400_000, 2)) < 0.6)
    out = np.maximum(x @ np.array([[1, -1], [-1, 1]]), 0)
    assert (((out - x) ** 2) @ [1, 0.3]).mean() == pytest.approx(checks.shared(0.6, 0.3), rel=0.02)
    assert 0.3 * x[:, 1].var() == pytest.approx(checks.dropped(0.6, 0.3), rel=0.02)
