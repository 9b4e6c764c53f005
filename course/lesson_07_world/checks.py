"""Checks of lesson 7: a probe, its controls, and an edit that a network should obey."""

from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function

RNG = np.random.default_rng(0)
TOKENS = 12
MOVES = [(RNG.integers(0, 12, (1, 7)),), (np.array([[3, 5, 1], [5, 3, 2]]),)]


def bag_of(moves: Any) -> np.ndarray:
    """How often each token came, in whatever order (n, 12)."""
    return np.eye(TOKENS)[np.asarray(moves)].sum(1)


def judge_bag(answer: Any) -> str | None:
    """A function of moves (n, places) that gives counts (n, 12)."""
    problem = wrong_function(answer, MOVES, bag_of)
    if problem and callable(answer):
        try:
            moves = MOVES[1][0]
            value = np.asarray(answer(moves), float)
            one_hot = np.eye(TOKENS)[moves]
            for wrong, told in (
                (one_hot.reshape(len(moves), -1), "this keeps the order; a bag has none."),
                (one_hot, "add up over the places."),
                (one_hot.sum(0), "this adds up over sequences; add up over the places of each."),
                (one_hot[:, -1], "this is the last token alone."),
                (one_hot.mean(1), "these are shares; give counts."),
            ):
                if value.shape == wrong.shape and np.allclose(value, wrong):
                    return told
        except Exception:
            pass
    return problem


def judge_majority(answer: Any, is_open: Any) -> str | None:
    """Accuracy of the better constant guess for each door."""
    share = np.asarray(is_open, float).mean(1)
    want = np.maximum(share, 1 - share)
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return "one number per door is wanted."
    if value.shape == () and np.isclose(value, want.mean()):
        return "this is the mean over doors; give one number for each."
    if value.shape == want.shape and not np.allclose(want, share) and np.allclose(value, share):
        return "who always says 'open' scores this; saying 'shut' is better for some doors."
    if value.shape == want.shape and np.allclose(value, 1 - want):
        return "this is how often the better guess is wrong."
    return wrong_array(answer, want, 1e-5, "door")


def judge_gain(answer: Any, network: Any, untrained: Any, bag: Any) -> str | None:
    """Mean accuracy of each network less that of its best control."""
    network, untrained, bag = (np.asarray(a, float) for a in (network, untrained, bag))
    means = [a.mean(-1) for a in (network, untrained, bag)]
    want = means[0] - np.maximum(means[1], means[2])
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return "one number per network is wanted."
    if value.shape == want.shape:
        for wrong, told in (
            (means[0] - np.minimum(means[1], means[2]), "this is the gain on the weaker control."),
            (means[0] - means[2], "the untrained network is a control too."),
            (means[0] - means[1], "the bag of tokens is a control too."),
            (-want, "the sign is wrong."),
            (means[0], "this is the accuracy; take the best control's off."),
        ):
            if np.allclose(value, wrong) and not np.allclose(wrong, want):
                return told
    if value.shape == network.shape:
        return "there is one number per door here; average over doors."
    return wrong_array(answer, want, 1e-5, "network")


PLANES = [
    (RNG.normal(size=(4, 6)), RNG.normal(size=6), 0.7),
    (np.eye(3), np.array([0.0, 2.0, 0.0]), -1.0),
]


def mirrored(x: Any, u: Any, k: Any) -> np.ndarray:
    """Mirror the rows of x in the plane u.x + k = 0."""
    x, u = np.asarray(x, float), np.asarray(u, float)
    return x - 2 * ((x @ u + k) / (u @ u))[:, None] * u


def judge_mirror(answer: Any) -> str | None:
    """A function of x (n, D), u (D,) and k that gives mirrored rows."""
    problem = wrong_function(answer, PLANES, mirrored)
    if problem and callable(answer):
        x, u, k = PLANES[0]
        height = (x @ u + k)[:, None]
        try:
            value = np.asarray(answer(x, u, k), float)
            for wrong, told in (
                (x - height / (u @ u) * u, "this ends *on* the plane; go as far again."),
                (x + 2 * height / (u @ u) * u, "this goes away from the plane."),
                (x - 2 * height * u, "u does not have length 1; divide by its square."),
                (
                    x - 2 * height / np.linalg.norm(u) * u,
                    "divide by the *square* of u's length: once for the height, once for u.",
                ),
                (x - 2 * (x @ u)[:, None] / (u @ u) * u, "the offset k is missing."),
                (-x, "this mirrors in the origin; only the part along u should change."),
            ):
                if value.shape == wrong.shape and np.allclose(value, wrong):
                    return told
        except Exception:
            pass
    return problem


SCORED = [
    (RNG.normal(size=(5, 12)), RNG.random((5, 12)) < 0.3),
    (np.arange(6.0)[None], np.array([[True, False, True, False, False, True]])),
]


def errors_of(scores: Any, legal: Any) -> np.ndarray:
    """Illegal moves among the N most probable, and legal ones missing; N are legal."""
    scores, legal = np.asarray(scores, float), np.asarray(legal)
    top = (-scores).argsort(-1).argsort(-1) < legal.sum(-1, keepdims=True)
    return (top != legal).sum(-1)


def judge_errors(answer: Any) -> str | None:
    """A function of scores (n, 12) and legal (n, 12) that gives counts (n,)."""
    problem = wrong_function(answer, SCORED, errors_of)
    if problem and callable(answer):
        scores, legal = SCORED[0]
        try:
            value = np.asarray(answer(scores, legal), float)
            best = ~legal[np.arange(len(legal)), scores.argmax(-1)]
            for wrong, told in (
                (errors_of(scores, legal) / 2, "one kind is missing: illegal ones, missing ones."),
                (errors_of(-scores, legal), "these are the *least* probable moves."),
                (best, "this looks at the best move alone; N are asked for."),
                (errors_of(scores, legal).mean(), "give a number for every example."),
            ):
                if value.shape == np.shape(wrong) and np.allclose(value, wrong):
                    return told
        except Exception:
            pass
    return problem


def judge_repaired(answer: Any, none: Any, edited: Any) -> str | None:
    """Share of each network's errors that an edit removes."""
    none, edited = np.asarray(none, float).mean(1), np.asarray(edited, float).mean(1)
    want = 1 - edited / none
    try:
        value = np.asarray(answer, float)
    except (TypeError, ValueError):
        return "one number per network is wanted."
    if value.shape == want.shape:
        for wrong, told in (
            (edited / none, "this share is left; which share is gone?"),
            (none - edited, "these are errors per example; as a share of those without an edit?"),
            ((none - edited) / edited, "divide by the errors *without* the edit."),
            (-want, "the sign is wrong."),
        ):
            if np.allclose(value, wrong) and not np.allclose(wrong, want):
                return told
    if value.shape == () and np.isclose(value, want.mean(), atol=1e-3):
        return "this is for all networks together; give one number for each."
    return wrong_array(answer, want, 1e-5, "network")


check = Checks(
    Exercise(
        "bag",
        judge_bag,
        (
            "np.eye(12)[moves] is 1 where a token stands (n, place, token).",
            "A bag forgets where: which axis goes?",
        ),
    ),
    Exercise(
        "majority",
        judge_majority,
        (
            "`is_open` has axes (door, sequence); a mean along the second is how often it is open.",
            "Say 'open' where that is above a half, 'shut' elsewhere. How often is that right?",
        ),
    ),
    Exercise(
        "gain",
        judge_gain,
        (
            "Average every accuracy over the four doors first.",
            "np.maximum takes the better of two controls, network by network.",
        ),
    ),
    Exercise(
        "mirror",
        judge_mirror,
        (
            "u.x + k says on which side x lies; at the mirror image it has the other sign.",
            "Move x along u, by a step that changes u.x by -2 (u.x + k).",
            "A step of s along u changes u.x by s times u.u.",
        ),
    ),
    Exercise(
        "errors",
        judge_errors,
        (
            "N differs from example to example: legal.sum(-1).",
            "(-scores).argsort(-1).argsort(-1) is each move's rank, 0 for the most probable.",
            "A move is an error where being among the N best and being legal disagree.",
        ),
    ),
    Exercise(
        "repaired",
        judge_repaired,
        (
            "Average each network's errors over examples, with the edit and without.",
            "Gone, divided by what was there.",
        ),
    ),
)
