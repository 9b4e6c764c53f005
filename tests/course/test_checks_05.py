"""Lesson 5: every check refuses plausible wrong answers, says why, and takes right ones."""

import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_05_circuits_compete import checks
from toylab.tasks.grokking.theory import circuits_theory as theory
from toylab.teach.lessons import lessons

STEP = np.array([10, 20, 40, 80])
TRAIN = np.array([[2.0, 2.0], [0.4, 0.4], [0.1, 0.1], [0.1, 0.1]])[:, None]  # record, network, case
TEST = np.array([[5.0, 5.0], [6.0, 6.0], [6.0, 6.0], [0.1, 6.0]])[:, None]
SHARE, SIZES = np.array([0.1, 0.4, 0.6, 0.9]), np.array([10.0, 100.0, 1000.0, 10000.0])
HALF = 10**2.5

CASES = {  # exercise, what it is given: right answers; wrong ones with what is said of them
    "delay": (
        {"train_nats": TRAIN, "test_nats": TEST, "step": STEP},
        [np.array([[4.0, np.inf]]), [[4, float("inf")]]],
        [
            ([[4.0, 0.5]], "argmax of a row without True"),
            ([[4.0, np.nan]], "np.inf is wanted"),
            ([[np.inf, np.inf]], "do get there"),
            ([[0.25, np.inf]], "upside down"),
            ([[60.0, np.inf]], "differences"),
            ([[80.0, np.inf]], "divide by those"),
            ([[3.0, np.inf]], "too small"),
            ([4.0, np.inf], "(network, case) is wanted"),
        ],
    ),
    "test_loss": (
        {},
        [checks.test_loss, lambda g, m, q: np.logaddexp.reduce([g, m, np.log(q - 2)]) - g],
        [
            (lambda g, m, q: np.log(1 + (q - 1) * np.exp(-g - m)), "the training loss"),
            (lambda g, m, q: np.log(1 + np.exp(m - g) + (q - 1) * np.exp(-g)), "one answer too"),
            (lambda g, m, q: -checks.test_loss(g, m, q), "minus that"),
            (lambda g, m, q: np.log(1 + np.exp(m - g)), "a chance that is not 0"),
            (lambda g, m, q: checks.test_loss(g, m, q) / np.log(2), "in bits"),
        ],
    ),
    "split": (
        {},
        [checks.split, lambda g, m, k: np.exp(2 * np.log(m / g) / (2 / k - 1))],
        [
            (lambda g, m, k: (g / m) ** (2 * k / (2 - k)), "this is w_M / w_G"),
            (lambda g, m, k: m / g, "prefactors"),
            (lambda g, m, k: (m / g) ** k, "both penalties are equal"),
            (lambda g, m, k: (m / g) ** (k / (2 - k)), "norms squared"),
            (lambda g, m, k: 8.0, "too large"),
        ],
    ),
    "depth": (
        {},
        [2, 2.0],
        [(1, "a parabola"), (1.2, "which share"), (np.inf, "ends earlier"), (0.5, "too small")],
    ),
    "critical": (
        {},
        [checks.critical, lambda c, g: g * g / c / c],
        [
            (lambda c, g: g / c, "the root of D"),
            (lambda c, g: (c / g) ** 2, "upside down"),
            (lambda c, g: g / c**2, "squared too"),
            (400, "a function is wanted"),
        ],
    ),
    "half": (
        {"share": SHARE, "sizes": SIZES},
        [HALF, np.float32(HALF), 316],
        [
            (np.log(HALF), "take the exponential"),
            (2.5, "the power of ten"),
            (1.5, "a place in"),
            (550, "too large"),
            (100, "too small"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(checks.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(checks.check.exercises) == lessons()[5].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in checks.check.exercises.values())


def test_answers_are_those_of_the_theory():
    for case in checks.WEIGHTS:
        assert checks.test_loss(*case) == pytest.approx(theory.nats_on_test(*case))
    for case in checks.NORMS:
        assert 1 / checks.split(*case) == pytest.approx(theory.weight_ratio(*case))
