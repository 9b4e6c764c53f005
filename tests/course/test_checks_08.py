"""Checks of lesson 8: plausible wrong answers are refused with a reason, right ones taken."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_08_in_context import checks as eighth
from toylab.tasks.in_context.markov_chains import MarkovChains
from toylab.teach.lessons import lessons

RNG = np.random.default_rng(5)
TARGETS = RNG.integers(0, 3, (6, 8))
UNIGRAM, BIGRAM = RNG.dirichlet([20] * 3, (6, 8)), RNG.dirichlet([20] * 3, (6, 8))
HIT = np.eye(3)[TARGETS].astype(bool)
BIGRAM = 0.5 * BIGRAM + 0.5 * HIT  # it knows more
NATS = -np.log(UNIGRAM[HIT]).mean() + np.log(BIGRAM[HIT]).mean()
STEPS = np.array([0, 40, 80, 120])
TO_BIGRAM = np.array([[0.3, 0.2, 0.1, 0.0], [0.3, 0.1, 0.0, 0.0], [0.4, 0.3, 0.3, 0.3]])
TO_UNIGRAM = np.array([[0.2, 0.1, 0.2, 0.3], [0.2, 0.2, 0.2, 0.2], [0.2, 0.1, 0.1, 0.1]])
LOSS = np.linspace(1.1, 0.8, 48) + RNG.normal(size=(4, 48)) / 50
EARLY, LATE = LOSS[:, :10].mean(1), LOSS[:, -10:].mean(1)
CLEAN, EDITED, BAR = np.array([0.92, 0.93]), np.array([1.0, 1.06]), 1.02


class Spy:
    """A batch, as far as the task's counters look."""

    def __init__(self, x):
        self.inputs = jnp.asarray(x)[None]
        self.targets = jnp.roll(self.inputs, -1, 1)


def of_task(x):
    """The task's own bigram counter."""
    return MarkovChains(3, len(x)).bigram(Spy(x))[0]


def followed(x, t, pseudo=1.0, shift=0):
    """Counts of what followed x[t], from the first places of x."""
    counts = np.full(3, pseudo)
    for i in range(min(t + shift, len(x) - 1)):
        if x[i] == x[t]:
            counts[x[i + 1]] += 1
    return counts / counts.sum() if counts.sum() else np.full(3, 1 / 3)


def rows(**how):
    """A counter with a mistake."""
    return lambda x: np.array([followed(x, t, **how) for t in range(len(x))])


def states_alone(x):
    """The unigram counter."""
    return np.array([(np.bincount(x[: t + 1], minlength=3) + 1) / (t + 4) for t in range(len(x))])


CASES = {
    "by_hand": (
        {},
        [4 / 7, 0.5714],
        [(3 / 4, "the share so far"), (4 / 5, "in the sum below"), (3 / 7, "missing above"),
         (1 / 3, "too small")],
    ),
    "bayes": (
        {},
        [rows(), of_task],
        [
            (states_alone, "ignores what they follow"),
            (rows(pseudo=0.0), "pseudo-counts are missing"),
            (rows(shift=-1), "count it too"),
            (rows(shift=1), "the step that is to be predicted"),
            (lambda x: followed(x, len(x) - 1), "(20, 3) is wanted"),
            (lambda x: np.tile(followed(x, len(x) - 1), (len(x), 1)), "every row is the last one"),
        ],
    ),
    "worth": (
        {"unigram": UNIGRAM, "bigram": BIGRAM, "targets": TARGETS},
        [NATS, np.float32(NATS)],
        [
            (NATS / np.log(2), "these are bits"),
            (-NATS, "wrong sign"),
            (-np.log(BIGRAM[HIT]).mean(), "of the bigram counter alone"),
            (np.log(BIGRAM[HIT].mean() / UNIGRAM[HIT].mean()), "the logarithm first"),
            (8 * NATS, "per sequence"),
        ],
    ),
    "crossing": (
        {"steps": STEPS, "to_unigram": TO_UNIGRAM, "to_bigram": TO_BIGRAM},
        [[80, 40, np.inf], np.array([80.0, 40, np.inf])],
        [
            ([2, 1, np.inf], "places in `steps`"),
            ([80, 40, 0], "np.inf is for those"),
            ([0, 0, 0], "nearer to the *unigram*"),
            ([80, 80, np.inf], "entry (1,) is 80, which is too large"),
            (80, "the shape is"),
        ],
    ),
    "learned": (
        {"loss": LOSS},
        [LATE - EARLY, list(LATE - EARLY)],
        [
            (EARLY - LATE, "the sign is wrong"),
            (LATE, "the late loss alone"),
            (LOSS[:, -1] - LOSS[:, 0], "single places are noisy"),
            ((LATE - EARLY).mean(), "one number for each"),
        ],
    ),
    "needed": (
        {"clean": CLEAN, "edited": EDITED, "unigram": BAR},
        [(EDITED - CLEAN) / (BAR - CLEAN), [0.8, 1.4444]],
        [
            (EDITED - CLEAN, "the rise in nats"),
            (EDITED / CLEAN, "has no zero"),
            ((BAR - EDITED) / (BAR - CLEAN), "0 for one that lost nothing"),
            ((EDITED - CLEAN) / BAR, "not by unigram alone"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(eighth.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(eighth.check.exercises) == lessons()[8].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in eighth.check.exercises.values())
