"""Checks of lesson 6: plausible wrong answers are refused with a reason, right ones taken."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_06_attention import checks as sixth
from toylab.teach.lessons import lessons

SCORES = np.zeros((3, 2, 2))
SCORES[2, 1, 0] = 0.9
RNG = np.random.default_rng(0)
PARTS = {"W_E": (5, 4), "W_V": (4, 2), "W_O": (2, 4), "W_U": (4, 5)}
MATRICES = {name: RNG.normal(size=shape) for name, shape in PARTS.items()}
FULL = MATRICES["W_E"] @ MATRICES["W_V"] @ MATRICES["W_O"] @ MATRICES["W_U"]
COPIES = np.eye(5) + 2 * np.eye(5)[[0, 1, 2, 2, 2]]
CASES = {
    "previous": (
        {},
        [sixth.previous, lambda p: jnp.diagonal(jnp.asarray(p), -1, 1, 2).mean(-1)],
        [
            (lambda p: sixth.previous(p).mean(), "give one for each"),
            (lambda p: np.diagonal(p, 0, 1, 2).mean(-1), "tokens to themselves"),
            (lambda p: np.diagonal(p, 1, 1, 2).mean(-1), "one place ahead"),
            (lambda p: np.diagonal(p, -2, 1, 2).mean(-1), "too"),
        ],
    ),
    "induction": (
        {},
        [sixth.induction],
        [
            (lambda p, n: np.diagonal(p, -n, 1, 2).mean(-1), "*after* it is the answer"),
            (lambda p, n: np.diagonal(p, 1 - n, 1, 2).mean(-1), "is at place `period`"),
            (lambda p, n: sixth.induction(p, n + 1), "too"),
        ],
    ),
    "best": (
        {"scores": SCORES},
        [(2, 1, 0), np.array([2, 1, 0]), np.unravel_index(10, (3, 2, 2))],
        [
            (10, "counts through the flat array"),
            ((2, 1), "three whole numbers"),
            ((1, 1, 0), "scores 0.00"),
            ((3, 1, 0), "outside of the table"),
        ],
    ),
    "ov": (
        MATRICES,
        [FULL, jnp.asarray(FULL, jnp.float32)],
        [
            (FULL.T, "rows and columns are exchanged"),
            (MATRICES["W_V"] @ MATRICES["W_O"], "from tokens to logits"),
            (MATRICES["W_E"] @ MATRICES["W_U"], "too"),
        ],
    ),
    "copies": (
        {"full": COPIES},
        [(COPIES.argmax(1) == np.arange(5)).mean(), 0.6],
        [
            (3, "a number of tokens"),
            (0.2, "too small"),
            ("most", "one number is wanted"),
            (0.9, "too large"),
        ],
    ),
    "noising": (
        {},
        [lambda p, c, k: (c - p) / (c - k)],
        [
            (lambda p, c, k: (p - k) / (c - k), "this is denoising"),
            (lambda p, c, k: (p - c) / (c - k), "the sign is wrong"),
            (lambda p, c, k: p - c, "divide by the gap"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(sixth.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(sixth.check.exercises) == lessons()[6].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in sixth.check.exercises.values())
