"""Checks of lesson 5: a circuit that generalises against one that memorises."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function, wrong_number

WEIGHTS = [(0.0, 0.0, 113), (1.0, 5.0, 113), (6.0, 1.0, 113), (3.0, 3.0, 5)]
NORMS = [(1.0, 2.0, 1.2), (1.0, 1.0, 1.2), (2.0, 1.0, 1.2), (1.0, 1.5, 0.8)]
FACTS = [(0.05, 1.0), (0.1, 1.0), (0.05, 2.0)]
FITS, KNOWS = 0.5, 1.0  # nats


def first(true: Any, step: Any, never: float = np.inf) -> Any:
    """Step of the first True along the first axis."""
    return np.where(true.any(0), np.asarray(step, float)[true.argmax(0)], never)


def delay_of(train_nats: Any, test_nats: Any, step: Any) -> Any:
    """Step at which the test loss falls below 1, over that of the training loss below 1/2."""
    fits, knows = np.asarray(train_nats) < FITS, np.asarray(test_nats) < KNOWS
    return first(knows, step) / first(fits, step)


def test_loss(w_g: float, w_m: float, q: int) -> Any:
    """Cross-entropy of a test input."""
    return np.log(1 + np.exp(w_m - w_g) + (q - 2) * np.exp(-w_g))


def split(P_g: float, P_m: float, kappa: float) -> float:
    """Ratio w_G / w_M of least norm for a given sum."""
    return (P_m / P_g) ** (2 * kappa / (2 - kappa))


def critical(c: float, P_g: float) -> float:
    """Number of examples at which both circuits need the same norm."""
    return (P_g / c) ** 2


def half_of(share: Any, sizes: Any) -> float:
    """Size at which a rising share is 1/2, on a log scale."""
    return float(np.exp(np.interp(0.5, share, np.log(sizes))))


def told_of_function(
    answer: Any,
    cases: list[tuple[Any, ...]],
    right: Callable[..., Any],
    mistakes: tuple[tuple[Callable[..., Any], str], ...],
) -> str | None:
    """Say what is wrong with a function, a known mistake by its name."""
    problem = wrong_function(answer, cases, right, 1e-4)
    if problem and callable(answer):
        for mistake, told in mistakes:
            try:
                if all(
                    np.allclose(np.asarray(answer(*case)), mistake(*case), atol=1e-4)
                    for case in cases
                ):
                    return told
            except Exception:
                return problem
    return problem


def judge_delay(answer: Any, train_nats: Any, test_nats: Any, step: Any) -> str | None:
    """A ratio for each network and case, infinite where the test loss stays high."""
    want = delay_of(train_nats, test_nats, step)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return wrong_array(answer, want)
    if value.shape != want.shape:
        return wrong_array(answer, want, axes="network, case")
    if np.isnan(value).any():
        return "some ratios are not a number; where it never gets there, np.inf is wanted."
    never = np.isinf(want)
    if np.isfinite(value[never]).any():
        return "some networks never get below 1 nat; argmax of a row without True is 0."
    if np.isinf(value[~never]).any():
        return "some networks do get there, and you say that they never do."
    fits, knows = np.asarray(train_nats) < FITS, np.asarray(test_nats) < KNOWS
    ended, began = first(knows, step)[~never], first(fits, step)[~never]
    for wrong, told in (
        (began / ended, "this is upside down: the step of the test loss goes on top."),
        (ended - began, "these are differences of steps; a ratio is asked for."),
        (ended, "these are the steps of the test loss; divide by those of the training loss."),
    ):
        if np.allclose(value[~never], wrong, rtol=1e-6):
            return told
    return wrong_array(np.where(never, 0, value), np.where(never, 0, want), 1e-4)


def judge_test_loss(answer: Any) -> str | None:
    """A function of both votes and the number of answers."""
    return told_of_function(
        answer,
        WEIGHTS,
        test_loss,
        (
            (
                lambda g, m, q: np.log(1 + (q - 1) * np.exp(-g - m)),
                "this is the training loss, where both circuits vote for the right answer.",
            ),
            (
                lambda g, m, q: np.log(1 + np.exp(m - g) + (q - 1) * np.exp(-g)),
                "that counts one answer too many: which of the q get no vote?",
            ),
            (
                lambda g, m, q: -test_loss(g, m, q),
                "this is the logarithm of the chance; a loss is minus that.",
            ),
            (
                lambda g, m, q: np.log(1 + np.exp(m - g)),
                "answers without a vote have a logit of 0, and so a chance that is not 0.",
            ),
            (
                lambda g, m, q: test_loss(g, m, q) / np.log(2),
                "this is in bits; nats are asked for.",
            ),
        ),
    )


def judge_split(answer: Any) -> str | None:
    """A function of both norms and the depth."""
    return told_of_function(
        answer,
        NORMS,
        split,
        (
            (lambda g, m, k: 1 / split(g, m, k), "this is w_M / w_G."),
            (lambda g, m, k: m / g, "set derivatives equal, not the penalties' prefactors."),
            (
                lambda g, m, k: (m / g) ** k,
                "here both penalties are equal; at the minimum their derivatives are.",
            ),
            (
                lambda g, m, k: (m / g) ** (k / (2 - k)),
                "the penalty holds the norms squared.",
            ),
        ),
    )


def judge_depth(answer: Any) -> str | None:
    """The depth at which the penalty is no longer convex."""
    try:
        if abs(float(answer) - 1) < 1e-9:
            return "at 1 the penalty is a parabola, which is convex."
        if abs(float(answer) - 1.2) < 1e-9:
            return "this is the depth of the networks above, which share."
        if np.isinf(float(answer)):
            return "it ends earlier: the exponent need not fall to 0."
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, 2, 1e-6, "layers")


def judge_critical(answer: Any) -> str | None:
    """A function of c and P_G."""
    return told_of_function(
        answer,
        FACTS,
        critical,
        (
            (lambda c, g: g / c, "P_M grows with the root of D; this takes it to grow with D."),
            (lambda c, g: (c / g) ** 2, "this is upside down."),
            (lambda c, g: g / c**2, "P_G must be squared too."),
            (lambda c, g: np.sqrt(g / c), "a root where a square belongs."),
        ),
    )


def judge_half(answer: Any, share: Any, sizes: Any) -> str | None:
    """The size at which the share is 1/2."""
    share, sizes = np.asarray(share, float), np.asarray(sizes, float)
    want = half_of(share, sizes)
    try:
        value = float(answer)
    except (TypeError, ValueError):
        return wrong_number(answer, want, 1, "training examples")
    for wrong, told in (
        (np.log(want), "this is the logarithm of D; take the exponential."),
        (np.log10(want), "this is the logarithm of D; take the power of ten."),
        (float(np.interp(0.5, share, np.arange(len(sizes)))), "this is a place in `SIZES`."),
        (
            float(np.interp(0.5, sizes, share)),
            "np.interp takes the value first, then where it rises (the share), then what to read.",
        ),
    ):
        if abs(value - wrong) < 1e-3:
            return told
    return wrong_number(value, want, 0.03 * want, "training examples")


check = Checks(
    Exercise(
        "delay",
        judge_delay,
        (
            "argmax(0) of a table of True and False is the place of the first True.",
            "step[...] turns places into steps; any(0) says where there is a True at all.",
            "np.where(there is one, step of it, np.inf).",
        ),
    ),
    Exercise(
        "test_loss",
        judge_test_loss,
        (
            "Which logits are there? One of w_G, one of w_M, and the others of 0.",
            "The loss is minus the logarithm of the right answer's softmax.",
            "Divide numerator and denominator by e^w_G.",
        ),
    ),
    Exercise(
        "split",
        judge_split,
        (
            "Move a little of the vote from one to the other: at the minimum the penalty stays.",
            "So the derivatives by w_G and by w_M are equal.",
            "The exponent of w after the derivative is 2/kappa - 1.",
        ),
    ),
    Exercise(
        "depth",
        judge_depth,
        (
            "w to the power a is convex where a > 1, and concave where a < 1.",
            "Here a = 2/kappa.",
        ),
    ),
    Exercise(
        "critical",
        judge_critical,
        ("Equally efficient: P_M = P_G.", "Solve c sqrt(D) = P_G for D."),
    ),
    Exercise(
        "half",
        judge_half,
        (
            "np.interp(0.5, xs, ys) reads ys where xs is 0.5; xs must rise.",
            "Here xs is the share. Which scale must ys have?",
            "np.exp turns the logarithm back.",
        ),
    ),
)
