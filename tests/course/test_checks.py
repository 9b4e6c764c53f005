"""Every check refuses plausible wrong answers, says why, and takes right ones in other forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_01_superposition import checks as first
from toylab.course.lesson_03_evidence import checks as third
from toylab.errors import ToylabError
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(3)
W = RNG.normal(size=(4, 3, 2, 5))  # network, density, dimension, feature
LOSS = np.array([1.0, 1.04, 1.2, 2.0])
TURNS = 2 * np.pi * np.arange(5) / 5
PENTAGON = np.stack([np.cos(TURNS), np.sin(TURNS)])


def t_ends(values, factor=None, ddof=1):
    """An interval with a factor in place of Student's."""
    n = len(values)
    factor = stats.t.ppf(0.975, n - 1) if factor is None else factor
    half = factor * np.std(values, ddof=ddof) / np.sqrt(n)
    return np.array([np.mean(values) - half, np.mean(values) + half])


CASES = {  # lesson, exercise, what it is given: right answers; wrong ones with what is said of them
    (1, "lengths"): (
        {},
        [lambda W: jnp.linalg.norm(jnp.asarray(W), axis=0), lambda W: (W.T @ W).diagonal() ** 0.5],
        [
            (lambda W: (W**2).sum(0), "squared lengths"),
            (lambda W: np.linalg.norm(W, axis=1), "lengths of the rows"),
            (lambda W: np.linalg.norm(W), "the shape is ()"),
            (lambda W: abs(W).sum(0), "too large"),
        ],
    ),
    (1, "kept"): (
        {"W": W},
        [first.kept_of(W), list(first.kept_of(W))],
        [
            ((np.linalg.norm(W, axis=2) > 0.5).sum(-1), "(4, 3); (3,) (density) is wanted"),
            ((np.linalg.norm(W, axis=2) > 0.5).sum(-1).mean(1), "one number per network"),
            ((np.linalg.norm(W, axis=2) > 1).sum(-1).mean(0), "too small"),
        ],
    ),
    (1, "crowding"): (
        {},
        [lambda W: np.asarray(jnp.asarray(first.crowding(W)))],
        [
            (lambda W: first.crowding(W) + 1, "with itself is counted"),
            (
                lambda W: ((W.T @ W) ** 2).sum(1) - (W**2).sum(0) ** 2,
                "products of columns with their lengths left in",
            ),
            (lambda W: W.T @ W, "the shape is"),
        ],
    ),
    (1, "angle"): (
        {},
        [np.cos(1.2566), 0.309, (5**0.5 - 1) / 4],
        [(72, "this is the angle"), (1.2566, "this is the angle"), (-0.309, "wrong sign"),
         (0.809, "too large")],
    ),
    (1, "by_hand"): (
        {},
        [(1.18 * PENTAGON, np.full(5, -0.3)), (1.2 * PENTAGON[:, ::-1], [-0.33] * 5)],
        [
            (PENTAGON, "give a pair" if len(PENTAGON) != 2 else "W has shape"),
            ((PENTAGON, np.zeros(4)), "b has shape (4,)"),
            ((PENTAGON, np.zeros(5)), "its loss is"),
            ((np.eye(2, 5), np.zeros(5)), "dropping three gives 0.2000"),
        ],
    ),
    (3, "share"): (
        {"loss": LOSS},
        [0.5, np.float32(0.5)],
        [(2, "a number of networks"), (0.25, "too small"), (0.75, "too large")],
    ),
    (3, "interval"): (
        {},
        [t_ends, lambda v: list(t_ends(v)), lambda v: stats.t.interval(
            0.95, len(v) - 1, np.mean(v), stats.sem(v))],
        [
            (lambda v: t_ends(v, 1.96), "five of them need Student's t"),
            (lambda v: t_ends(v, ddof=0), "divides by n"),
            (lambda v: t_ends(v, stats.t.ppf(0.95, len(v) - 1)), "5% lie outside on each side"),
            (lambda v: np.mean(v), "the shape is ()"),
        ],
    ),
    (3, "lucky"): (
        {},
        [0.8**5, 0.328, np.float32(0.32768)],
        [(0.2**5, "too small"), (0.8 * 5, "too large"), (5 * 0.2 * 0.8**4, "exactly one failure")],
    ),
    (3, "all_five"): (
        {},
        [0.025**0.2, 0.4782],
        [(0.05**0.2, "leaves 5% on one side"), (1, "would never fail"), (0.975, "too large")],
    ),
    (3, "enough"): (
        {},
        [14, 14.0],
        [(13, "still 5.5%"), (13.425, "too small"), (20, "too large")],
    ),
    (3, "verdict"): (
        {},
        [third.decide],
        [
            (lambda low, high, bar: third.VERDICTS[2 * (high >= bar)], "[0.4, 0.6]"),
            (lambda low, high, bar: low >= bar, "none of the three words"),
            (lambda low, high, bar: "inconclusive", "it says 'inconclusive'"),
            (lambda low, high: "reproduced", "it raises TypeError"),
        ],
    ),
    (3, "coverage"): (
        {},
        [[0.66, 0.83, 0.85], np.array([0.67, 0.84, 0.86])],
        [([0.95, 0.95, 0.95], "too large"), ([0.34, 0.17, 0.15], "too small"),
         ([0.66, 0.83], "the shape is (2,)")],
    ),
}  # fmt: skip
MODULES = {1: first, 3: third}


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{name}" for n, name in CASES])
def test_a_check_tells_right_from_wrong(case, capsys):
    number, name = case
    tells_right_from_wrong(MODULES[number].check, name, *CASES[case], capsys)


def test_every_exercise_has_a_case_and_hints():
    for number, module in MODULES.items():
        each, check = lessons()[number], module.check
        assert list(check.exercises) == each.exercises
        assert {name for number, name in CASES if number == each.number} == set(each.exercises)
        assert all(len(exercise.hints) >= 2 for exercise in check.exercises.values())
    with pytest.raises(ToylabError, match="No exercise"):
        first.check("nothing", 1)
