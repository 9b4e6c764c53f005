"""Lesson 4: every check refuses plausible wrong answers, says why, and takes right ones."""

import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_04_grokking import checks
from toylab.tasks.grokking.theory import fourier
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(3)
STEP = np.array([10, 20, 30, 40])
TRAIN = np.array([[0.1, 0.95, 1, 1], [0.95, 1, 1, 1]]).T  # record, network
TEST = np.array([[0, 0.1, 0.2, 0.95], [0, 0.1, 0.9, 1]]).T
TIMES = np.array([[20, 40], [10, 30]])
U = RNG.normal(size=(3, 31, 8)) + 2  # network, number, neuron
RESTRICTED = np.array([[3.5, 3.0, 1.0, 0.1], [3.4, 1.5, 1.0, 0.1]]).T
EARLY = np.array([0.75, 2 / 3])
ANGLE = 2 * np.pi * np.arange(31) / 31
ALPHA, BETA = RNG.random((2, 900)) * 2 * np.pi


FREQUENCY = RNG.integers(1, 16, 900)


def by_hand(k=FREQUENCY, sign=1, right=1):
    """Weights with random phases that compute right * (x + sign y)."""
    k = np.broadcast_to(k, 900)
    U, V = np.cos(k * ANGLE[:, None] + ALPHA), np.cos(sign * k * ANGLE[:, None] + BETA)
    return U, V, np.cos(right * k[:, None] * ANGLE + (ALPHA + BETA)[:, None])


def nine(k):
    """Weights of nine neurons of one frequency, whose phases cancel all that disturbs."""
    turn = 2 * np.pi * np.arange(3) / 3
    alpha, beta = (a.ravel() for a in np.meshgrid(turn, turn))
    U, V = (np.cos(k * ANGLE[:, None] + phase) for phase in (alpha, beta))
    return U, V, 9 * np.cos(k * ANGLE + (alpha + beta)[:, None])


def distance(z, which, sign=1, total=False):
    """A slow mean (or sum) per distance sign (c - x - y)."""
    p, found = len(z), np.zeros(len(z))
    for x, y in zip(*np.nonzero(which), strict=True):
        for c in range(p):
            found[sign * (c - x - y) % p] += z[x, y, c]
    return found if total else found / which.sum()


CASES = {  # exercise, what it is given: right answers; wrong ones with what is said of them
    "times": (
        {"train": TRAIN, "test": TEST, "step": STEP},
        [TIMES, TIMES.tolist()],
        [
            (TIMES[:, ::-1], "training pairs come first"),
            (TIMES.T, "the other way around"),
            (TIMES // 10 - 1, "not steps"),
            (TIMES + 10, "too large"),
            ([20, 40], "(network, 2) is wanted"),
        ],
    ),
    "frequency": (
        {},
        [
            checks.frequency,
            lambda row: max(range(1, 16), key=lambda k: abs(np.exp(1j * k * ANGLE) @ row)),
        ],
        [
            (lambda row: np.abs(np.fft.rfft(row)).argmax(), "the constant"),
            (lambda row: np.abs(np.fft.rfft(row))[1:].argmax(), "1 too low"),
            (lambda row: 31 - checks.frequency(row), "run through backwards"),
            (lambda row: np.abs(np.fft.rfft(row)), "the shape is (16,)"),
        ],
    ),
    "purity": (
        {"U": U},
        [checks.purity_of(U), checks.purity_of(U).tolist()],
        [
            (checks.purity_of(U, skip=0), "the constant is still in"),
            (checks.purity_of(U, power=1), "shares of amplitude"),
            (checks.purity_of(U, axis=2), "over neurons here"),
            (checks.purity_of(U).mean(), "not over the networks"),
            (1 - checks.purity_of(U), "too large"),
        ],
    ),
    "by_hand": (
        {},
        [by_hand(), [part.tolist() for part in by_hand()], nine(1), nine(7)],
        [
            (by_hand()[:2], "three arrays"),
            ((by_hand()[0].T, *by_hand()[1:]), "U has shape"),
            (by_hand(right=-1), "-(x + y)"),
            (by_hand(sign=-1), "x - y"),
            ((np.eye(31), np.eye(31), np.eye(31)), "of the pairs are right"),
        ],
    ),
    "by_distance": (
        {},
        [checks.by_distance, distance],
        [
            (lambda z, w: distance(z, np.ones_like(w)), "over all pairs"),
            (lambda z, w: distance(z, ~w), "*not* in"),
            (lambda z, w: distance(z, w, sign=-1), "x + y - c"),
            (lambda z, w: distance(z, w, total=True), "a sum"),
            (lambda z, w: z[w].mean(0), "for each answer c"),
            (lambda z, w: z[w], "the shape is"),
        ],
    ),
    "early": (
        {"restricted": RESTRICTED, "accuracy": TEST, "moments": STEP},
        [EARLY, EARLY.tolist()],
        [
            (1 / EARLY, "upside down"),
            (EARLY * [40, 30], "divide them"),
            ([0.5, 1 / 3], "*half*"),
            (EARLY.mean(), "one number per network"),
            (EARLY / 2, "too small"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(checks.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(checks.check.exercises) == lessons()[4].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in checks.check.exercises.values())


def test_a_network_of_the_rule_alone_has_nothing_excluded():
    exact, rough = ([part[None] for part in weights] for weights in (nine(2), by_hand(2)))
    in_training = RNG.random(31 * 31) < 0.7
    restricted, excluded = checks.progress([exact, rough], [in_training])
    assert excluded[0] == pytest.approx(np.log(31))
    assert restricted[0] < 1 and restricted.shape == (2, 1)
    z = checks.scores_of(*(part[0] for part in exact)).reshape(31 * 31, 31)
    answers = np.add.outer(np.arange(31), np.arange(31)).ravel() % 31
    shares = np.asarray(fourier.cosine_shares(z.astype(np.float32), answers))
    assert shares[1] == pytest.approx(1, abs=1e-4)
