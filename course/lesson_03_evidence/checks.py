"""Checks of lesson 3: what a handful of seeds can say."""

from typing import Any

import numpy as np
from scipy import stats

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function, wrong_number

RNG = np.random.default_rng(0)
SAMPLES = [(RNG.normal(2, 1, 5),), (RNG.exponential(size=8),), (np.arange(3.0),)]


def t_interval(values: Any) -> Any:
    """The two ends of Student's 95% interval for a mean."""
    values = np.asarray(values, float)
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return np.array([values.mean() - half, values.mean() + half])


def judge_interval(answer: Any) -> str | None:
    """A function of n values that gives the two ends."""
    problem = wrong_function(answer, SAMPLES, t_interval, 1e-4)
    if problem and callable(answer):
        values = SAMPLES[0][0]
        n, mean = len(values), values.mean()
        ends = lambda factor, sd: mean + np.array([-1, 1]) * factor * sd / np.sqrt(n)
        t, sd = stats.t.ppf(0.975, n - 1), values.std(ddof=1)
        try:
            for wrong, told in (
                (ends(1.96, sd), "1.96 is for many values; five of them need Student's t."),
                (ends(t, values.std()), "the deviation divides by n; by n - 1 it is unbiased."),
                (
                    ends(t * np.sqrt(n), sd),
                    "this is where single values lie; the mean varies less.",
                ),
                (ends(stats.t.ppf(0.95, n - 1), sd), "5% lie outside on each side; 2.5% should."),
            ):
                if np.allclose(answer(values), wrong, atol=1e-3):
                    return told
        except Exception:
            pass
    return problem


def judge_all_five(answer: Any) -> str | None:
    """The least success rate that five successes of five leave open, p^5 = 0.025."""
    try:
        if abs(float(answer) - 0.05**0.2) < 2e-3:
            return "this leaves 5% on one side; a 95% interval leaves 2.5% on each."
        if abs(float(answer) - 1) < 1e-6:
            return "a rate of 1 would never fail; which lower ones could show five in a row?"
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, 0.025**0.2, 2e-3, "rate")


def judge_lucky(answer: Any) -> str | None:
    """How often five seeds all succeed where one in five fails, 0.8^5."""
    try:
        if abs(float(answer) - 5 * 0.2 * 0.8**4) < 2e-3:
            return "this is the chance of exactly one failure."
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, 0.8**5, 5e-3, "chance")


def judge_enough(answer: Any) -> str | None:
    """The fewest seeds n with 0.8^n < 0.05."""
    try:
        if float(answer) == 13:
            return "at 13 the chance is still 5.5%."
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, 14, 1e-9, "seeds")


def judge_share(answer: Any, loss: Any) -> str | None:
    """Share of networks within 5% of the best loss."""
    loss = np.asarray(loss, float)
    share = (loss <= 1.05 * loss.min()).mean()
    try:
        if np.shape(answer) == () and abs(float(answer) - share * len(loss)) < 1e-9 and share < 1:
            return "this is a number of networks; give their share."
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, share, 1e-6, "share")


VERDICTS = np.array(["not reproduced", "inconclusive", "reproduced"])
CASES = [(0.2, 0.4, 0.5), (0.4, 0.6, 0.5), (0.6, 0.9, 0.5), (0.5, 0.7, 0.5), (-1.0, 0.49, 0.5)]


def decide(low: float, high: float, bar: float) -> str:
    """The verdict on "the mean is at least the bar"."""
    return "reproduced" if low >= bar else "not reproduced" if high < bar else "inconclusive"


def judge_verdict(answer: Any) -> str | None:
    """A function of an interval and a bar that gives one of three words."""
    if not callable(answer):
        return "a function is wanted."
    for case in CASES:
        try:
            found = answer(*case)
        except Exception as error:
            return f"it raises {type(error).__name__}: {error}"
        if found is ... or found is None:
            return "it returns nothing yet."
        if found not in VERDICTS:
            return f"{found!r} is none of the three words: {', '.join(VERDICTS)}."
        if found != decide(*case):
            low, high, bar = case
            return f"for the interval [{low}, {high}] and the bar {bar} it says {found!r}."
    return None


def judge_coverage(answer: Any) -> str | None:
    """Three shares: how often intervals of 5, 8 and 16 seeds hold the true mean."""
    return wrong_array(answer, np.array([0.662, 0.832, 0.853]), 0.035, "number of seeds")


check = Checks(
    Exercise(
        "share",
        judge_share,
        (
            "Compare every loss with the smallest of them.",
            "A mean of True and False is a share.",
        ),
    ),
    Exercise(
        "interval",
        judge_interval,
        (
            "Mean plus and minus something: how far does a mean of n values stray?",
            "The standard error is the standard deviation (ddof=1) over the root of n.",
            "scipy.stats.t.ppf(0.975, n - 1) says how many of them.",
        ),
    ),
    Exercise(
        "lucky",
        judge_lucky,
        ("Seeds are independent: chances multiply.", "Each succeeds with 0.8; there are five."),
    ),
    Exercise(
        "all_five",
        judge_all_five,
        (
            "Which success rate p would show five of five in only 2.5% of studies?",
            "p to the fifth is 0.025.",
        ),
    ),
    Exercise(
        "enough",
        judge_enough,
        ("All n succeed with 0.8 to the n.", "Take logarithms, and round up."),
    ),
    Exercise(
        "verdict",
        judge_verdict,
        (
            "Two intervals are clear: one that lies above the bar, one that lies below it.",
            "An interval that touches the bar from above still lies above it.",
        ),
    ),
    Exercise(
        "coverage",
        judge_coverage,
        (
            "Draw many samples of n and your interval of each; count those that hold the mean.",
            "The true mean is 0.8 * 0.99 + 0.2 * 0.1.",
            "A sample without a failure has an interval of no width, which misses.",
        ),
    ),
)
