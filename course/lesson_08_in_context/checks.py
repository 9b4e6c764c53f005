"""Checks of lesson 8: predictors that count, and networks that come to them."""

import itertools
from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function, wrong_number

RNG = np.random.default_rng(0)
SEQUENCES = [(RNG.integers(0, 3, 20),), (np.array([0, 1, 0, 1, 2, 2, 0]),), (np.array([2, 2]),)]
STATES = 3


def counter(x: Any, pseudo: float = 1.0, until: int = 0, back: bool = False) -> np.ndarray:
    """Counts of what followed the present state, with ``until`` more or fewer steps of x."""
    x = [int(state) for state in x]
    rows = []
    for t in range(len(x)):
        counts = np.full(STATES, pseudo)
        for before, after in itertools.pairwise(x[: t + 1 + until]):
            if (after if back else before) == x[t]:
                counts[before if back else after] += 1
        rows.append(counts / counts.sum() if counts.sum() else np.full(STATES, 1 / STATES))
    return np.array(rows)


def unigram(x: Any) -> np.ndarray:
    """How often each state was there so far, with one pseudo-count."""
    seen = np.cumsum(np.eye(STATES)[np.asarray(x)], 0) + 1
    return seen / seen.sum(1, keepdims=True)


def judge_by_hand(answer: Any) -> str | None:
    """The Bayes probability after counts of 3, 1 and 0: (3 + 1) / (4 + 3)."""
    for wrong, told in (
        (3 / 4, "this is the share so far; a prior adds one to each count."),
        (4 / 5, "the pseudo-counts of all three states are in the sum below."),
        (3 / 7, "the pseudo-count of B is missing above."),
    ):
        if wrong_number(answer, wrong, 2e-3) is None:
            return told
    return wrong_number(answer, 4 / 7, 2e-3, "probability")


def judge_bayes(answer: Any) -> str | None:
    """A function of states (L,) that gives probabilities (L, 3) of the next ones."""
    problem = wrong_function(answer, SEQUENCES, counter)
    if problem and callable(answer):
        x = SEQUENCES[0][0]
        try:
            value = np.asarray(answer(x), float)
            ahead = counter(np.append(x, 0), until=1)[:-1]
            for wrong, told in (
                (unigram(x), "this counts states and ignores what they follow."),
                (counter(x, 0.0), "the pseudo-counts are missing."),
                (counter(x, until=-1), "the step into the present state is known; count it too."),
                (ahead, "it has counted the step that is to be predicted."),
                (counter(x, back=True), "it counts what came *before* the present state."),
                (_last(x), "every row is the last one; row t may know x[0] to x[t] alone."),
            ):
                if value.shape == wrong.shape and np.allclose(value[:-1], wrong[:-1], atol=1e-5):
                    return told
        except Exception:
            pass
    return problem


def _last(x: Any) -> np.ndarray:
    return np.broadcast_to(counter(x)[-1], (len(x), STATES))


def mean_loss(p: Any, targets: Any) -> float:
    """Cross-entropy of predictions (B, L, 3), nats."""
    hit = np.take_along_axis(np.asarray(p, float), np.asarray(targets)[..., None], -1)
    return float(-np.log(hit).mean())


def judge_worth(answer: Any, unigram: Any, bigram: Any, targets: Any) -> str | None:
    """Loss of one counter less that of the other, in nats."""
    want = mean_loss(unigram, targets) - mean_loss(bigram, targets)
    each = lambda p: np.take_along_axis(np.asarray(p, float), np.asarray(targets)[..., None], -1)
    for wrong, told in (
        (want / np.log(2), "these are bits; nats are asked for."),
        (mean_loss(bigram, targets), "this is the loss of the bigram counter alone."),
        (
            float(np.log(each(bigram).mean()) - np.log(each(unigram).mean())),
            "take the logarithm first, then the mean.",
        ),
        (want * np.shape(targets)[1], "this is per sequence; give it per place."),
    ):
        if wrong_number(answer, float(wrong), 1e-5) is None:
            return told
    return wrong_number(answer, want, 1e-4, "nats")


def crossings(steps: Any, to_unigram: Any, to_bigram: Any) -> np.ndarray:
    """First step at which each network is nearer to the bigram counter, inf where there is none."""
    nearer = np.asarray(to_bigram) < np.asarray(to_unigram)
    return np.where(nearer.any(1), np.asarray(steps)[nearer.argmax(1)], np.inf)


def judge_crossing(answer: Any, steps: Any, to_unigram: Any, to_bigram: Any) -> str | None:
    """A step per network, infinite where it never comes."""
    steps, want = np.asarray(steps), crossings(steps, to_unigram, to_bigram)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        value = np.zeros(0)
    if value.shape != want.shape:
        return wrong_array(value, want, axes="network")
    index = np.where(np.isinf(want), want, np.searchsorted(steps, want))
    if np.array_equal(value, index) and not np.array_equal(value, want):
        return "these are places in `steps`; give the steps that stand there."
    if np.array_equal(value, crossings(steps, to_bigram, to_unigram)):
        return "this is when the network is first nearer to the *unigram* counter."
    early = np.isfinite(want) != np.isfinite(value)
    if early.any():
        return f"network {int(early.argmax())}: np.inf is for those that never come nearer."
    if np.array_equal(value, want):
        return None
    return wrong_array(np.where(np.isinf(value), 0, value), np.where(np.isinf(want), 0, want))


def judge_learned(answer: Any, loss: Any) -> str | None:
    """Loss of the last ten places less that of the first ten, per network."""
    loss = np.asarray(loss, float)
    first, last = loss[:, :10].mean(1), loss[:, -10:].mean(1)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return "one number per network is wanted."
    if value.shape == () and np.isclose(value, (last - first).mean()):
        return "this is the mean over networks; give one number for each."
    if value.shape == first.shape:
        for wrong, told in (
            (first - last, "the sign is wrong: late minus early is negative where it has learned."),
            (last, "this is the late loss alone."),
            (loss[:, -1] - loss[:, 0], "single places are noisy; take means over ten."),
        ):
            if np.allclose(value, wrong, atol=1e-6):
                return told
    return wrong_array(answer, last - first, 1e-4, "network")


def judge_needed(answer: Any, clean: Any, edited: Any, unigram: float) -> str | None:
    """The rise of the loss, as a share of the distance to the unigram counter's."""
    clean, edited = np.asarray(clean, float), np.asarray(edited, float)
    want = (edited - clean) / (unigram - clean)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return "one number per network is wanted."
    if value.shape == want.shape:
        for wrong, told in (
            (edited - clean, "this is the rise in nats; divide by the distance to the unigram's."),
            (edited / clean, "a ratio of losses has no zero; take the rise first."),
            (1 - want, "1 is for a network that lost everything, 0 for one that lost nothing."),
            (
                (edited - clean) / unigram,
                "divide by unigram less clean, not by unigram alone.",
            ),
        ):
            if np.allclose(value, wrong, atol=1e-6):
                return told
    return wrong_array(answer, want, 1e-3, "network")


check = Checks(
    Exercise(
        "by_hand",
        judge_by_hand,
        (
            "Before anything was seen, each of the three states is equally likely.",
            "It is as if each had been seen once already: add that to every count.",
        ),
    ),
    Exercise(
        "bayes",
        judge_bayes,
        (
            "At place t, x[0] to x[t] are known. Which earlier places hold the state x[t]?",
            "For each of them count the state one place later, if that is not beyond t.",
            "Start every count at 1, and divide by the sum.",
        ),
    ),
    Exercise(
        "worth",
        judge_worth,
        (
            "The loss at a place is minus the logarithm of the probability of what came.",
            "np.take_along_axis(p, targets[..., None], -1) picks these probabilities.",
            "Which loss is larger? The difference should be positive.",
        ),
    ),
    Exercise(
        "crossing",
        judge_crossing,
        (
            "Compare the two arrays; argmax of True and False finds the first True of a row.",
            "argmax gives places; `steps` says which step that is.",
            "A row without any True has argmax 0: give np.inf there.",
        ),
    ),
    Exercise(
        "learned",
        judge_learned,
        (
            "loss has axes (network, place).",
            "Slices [:, -10:] and [:, :10], and a mean along the places of each.",
        ),
    ),
    Exercise(
        "needed",
        judge_needed,
        (
            "How far did the loss rise, and how far is it from clean to the unigram counter's?",
            "Divide the first by the second.",
        ),
    ),
)
