"""Checks of lesson 2: two features in one dimension."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function

CASES = [(0.1, 0.3), (0.5, 0.3), (0.5, 1.0), (0.9, 0.1), (1.0, 0.6)]


def best_of(W: Any, loss: Any) -> Any:
    """Length of the second feature in the network of least loss, by density and importance."""
    length = np.abs(np.asarray(W, float)[..., 1])
    winner = np.asarray(loss, float).argmin(0)
    return np.take_along_axis(length, winner[None], 0)[0]


def dropped(s: Any, r: Any) -> Any:
    """Loss of keeping the first feature alone, with the best bias for the other."""
    return r * (s / 3 - s**2 / 4)


def shared(s: Any, r: Any) -> Any:
    """Loss of the antipodal pair of length 1 without biases."""
    return (1 + r) * s**2 / 6


def boundary(r: Any) -> Any:
    """Density at which the two are equal."""
    return 4 * r / (2 + 5 * r)


def window_of(after: Any, densities: Any) -> Any:
    """Least and greatest density at which networks are where they began."""
    after, densities = np.asarray(after, float), np.asarray(densities, float)
    both = (after[0].mean(0) > 0.5) & (after[1].mean(0) <= 0.5)
    return np.array([densities[both].min(), densities[both].max()])


def same(answer: Any, wrong: Any, tol: float = 1e-6) -> bool:
    """Whether an answer is an array that equals a known mistake."""
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return False
    return value.shape == np.shape(wrong) and bool(np.allclose(value, wrong, atol=tol))


def told_of_function(
    answer: Any,
    cases: list[tuple[float, ...]],
    right: Callable[..., Any],
    mistakes: tuple[tuple[Callable[..., Any], str], ...],
) -> str | None:
    """Say what is wrong with a function, a known mistake by its name."""
    problem = wrong_function(answer, cases, right)
    if problem and callable(answer):
        for mistake, told in mistakes:
            try:
                if all(same(answer(*case), mistake(*case)) for case in cases):
                    return told
            except Exception:
                return problem
    return problem


def judge_best(answer: Any, W: Any, loss: Any) -> str | None:
    """A length for each density and importance, of the best network."""
    length = np.abs(np.asarray(W, float)[..., 1])
    want = best_of(W, loss)
    if not same(answer, want):
        for wrong, told in (
            (length.mean(0), "these are means over networks; they mix two solutions."),
            (length.max(0), "this is the longest of the networks, not that of least loss."),
            (np.asarray(loss, float).argmin(0), "these say which network is best, not its length."),
            (np.asarray(loss, float).min(0), "these are losses; a length is asked for."),
        ):
            if same(answer, wrong):
                return told
        if same(np.abs(answer) if np.shape(answer) == want.shape else answer, want):
            return "a length has no sign."
    return wrong_array(answer, want, 1e-5, "density, importance")


def judge_dropped(answer: Any) -> str | None:
    """A function of s and r."""
    return told_of_function(
        answer,
        CASES,
        dropped,
        (
            (lambda s, r: r * s / 3, "this has a bias of 0; a small constant does better."),
            (lambda s, r: s / 3 - s**2 / 4, "the second feature's error weighs r."),
            (lambda s, r: r * s / 12, "the variance of a feature that is on, times its chance; "
             "that it may be off adds to the variance."),
        ),
    )  # fmt: skip


def judge_shared(answer: Any) -> str | None:
    """A function of s and r."""
    return told_of_function(
        answer,
        CASES,
        shared,
        (
            (lambda s, r: (1 + r) * s / 6, "both must be on; how likely is that?"),
            (lambda s, r: s**2 / 6, "both outputs are wrong when both features are on."),
            (
                lambda s, r: (1 + r) * s**2 / 3,
                "the error is the lesser of the two values; its mean square is not 1/3.",
            ),
            (lambda s, r: (1 + r) * s**2 / 9, "the mean of a square is not the mean squared."),
        ),
    )


def judge_boundary(answer: Any) -> str | None:
    """A function of r."""
    cases = [(0.1,), (0.3,), (0.6,), (1.0,)]
    return told_of_function(
        answer,
        cases,
        boundary,
        (
            (lambda r: 2 * r / (1 + r), "here features are dropped with a bias of 0."),
            (lambda r: 0 * r, "at density 0 both are 0; find the other one."),
            (lambda r: 1 / boundary(r), "this is upside down: a density is below 1."),
        ),
    )


def judge_triple(answer: Any) -> str | None:
    """Importance and density at which three phases meet."""
    want = np.array([1, 4 / 7])
    if same(answer, want[::-1], 0.01):
        return "importance first, then density."
    return wrong_array(answer, want, 0.006, "importance, density")


def judge_window(answer: Any, after: Any, densities: Any) -> str | None:
    """The two ends of the densities at which networks are where they began."""
    want, steps = window_of(after, densities), np.asarray(densities, float)
    if want[0] < want[1] and same(answer, want[::-1]):
        return "the lower end comes first."
    for wrong, told in (
        (np.searchsorted(steps, want), "these are places in `FINE`; give densities."),
        (want[1] - want[0], "this is the width of the window; give its two ends."),
    ):
        if same(answer, wrong):
            return told
    problem = wrong_array(answer, want, 1e-4, "lowest, highest")
    try:
        if problem and (not np.isin(np.round(answer, 4), np.round(steps, 4)).all()):
            return f"{problem[:-1]}; both ends are densities of `FINE`."
    except (TypeError, ValueError):
        pass
    return problem


check = Checks(
    Exercise(
        "best",
        judge_best,
        (
            "argmin along the axis of networks says which is best for each density and importance.",
            "A length is the absolute value of W[..., 1].",
            "np.take_along_axis picks with an array of places; both must have as many axes.",
        ),
    ),
    Exercise(
        "dropped",
        judge_dropped,
        (
            "The best constant is the mean of x_2, and the error is then its variance.",
            "The mean of x_2 is s/2. What is the mean of its square?",
        ),
    ),
    Exercise(
        "shared",
        judge_shared,
        (
            "When one feature is on alone, both outputs are right. So what is the chance of an "
            "error?",
            "With both on, x_1 - x_2 passes one ReLU and x_2 - x_1 the other. How far is each "
            "output from its target?",
            "The mean square of the lesser of two uniform numbers: its density is 2 (1 - t).",
        ),
    ),
    Exercise(
        "boundary",
        judge_boundary,
        (
            "Set dropped(s, r) equal to shared(s, r); one factor s cancels.",
            "What is left is linear in s.",
        ),
    ),
    Exercise(
        "triple",
        judge_triple,
        (
            "Where are dropping the first and dropping the second feature equally good?",
            "The third phase is equally good on your boundary.",
        ),
    ),
    Exercise(
        "window",
        judge_window,
        (
            "Two conditions per density: the mean of after[0] above 1/2, that of after[1] not.",
            "The mean is over the four networks, the first axis of after[0].",
            "FINE[mask] are the densities at which both hold; take the ends.",
        ),
    ),
)
