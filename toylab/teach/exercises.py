"""Exercises: what is wrong with an answer, in words, and hints in steps that do not give it away.

A lesson's ``checks.py`` makes one :class:`Checks`, and the notebook calls it:

    check("kept", kept, W=W)
"""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from toylab.errors import ToylabError, nearest
from toylab.teach.order import tell_order

REPORT = "TOYLAB_COURSE_REPORT"  # a file that every check appends a line to, for tests and grades
Judge = Callable[..., str | None]


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One question of a lesson.

    Attributes:
        name: as the notebook calls it.
        judge: ``judge(answer, **given)`` says what is wrong, in a sentence, or None.
        hints: one more of them is shown with each wrong answer.
    """

    name: str
    judge: Judge
    hints: tuple[str, ...]


@dataclasses.dataclass(frozen=True, repr=False)
class Judged:
    """Whether an answer is right; true or false, and silent in a notebook, which has read it."""

    right: bool

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return "right" if self.right else "wrong"

    def _ipython_display_(self) -> None:
        pass


class Checks:
    """The exercises of a lesson; call it with the name of one and an answer.

    Args:
        *exercises: in the lesson's order.

    Example:
        >>> def four(answer):
        ...     return wrong_number(answer, 4)
        >>> check = Checks(Exercise("sum", four, ("Count on your fingers.",)))
        >>> check("sum", 5)
        ✗ sum: 5 is too large.
          Hint 1 of 1: Count on your fingers.
        wrong
        >>> check("sum", 4.0)
        ✓ sum
        right
    """

    def __init__(self, *exercises: Exercise):
        self.exercises = {exercise.name: exercise for exercise in exercises}
        self._tries = dict.fromkeys(self.exercises, 0)
        tell_order()

    def __call__(self, name: str, answer: Any, **given: Any) -> Judged:
        """Print what is wrong with an answer and the next hint; return whether it is right.

        Args:
            name: of the exercise.
            answer: the student's.
            **given: what of the lesson the judge needs to know, such as trained weights.

        Raises:
            ToylabError: no such exercise.
        """
        if name not in self.exercises:
            raise ToylabError(f"No exercise {name!r}: {nearest(name, self.exercises)}")
        exercise = self.exercises[name]
        problem = "not answered yet." if answer is ... else _judged(exercise, answer, given)
        self._report(name, problem)
        if problem is None:
            print(f"✓ {name}")
            return Judged(True)
        print(f"✗ {name}: {problem}")
        shown = min(self._tries[name], len(exercise.hints) - 1)
        if exercise.hints:
            print(f"  Hint {shown + 1} of {len(exercise.hints)}: {exercise.hints[shown]}")
        self._tries[name] += answer is not ...
        return Judged(False)

    def _report(self, name: str, problem: str | None) -> None:
        if path := os.environ.get(REPORT):
            with open(path, "a", encoding="utf-8") as file:
                line = {"exercise": name, "right": problem is None, "problem": problem}
                file.write(json.dumps(line) + "\n")


def _judged(exercise: Exercise, answer: Any, given: dict[str, Any]) -> str | None:
    try:
        return exercise.judge(answer, **given)
    except Exception as error:  # an answer of a kind that the judge did not think of
        return f"it cannot be judged ({type(error).__name__}: {error})."


def wrong_number(answer: Any, want: float, tol: float = 1e-6, unit: str = "") -> str | None:
    """Say what is wrong with a number, but not what it should be.

    Args:
        answer: the student's.
        want: the right one.
        tol: how far from it is right, in its own unit.
        unit: named where the answer is no number.
    """
    try:
        value = float(np.asarray(answer))
    except (TypeError, ValueError):
        of = f" of {unit}" if unit else ""
        return f"{_kind(answer)} came; a number{of} is wanted."
    if not np.isfinite(value):
        return f"{value} is not finite."
    if abs(value - want) <= tol:
        return None
    if want and abs(value + want) <= tol:
        return f"{value:.4g} has the wrong sign."
    return f"{value:.4g} is too {'large' if value > want else 'small'}."


def wrong_array(answer: Any, want: Any, tol: float = 1e-5, axes: str = "") -> str | None:
    """Say what is wrong with an array: its kind, its shape, or where it is furthest off.

    Args:
        answer: the student's.
        want: the right one.
        tol: largest difference of an entry.
        axes: the axes in words, as in "density, feature".
    """
    want = np.asarray(want)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return f"{_kind(answer)} came; an array of shape {want.shape} is wanted."
    if value.shape != want.shape:
        named = f" ({axes})" if axes else ""
        return f"the shape is {value.shape}; {want.shape}{named} is wanted."
    off = np.abs(value - want)
    if not np.isfinite(value).all():
        return f"{int((~np.isfinite(value)).sum())} entries are not finite."
    if off.max(initial=0.0) <= tol:
        return None
    place = np.unravel_index(off.argmax(), off.shape)
    told = f"entry {tuple(map(int, place))}" if want.ndim else "it"
    way = "large" if value[place] > want[place] else "small"
    return f"{told} is {value[place]:.4g}, which is too {way}."


def wrong_function(
    answer: Any, cases: Sequence[tuple[Any, ...]], right: Callable[..., Any], tol: float = 1e-5
) -> str | None:
    """Say what is wrong with a function, tried on cases beside the right one.

    Args:
        answer: the student's.
        cases: arguments to try.
        right: the right function.
        tol: largest difference of an entry.
    """
    if not callable(answer):
        return f"{_kind(answer)} came; a function is wanted."
    for arguments in cases:
        try:
            value = answer(*arguments)
        except Exception as error:
            return f"it raises {type(error).__name__}: {error}"
        if value is ... or value is None:
            return "it returns nothing yet."
        problem = wrong_array(value, right(*arguments), tol)
        if problem:
            shapes = ", ".join(str(np.shape(a)) for a in arguments)
            return f"on an argument of shape {shapes} {problem}"
    return None


def _kind(answer: Any) -> str:
    return {"function": "a function", "NoneType": "nothing"}.get(
        type(answer).__name__, f"a {type(answer).__name__}"
    )
