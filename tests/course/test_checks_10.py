"""Checks of lesson 10: plausible wrong answers are refused with a reason, right ones taken."""

import dataclasses

import numpy as np
import pytest

import toylab as tl
from tests.course.cases import tells_right_from_wrong
from toylab.course.lesson_10_your_claim import checks as tenth
from toylab.teach.lessons import lessons

HIDDEN, LINEAR = (tl.table("ends").filter(population=name) for name in ("hidden", "linear"))
GAIN = LINEAR.value("loss") - HIDDEN.value("loss")
CONTROL = (tl.Condition("no linear model", LINEAR.value("loss"), tl.Expect.above(0.6)),)
HALF = tl.Expect.above(0.5)
TEXT = "The loss is lower with a hidden layer."


def claim(reading=GAIN, expect=HALF, control=CONTROL, text=TEXT):
    """A student's claim."""
    bar = "theory: a guess costs 0.69 nats"
    return tl.Claim("hidden_layer", text, "this course", reading, expect, bar, control=control)


LEVEL = claim(HIDDEN.value("loss"), tl.Expect.below(0.069))
FRESH = tl.judge_all([LEVEL], tenth.LEARNS)[0]
ASIDE = dataclasses.replace(FRESH, estimate=FRESH.high + 1)
CASES = {
    "odd": (
        {},
        [tenth.odd, lambda b, k: (np.asarray(b)[:, :k].prod(1) < 0).astype(int)],
        [
            (lambda b, k: 1 - tenth.odd(b, k), "odd and even are exchanged"),
            (lambda b, k: (b[:, :k] < 0).sum(1), "this counts"),
            (lambda b, k: tenth.odd(b, b.shape[1]), "all bits are counted"),
            (lambda b, k: tenth.odd(b, k).mean(), "the shape is ()"),
        ],
    ),
    "reading": (
        {},
        [GAIN, -(HIDDEN.value("loss") - LINEAR.value("loss"))],
        [
            (HIDDEN.value("loss") - LINEAR.value("loss"), "the sign is wrong"),
            (HIDDEN.value("loss"), "too"),
            (0.69, "a reading is wanted"),
            (tl.table("end").value("loss"), "cannot be read"),
        ],
    ),
    "claim": (
        {},
        [claim(), LEVEL],
        [
            (claim(expect=tl.Expect.above(-1)), "must be able to fail"),
            (claim(expect=tl.Expect.above(5)), "on eight networks that learned it says"),
            (claim(control=()), "it has no control"),
            (
                claim(
                    HIDDEN.value("loss"),
                    tl.Expect.below(0.069),
                    (tl.Condition("any", LINEAR.value("loss"), tl.Expect.above(0)),),
                ),
                "reproduced still",
            ),
            (claim(text="Better"), "a sentence"),
            (GAIN, "a tl.Claim is wanted"),
        ],
    ),
    "verdict": (
        {"claim": LEVEL, "measures": tenth.LEARNS},
        [FRESH, tl.judge_all((LEVEL,), tenth.LEARNS)[0]],
        [
            (FRESH.verdict, "take the whole verdict"),
            ([FRESH], "a list of one"),
            (tl.judge_all([LEVEL], tenth.FAILS)[0], "of another claim, or of other measures"),
        ],
    ),
    "holds": (
        {"published": FRESH, "fresh": ASIDE},
        [False, np.False_],
        [(True, "*published* interval"), ("no", "True or False"), (0.0, "True or False")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_check_tells_right_from_wrong(name, capsys):
    tells_right_from_wrong(tenth.check, name, *CASES[name], capsys)


def test_every_exercise_has_a_case_and_hints():
    assert list(tenth.check.exercises) == lessons()[10].exercises == list(CASES)
    assert all(len(exercise.hints) >= 2 for exercise in tenth.check.exercises.values())
