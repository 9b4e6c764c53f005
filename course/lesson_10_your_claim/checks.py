"""Checks of lesson 10: a world, a reading, a claim, a verdict and its replication."""

from typing import Any

import numpy as np
import polars as pl

import toylab as tl
from toylab.claims import Verdict
from toylab.errors import ToylabError
from toylab.read import Reading
from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function

RNG = np.random.default_rng(0)
BITS = [(RNG.choice([-1.0, 1.0], (16, 6)), 3), (RNG.choice([-1.0, 1.0], (9, 4)), 2)]
GUESS = np.log(2)  # the loss of a coin, in nats


def odd(bits: Any, k: int) -> Any:
    """Whether an odd number of the first k bits are -1."""
    return (np.asarray(bits)[:, :k] < 0).sum(1) % 2


def ends(hidden: Any, linear: Any) -> dict[str, pl.DataFrame]:
    """Measures of networks of both kinds with given losses, one per seed."""
    rows = [pl.DataFrame({"population": name, "init_seed": np.arange(len(loss)), "loss": loss})
            for name, loss in (("hidden", hidden), ("linear", linear))]  # fmt: skip
    return {"ends": pl.concat(rows)}


LEARNS = ends(np.linspace(0.001, 0.004, 8), np.linspace(0.690, 0.695, 8))
FAILS = ends(np.linspace(0.690, 0.695, 8), np.linspace(0.690, 0.695, 8))
EASY = ends(np.linspace(0.001, 0.004, 8), np.linspace(0.002, 0.005, 8))


def judge_odd(answer: Any) -> str | None:
    """A function of bits (B, N) and k that gives 0 or 1 for each example."""
    problem = wrong_function(answer, BITS, odd)
    if problem and callable(answer):
        try:
            bits, k = BITS[0]
            found = np.asarray(answer(bits, k), float)
            if np.allclose(found, 1 - odd(bits, k)):
                return "odd and even are exchanged: no -1 at all is even."
            if np.allclose(found, (bits[:, :k] < 0).sum(1)):
                return "this counts; odd or even is asked for."
            if np.allclose(found, odd(bits, bits.shape[1])):
                return "all bits are counted; only the first k decide."
        except Exception:
            pass
    return problem


def judge_reading(answer: Any) -> str | None:
    """A reading of how much lower the loss is with a hidden layer, one number per seed."""
    if not isinstance(answer, Reading):
        kind = type(answer).__name__
        return f"a {kind} came; a reading is wanted, made of tl.table('ends')."
    measures = ends(np.arange(8) / 100, 0.69 + np.arange(8) / 1000)
    want = 0.69 + np.arange(8) / 1000 - np.arange(8) / 100
    try:
        found = answer(measures).values
    except ToylabError as error:
        return f"it cannot be read: {error}"
    if found.shape == want.shape and np.allclose(found, -want):
        return "the sign is wrong: positive must mean that the hidden layer is better."
    if len(found) == 1:
        return "it gives one number for all seeds; claims need one for each."
    return wrong_array(found, want, 1e-6, "seed")


def judge_claim(answer: Any) -> str | None:
    """A claim that holds where the network learns, fails where it does not, and has a control."""
    if not isinstance(answer, tl.Claim):
        return f"a {type(answer).__name__} came; a tl.Claim is wanted."
    try:
        found = {
            name: tl.judge_all([answer], measures)[0].verdict
            for name, measures in (("learns", LEARNS), ("fails", FAILS), ("easy", EASY))
        }
    except ToylabError as error:
        return f"it cannot be judged: {error}"
    if found["fails"] == "reproduced":
        return "it is reproduced by networks that learned nothing: a claim must be able to fail."
    if found["learns"] != "reproduced":
        return (
            f"on eight networks that learned it says {found['learns']!r}: {_why(answer, LEARNS)}."
        )
    if not answer.control:
        return "it has no control: what must a network without a hidden layer not do?"
    if found["easy"] == "reproduced":
        return "where the linear model learns as well it is reproduced still; see to the control."
    if len(answer.text.split()) < 5 or not answer.text.endswith("."):
        return "its text should be a sentence, as a line of an abstract."
    return None


def _why(claim: Any, measures: Any) -> str:
    verdict = tl.judge_all([claim], measures)[0]
    return verdict.why or f"it measures {verdict.estimate:.3g} and expects {verdict.expected}"


def judge_verdict(answer: Any, claim: Any, measures: Any) -> str | None:
    """The verdict of the student's own claim on the trained networks."""
    if isinstance(answer, str):
        return "take the whole verdict, not its word: it has the interval too."
    if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], Verdict):
        return "this is a list of one; take the verdict out of it."
    if not isinstance(answer, Verdict):
        return f"a {type(answer).__name__} came; tl.judge_all gives verdicts."
    if not isinstance(claim, tl.Claim):
        return "write the claim first."
    want = tl.judge_all([claim], measures)[0]
    if (answer.verdict, answer.estimate) != (want.verdict, want.estimate):
        return "it is of another claim, or of other measures."
    return None


def judge_holds(answer: Any, published: Any, fresh: Any) -> str | None:
    """Whether the fresh estimate lies inside the published interval."""
    if not isinstance(published, Verdict) or not isinstance(fresh, Verdict):
        return "two verdicts are compared: the published one and the fresh one."
    if not isinstance(answer, bool | np.bool_):
        return "say True or False."
    if bool(answer) == (published.low <= fresh.estimate <= published.high):
        return None
    return "compare the fresh estimate with the ends of the *published* interval."


check = Checks(
    Exercise(
        "odd",
        judge_odd,
        (
            "Which of the first k bits are negative? Count them in each row.",
            "The remainder of a division by 2 tells odd from even.",
        ),
    ),
    Exercise(
        "reading",
        judge_reading,
        (
            "tl.table('ends').filter(population='hidden').value('loss') is one reading.",
            "Readings can be subtracted; they join on the seed.",
        ),
    ),
    Exercise(
        "claim",
        judge_claim,
        (
            "tl.Claim(key, text, source, reading, expect, bar=..., control=...): which gain would "
            "convince you? A coin's loss is 0.69; that is theory.",
            "The control is a tl.Condition: its reading must lie where it would be of a model that "
            "learned nothing.",
            "control=(tl.Condition('...', linear.value('loss'), tl.Expect.above(...)),)",
        ),
    ),
    Exercise(
        "verdict",
        judge_verdict,
        ("tl.judge_all takes claims and measures.", "It gives a list; yours is the first."),
    ),
    Exercise(
        "holds",
        judge_holds,
        (
            "A verdict has low, high and estimate.",
            "About 83 of 100 fresh estimates lie inside a published 95% interval. Why not 95?",
        ),
    ),
)
