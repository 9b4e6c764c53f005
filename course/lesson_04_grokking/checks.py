"""Checks of lesson 4: modular addition, its waves, and progress before the test set shows it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function

RNG = np.random.default_rng(0)
PLACES = np.arange(31)
ROWS = [
    (5 + np.cos(2 * np.pi * 4 * PLACES / 31 + 1) + 0.1 * RNG.normal(size=31),),
    (np.cos(2 * np.pi * PLACES / 31) + 0.3 * np.sin(2 * np.pi * 9 * PLACES / 31),),
    (np.sin(2 * np.pi * 15 * PLACES / 31 + 0.3) - 2,),
]
TABLES = [
    (RNG.normal(size=(5, 5, 5)), RNG.random((5, 5)) < 0.6),
    (RNG.normal(size=(7, 7, 7)), RNG.random((7, 7)) < 0.3),
]


def scores_of(U: Any, V: Any, W: Any) -> Any:
    """Scores z[x, y, c] of a network of quadratic neurons."""
    return (np.asarray(U, float)[:, None] + np.asarray(V, float)[None]) ** 2 @ np.asarray(W, float)


def by_distance(z: Any, which: Any) -> Any:
    """Mean score at each distance (c - x - y) mod p, over some pairs."""
    z, p = np.asarray(z, float), len(z)
    x, y, d = np.meshgrid(*[np.arange(p)] * 3, indexing="ij")
    return z[x, y, (x + y + d) % p][np.asarray(which, bool)].mean(0)


def nats(z: Any, right: Any) -> Any:
    """Cross-entropy of rows of scores (N, p) with right answers (N,)."""
    top = z.max(-1, keepdims=True)
    total = np.log(np.exp(z - top).sum(-1)) + top[:, 0]
    return (total - z[np.arange(len(z)), right]).mean()


def progress(
    snapshots: Sequence[tuple[Any, Any, Any]], in_training: Sequence[Any]
) -> tuple[Any, Any]:
    """Restricted and excluded loss, each (snapshot, network).

    Args:
        snapshots: weights U, V, W with networks first, at each moment.
        in_training: of each network, which pairs of the table it is trained on, (p^2,).
    """
    found = np.array(
        [
            [
                _losses(scores_of(*parts), mine)
                for *parts, mine in zip(*at, in_training, strict=True)
            ]
            for at in snapshots
        ]
    )
    return found[..., 0], found[..., 1]


def _losses(z: Any, in_training: Any) -> tuple[float, float]:
    p = len(z)
    known = np.asarray(in_training, bool).reshape(p, p)
    mean = by_distance(z, ~known)
    answer = np.add.outer(np.arange(p), np.arange(p)) % p
    rest = z - mean[(np.arange(p) - answer[..., None]) % p]
    return nats(mean[None], np.array([0])), nats(rest[known], answer[known])


def first_of(true: Any, step: Any) -> Any:
    """Step of the first True along the first axis."""
    return np.asarray(step)[np.asarray(true).argmax(0)]


def times_of(train: Any, test: Any, step: Any) -> Any:
    """Steps to 90% on both sets, (network, 2)."""
    return np.stack([first_of(np.asarray(a) >= 0.9, step) for a in (train, test)], 1)


def frequency(row: Any) -> Any:
    """Frequency of the largest amplitude, without the constant."""
    return 1 + np.abs(np.fft.rfft(row))[1:].argmax()


def purity_of(U: Any, power: float = 2, skip: int = 1, axis: int = 1) -> Any:
    """Share of the largest frequency in a neuron's power, a mean over neurons, (network,)."""
    size = np.abs(np.fft.rfft(np.asarray(U, float), axis=axis)) ** power
    size = np.moveaxis(size, axis, 1)[:, skip:]
    return (size.max(1) / size.sum(1)).mean(1)


def early_of(restricted: Any, accuracy: Any, moments: Any) -> Any:
    """Time of the restricted loss over that of the accuracy, (network,)."""
    bar = np.log(31) / 2
    known = first_of(np.asarray(restricted) < bar, moments)
    return known / first_of(np.asarray(accuracy) >= 0.9, moments)


def same(answer: Any, wrong: Any) -> bool:
    """Whether an answer is an array that equals a known mistake."""
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return False
    return value.shape == np.shape(wrong) and bool(np.allclose(value, wrong, atol=1e-5))


def judge_times(answer: Any, train: Any, test: Any, step: Any) -> str | None:
    """Two steps per network."""
    want = times_of(train, test, step)
    for wrong, told in (
        (want[:, ::-1], "the training pairs come first."),
        (want.T, "the axes are (network, 2); yours are the other way around."),
        (times_of(train, test, np.arange(len(step))), "these are places of records, not steps."),
    ):
        if same(answer, wrong) and not same(answer, want):
            return told
    return wrong_array(answer, want, 1e-6, "network, 2")


def judge_frequency(answer: Any) -> str | None:
    """A function of 31 values that gives a frequency."""
    problem = wrong_function(answer, ROWS, frequency)
    if problem and callable(answer):
        try:
            found = [float(np.asarray(answer(*row))) for row in ROWS]
        except Exception:
            return problem
        want = [float(frequency(*row)) for row in ROWS]
        if found == [value - 1 for value in want]:
            return "all are 1 too low: where does the constant stand in the spectrum?"
        if 0 in found:
            return "0 is the constant; it does not count."
        if all(a in (b, 31 - b) for a, b in zip(found, want, strict=True)):
            return "frequencies above 15 are those below it, run through backwards."
    return problem


def judge_purity(answer: Any, U: Any) -> str | None:
    """A share per network."""
    want = purity_of(U)
    for wrong, told in (
        (purity_of(U, skip=0), "the constant is still in."),
        (purity_of(U, power=1), "these are shares of amplitude; power is its square."),
        (purity_of(U, axis=2), "the waves run over neurons here; they should run over numbers."),
        (want.mean(), "average over the neurons, not over the networks."),
    ):
        if same(answer, wrong):
            return told
    return wrong_array(answer, want, 1e-4, "network")


def judge_by_hand(answer: Any) -> str | None:
    """Weights that add modulo 31."""
    try:
        U, V, W = (np.asarray(part, float) for part in answer)
    except (TypeError, ValueError):
        return "give three arrays: U, V and W."
    n = U.shape[-1] if U.ndim == 2 else 0
    for part, shape, name in ((U, (31, n), "U"), (V, (31, n), "V"), (W, (n, 31), "W")):
        if part.shape != shape or not n:
            return f"{name} has shape {part.shape}; U and V are (31, neurons), W (neurons, 31)."
    if n > 1000:
        return f"{n} neurons are too many."
    if not all(np.isfinite(part).all() for part in (U, V, W)):
        return "some weights are not finite."
    found = scores_of(U, V, W).argmax(-1)
    sums = np.add.outer(PLACES, PLACES)
    share = (found == sums % 31).mean()
    if share >= 0.99:
        return None
    for other, told in (
        (PLACES[:, None] - PLACES, "x - y"),
        (PLACES - PLACES[:, None], "y - x"),
        (-sums, "-(x + y)"),
    ):
        if (found == other % 31).mean() > 0.9:
            return f"this computes {told}."
    return f"{share:.0%} of the pairs are right; 99% are wanted."


def judge_by_distance(answer: Any) -> str | None:
    """A function of scores and a table of pairs that gives a mean per distance."""
    problem = wrong_function(answer, TABLES, by_distance)
    if problem and callable(answer):
        z, which = TABLES[0]
        p, everywhere = len(z), np.ones_like(which)
        want = by_distance(z, which)
        try:
            found = answer(z, which)
        except Exception:
            return problem
        for wrong, told in (
            (by_distance(z, everywhere), "the mean is over all pairs, not those of `which`."),
            (by_distance(z, ~which), "the mean is over the pairs that are *not* in `which`."),
            (want[-np.arange(p)], "the distance is c - x - y; this is x + y - c."),
            (want * which.sum(), "this is a sum; a mean is asked for."),
            (z[which].mean(0), "this is a mean for each answer c, not for each distance."),
        ):
            if same(found, wrong):
                return told
    return problem


def judge_early(answer: Any, restricted: Any, accuracy: Any, moments: Any) -> str | None:
    """A ratio of times per network."""
    want = early_of(restricted, accuracy, moments)
    late = first_of(np.asarray(accuracy) >= 0.9, moments)
    whole = first_of(np.asarray(restricted) < np.log(31), moments) / late
    for wrong, told in (
        (1 / want, "this is upside down."),
        (want * late, "these are the steps of the restricted loss; divide them."),
        (whole, "below *half* the loss of guessing."),
        (want.mean(), "one number per network."),
    ):
        if same(answer, wrong) and not same(answer, want):
            return told
    return wrong_array(answer, want, 1e-4, "network")


check = Checks(
    Exercise(
        "times",
        judge_times,
        (
            "The accuracies have axes (record, network).",
            "argmax(0) of a table of True and False is the place of the first True.",
            "`step` turns places into steps; np.stack(..., axis=1) puts two of them side by side.",
        ),
    ),
    Exercise(
        "frequency",
        judge_frequency,
        (
            "np.fft.rfft gives complex amplitudes of the frequencies 0, 1, 2, ...",
            "Leave the first out, and remember that you did.",
        ),
    ),
    Exercise(
        "purity",
        judge_purity,
        (
            "np.fft.rfft takes an axis: the one of the 31 numbers.",
            "Largest power over the sum of powers, for each network and neuron.",
            "The mean over neurons leaves one number per network.",
        ),
    ),
    Exercise(
        "by_hand",
        judge_by_hand,
        (
            "Neuron f votes for answer c with W = cos(w c + something): which angle makes its vote "
            "for c = x + y independent of alpha and beta?",
            "Sum over neurons: cos(A) cos(B) is half of cos(A + B) plus cos(A - B). A term that "
            "still holds alpha or beta averages out over evenly spread phases.",
            "Let alpha and beta be all pairs of 0, 1/3 and 2/3 of a turn; or draw many phases, and "
            "many frequencies.",
        ),
    ),
    Exercise(
        "by_distance",
        judge_by_distance,
        (
            "At distance d the answer is c = (x + y + d) mod p.",
            "An array can be indexed with three arrays of one shape: z[x, y, c].",
            "A table of True and False picks pairs: (p, p, p)[which] is (pairs, p).",
        ),
    ),
    Exercise(
        "early",
        judge_early,
        (
            "It is the exercise of the steps to 90% again, with another condition.",
            "np.log(31) / 2 is the bar; below it, not above.",
        ),
    ),
)
