"""Checks of lesson 9: plausible wrong answers are refused with a reason, right ones taken."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_09_dictionaries import checks as ninth
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(2)
T = np.linalg.qr(RNG.normal(size=(16, 16)))[0][:12]
DECODERS = np.array([np.concatenate([T, RNG.normal(size=(4, 16)) / 4]) for _ in range(3)])
PARENT = RNG.random(300) < 0.5
CHILD = PARENT & (RNG.random(300) < 0.5)
CODES = RNG.random((4, 3, 300)) - np.linspace(0, 1, 12).reshape(4, 3, 1) * CHILD
TABLE = np.array([[ninth.firing_index(c, PARENT, CHILD) for c in row] for row in CODES])


def cosines(T, D):
    """By loops, as an oracle."""
    return np.array([[t @ d / (t @ t * (d @ d)) ** 0.5 for d in D] for t in T])


def best(T, D):
    """MMCS of the oracle's cosines."""
    return abs(cosines(T, D)).max(1).mean()


def agreement(same):
    """Mean over ordered pairs, with or without those of a dictionary with itself."""
    pairs = [(i, j) for i in range(3) for j in range(3) if same or i != j]
    return np.mean([best(DECODERS[i], DECODERS[j]) for i, j in pairs])


def rates(code, first, second):
    """How often a latent fires on the first mask, less on the second."""
    return (code > 0)[first].mean() - (code > 0)[second].mean()


DRAWS = [RNG.normal(size=(16, 16)) for _ in range(300)]
CASES = {
    "mmcs": (
        {},
        [best, lambda T, D: float(jnp.asarray(best(T, D)))],
        [
            (lambda T, D: best(D, T), "asks of each latent"),
            (lambda T, D: cosines(T, D).max(1).mean(), "points the other way"),
            (lambda T, D: abs(cosines(T, D)).mean(), "mean of all cosines"),
            (lambda T, D: abs(T @ D.T).max(1).mean(), "lengths left in"),
            (lambda T, D: abs(cosines(T, D)).max(1), "one number per feature"),
        ],
    ),
    "null": (
        {"T": T, "latents": 16},
        [np.mean([best(T, D) for D in DRAWS]), 0.5],
        [
            (np.mean([abs(cosines(T, D)).mean() for D in DRAWS]), "not the best"),
            (np.mean([cosines(T, D).max(1).mean() for D in DRAWS]), "take absolute values"),
            (0.25, "one random cosine"),
            (0, "too small"),
            (1, "too large"),
        ],
    ),
    "agreement": (
        {"decoders": DECODERS},
        [agreement(False), np.float32(agreement(False))],
        [
            (agreement(True), "compared with itself"),
            (1, "too large"),
            (0.2, "too small"),
        ],
    ),
    "index": (
        {},
        [lambda c, p, k: rates(c, p & ~k, p & k), lambda c, p, k: jnp.asarray(
            rates(c, np.logical_and(p, ~k), np.logical_and(p, k)))],
        [
            (lambda c, p, k: rates(c, p & k, p & ~k), "the sign is turned"),
            (lambda c, p, k: c[p & ~k].mean() - c[p & k].mean(), "mean values of the code"),
            (lambda c, p, k: rates(c, ~k, k), "without the parent are counted"),
            (lambda c, p, k: rates(c, p, p & k), "take those without the child"),
        ],
    ),
    "by_price": (
        {"codes": CODES, "parent": PARENT, "child": CHILD},
        [TABLE.mean(1), list(TABLE.mean(1))],
        [
            (TABLE, "(4, 3); (4,) (price) is wanted"),
            (TABLE.mean(0), "average over seeds"),
            (-TABLE.mean(1), "too small"),
            (TABLE[:, 0], "too small"),
        ],
    ),
    "saved": (
        {},
        [1 - 2**-0.5, 0.293, np.float32(0.2929)],
        [
            (2**0.5, "absorbed price"),
            (2**-0.5, "share of the price is left"),
            (2 - 2**0.5, "in units of lambda"),
            (0.5, "longer than 1"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(ninth.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(ninth.check.exercises) == lessons()[9].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in ninth.check.exercises.values())
