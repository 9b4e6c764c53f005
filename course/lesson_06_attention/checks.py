"""Checks of lesson 6: attention heads."""

from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function

RNG = np.random.default_rng(0)


def pattern_of(heads: int, length: int) -> np.ndarray:
    """A random causal pattern (head, query, key)."""
    odds = np.tril(np.exp(RNG.normal(size=(heads, length, length))))
    return odds / odds.sum(-1, keepdims=True)


PATTERNS = [(pattern_of(2, 6),), (pattern_of(3, 9),)]
REPEATED = [(pattern_of(2, 6), 3), (pattern_of(3, 10), 4)]
GAPS = [(1.0, 3.0, -1.0), (-1.0, 3.0, -1.0), (3.0, 3.0, -1.0), (0.5, -2.0, 2.0)]


def previous(pattern: Any) -> Any:
    """Mean attention one place back, by head."""
    pattern = np.asarray(pattern)
    return np.stack([pattern[:, t, t - 1] for t in range(1, pattern.shape[1])]).mean(0)


def induction(pattern: Any, period: int) -> Any:
    """Mean attention to the token after the earlier copy, by head."""
    pattern = np.asarray(pattern)
    queries = range(period, pattern.shape[1])
    return np.stack([pattern[:, t, t - period + 1] for t in queries]).mean(0)


def judge_previous(answer: Any) -> str | None:
    """A function of a pattern (head, query, key) that gives one score per head."""
    problem = wrong_function(answer, PATTERNS, previous)
    if problem and callable(answer):
        try:
            pattern = PATTERNS[0][0]
            found = np.asarray(answer(pattern))
            if found.shape == ():
                return "there is one number for all heads; give one for each."
            if np.allclose(found, np.diagonal(pattern, 0, 1, 2).mean(-1)):
                return "this is attention of tokens to themselves."
            if np.allclose(found, np.diagonal(pattern, 1, 1, 2).mean(-1)):
                return "queries come before keys in the axes: this looks one place ahead."
        except Exception:
            pass
    return problem


def judge_induction(answer: Any) -> str | None:
    """A function of a pattern and a period that gives one score per head."""
    problem = wrong_function(answer, REPEATED, induction)
    if problem and callable(answer):
        try:
            pattern, period = REPEATED[0]
            found = np.asarray(answer(pattern, period))
            if np.allclose(found, np.diagonal(pattern, -period, 1, 2).mean(-1)):
                return "this is attention to the copy itself; the token *after* it is the answer."
            if np.allclose(found, np.diagonal(pattern, 1 - period, 1, 2).mean(-1)):
                return "the first query that has an earlier copy is at place `period`."
        except Exception:
            pass
    return problem


def judge_best(answer: Any, scores: Any) -> str | None:
    """Network, layer and head with the highest induction score."""
    scores = np.asarray(scores)
    want = np.unravel_index(scores.argmax(), scores.shape)
    try:
        found = tuple(int(x) for x in np.asarray(answer).ravel())
    except (TypeError, ValueError):
        return "three whole numbers are wanted: network, layer, head."
    if len(found) != 3:
        flat = len(found) == 1 and found[0] == scores.argmax()
        told = "it counts through the flat array; " if flat else ""
        return f"{told}three whole numbers are wanted: network, layer, head."
    if any(not 0 <= x < n for x, n in zip(found, scores.shape, strict=True)):
        return f"{found} lies outside of the table, which is {scores.shape}."
    if found == tuple(want):
        return None
    return f"that head scores {scores[found]:.2f}; another one scores higher."


def judge_ov(answer: Any, W_E: Any, W_V: Any, W_O: Any, W_U: Any) -> str | None:
    """W_E W_V W_O W_U of one head, (token attended to, logit)."""
    full = np.asarray(W_E) @ np.asarray(W_V) @ np.asarray(W_O) @ np.asarray(W_U)
    try:
        if np.shape(answer) == full.shape and np.allclose(np.transpose(answer), full, atol=1e-4):
            return "rows and columns are exchanged; a row belongs to the token attended to."
        if np.allclose(answer, np.asarray(W_V) @ np.asarray(W_O), atol=1e-4):
            return "this maps the stream to itself; go from tokens to logits."
    except Exception:
        pass
    return wrong_array(answer, full, 1e-3 * float(np.abs(full).max()), "token, logit")


def judge_copies(answer: Any, full: Any) -> str | None:
    """Share of tokens whose own logit an OV circuit raises most."""
    full = np.asarray(full)
    share = (full.argmax(1) == np.arange(len(full))).mean()
    try:
        value = float(np.asarray(answer))
    except (TypeError, ValueError):
        return "one number is wanted, a share."
    if abs(value - share) < 1e-6:
        return None
    if abs(value - share * len(full)) < 1e-6:
        return "this is a number of tokens; give their share."
    if abs(value - (full.argmax(0) == np.arange(len(full))).mean()) < 1e-6:
        return "this asks which token raises a logit most; ask which logit a token raises most."
    return f"{value:.3f} is too {'large' if value > share else 'small'}."


def judge_noising(answer: Any) -> str | None:
    """A function of the patched, clean and corrupt metric."""
    right = lambda patched, clean, corrupt: (patched - clean) / (corrupt - clean)
    problem = wrong_function(answer, GAPS, right)
    if problem and callable(answer):
        try:
            found = np.array([float(answer(*case)) for case in GAPS])
            want = np.array([right(*case) for case in GAPS])
            if np.allclose(found, 1 - want):
                return "this is denoising: 1 must mean that the behaviour is destroyed."
            if np.allclose(found, -want):
                return "the sign is wrong: destroying the behaviour must give +1."
            if np.allclose(found, [case[0] - case[1] for case in GAPS]):
                return "divide by the gap, so that 1 means all of it."
        except Exception:
            pass
    return problem


check = Checks(
    Exercise(
        "previous",
        judge_previous,
        (
            "pattern[head, query, key] is how much a query looks at a key.",
            "np.diagonal with an offset takes the entries one place below the diagonal.",
        ),
    ),
    Exercise(
        "induction",
        judge_induction,
        (
            "At place t the same token stood at t - period. Which place holds what came next?",
            "Start at the first t that has an earlier copy; the key is t - period + 1.",
        ),
    ),
    Exercise(
        "best",
        judge_best,
        (
            "np.argmax of the whole table gives a place in the flat array.",
            "np.unravel_index turns it into three numbers.",
        ),
    ),
    Exercise(
        "ov",
        judge_ov,
        (
            "Follow a token: embedded, read by V, written by O, unembedded.",
            "With row vectors the matrices stand in the order in which they act.",
        ),
    ),
    Exercise(
        "copies",
        judge_copies,
        (
            "Each row belongs to a token that is attended to. Where is its largest entry?",
            "argmax along the logits, compared with the token's own number.",
        ),
    ),
    Exercise(
        "noising",
        judge_noising,
        (
            "Where the patched run is as good as the clean one, it must give 0.",
            "Where it is as bad as the corrupt one, it must give 1.",
        ),
    ),
)
