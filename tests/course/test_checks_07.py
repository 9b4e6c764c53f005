"""Checks of lesson 7: plausible wrong answers are refused with a reason, right ones taken."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_07_world import checks as seventh
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(4)
OPEN = RNG.random((4, 50)) < np.array([0.3, 0.5, 0.6, 0.7])[:, None]
SHARE = OPEN.mean(1)
NETWORK, BAG = np.array([[0.9, 1.0, 0.9, 1.0], [0.8, 0.9, 0.9, 1.0]]), np.full(4, 0.7)
UNTRAINED = np.array([[0.6] * 4, [0.75] * 4])
NONE, EDITED = RNG.uniform(1, 3, (2, 20)), RNG.uniform(0, 1, (2, 20))


def counts(moves):
    """By loops, as an oracle."""
    return np.array([[sum(m == token for m in row) for token in range(12)] for row in moves])


def away(times, power=2, k=1):
    """A step along u, with a mistake."""
    return lambda x, u, c: x - times * ((x @ u + k * c) / (u @ u) ** (power / 2))[:, None] * u


def count_errors(p, legal, sign=1):
    """By sets, as an oracle."""
    found = []
    for row, may in zip(np.asarray(p), np.asarray(legal), strict=True):
        wanted = set(np.flatnonzero(may))
        top = set(np.argsort(-sign * row)[: len(wanted)])
        found.append(len(top - wanted) + len(wanted - top))
    return np.array(found)


CASES = {
    "bag": (
        {},
        [counts, lambda moves: jnp.stack([jnp.bincount(row, length=12) for row in moves])],
        [
            (lambda m: np.eye(12)[m].reshape(len(m), -1), "keeps the order"),
            (lambda m: np.eye(12)[m], "add up over the places"),
            (lambda m: np.eye(12)[m].sum(0), "adds up over sequences"),
            (lambda m: np.eye(12)[m[:, -1]], "the last token alone"),
            (lambda m: counts(m) / m.shape[1], "these are shares"),
        ],
    ),
    "majority": (
        {"is_open": OPEN},
        [np.maximum(SHARE, 1 - SHARE), list(abs(SHARE - 0.5) + 0.5)],
        [
            (SHARE, "always says 'open'"),
            (np.minimum(SHARE, 1 - SHARE), "how often the better guess is wrong"),
            (np.maximum(SHARE, 1 - SHARE).mean(), "give one number for each"),
            (OPEN.mean(0), "(4,) (door) is wanted"),
        ],
    ),
    "gain": (
        {"network": NETWORK, "untrained": UNTRAINED, "bag": BAG},
        [[0.25, 0.15], jnp.array([0.25, 0.15])],
        [
            (NETWORK.mean(1) - 0.7, "untrained network is a control too"),
            (NETWORK.mean(1) - UNTRAINED.mean(1), "bag of tokens is a control too"),
            (NETWORK.mean(1) - [0.6, 0.7], "the weaker control"),
            ([-0.25, -0.15], "the sign is wrong"),
            (NETWORK.mean(1), "take the best control's off"),
            (NETWORK - 0.7, "one number per door here"),
        ],
    ),
    "mirror": (
        {},
        [away(2), lambda x, u, k: jnp.asarray(away(2)(x, u, k))],
        [
            (away(1), "ends *on* the plane"),
            (away(-2), "goes away from the plane"),
            (away(2, power=0), "does not have length 1"),
            (away(2, power=1), "the *square* of u's length"),
            (away(2, k=0), "the offset k is missing"),
            (lambda x, u, k: -x, "mirrors in the origin"),
        ],
    ),
    "errors": (
        {},
        [count_errors, lambda p, legal: jnp.asarray(count_errors(p, legal))],
        [
            (lambda p, legal: count_errors(p, legal) / 2, "one kind is missing"),
            (lambda p, legal: count_errors(p, legal, -1), "the *least* probable"),
            (lambda p, legal: ~legal[np.arange(len(p)), p.argmax(1)], "the best move alone"),
            (lambda p, legal: count_errors(p, legal).mean(), "a number for every example"),
        ],
    ),
    "repaired": (
        {"none": NONE, "edited": EDITED},
        [1 - EDITED.mean(1) / NONE.mean(1), (NONE - EDITED).sum(1) / NONE.sum(1)],
        [
            (EDITED.mean(1) / NONE.mean(1), "this share is left"),
            (NONE.mean(1) - EDITED.mean(1), "errors per example"),
            (NONE.mean(1) / EDITED.mean(1) - 1, "errors *without* the edit"),
            (EDITED.mean(1) / NONE.mean(1) - 1, "the sign is wrong"),
            ((1 - EDITED.mean(1) / NONE.mean(1)).mean(), "give one number for each"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(seventh.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(seventh.check.exercises) == lessons()[7].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in seventh.check.exercises.values())
