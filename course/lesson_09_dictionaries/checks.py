"""Checks of lesson 9: what a dictionary finds, and what it hides."""

from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function, wrong_number

RNG = np.random.default_rng(0)
PAIRS = [(RNG.normal(size=(3, 6)), RNG.normal(size=(5, 6))), (np.eye(4), -2 * np.eye(4)[:2])]


def cosines(T: Any, D: Any) -> Any:
    """Cosine of every row of T with every row of D."""
    T, D = np.asarray(T, float), np.asarray(D, float)
    long = lambda rows: np.linalg.norm(rows, axis=1, keepdims=True)
    return (T / long(T)) @ (D / long(D)).T


def mmcs(T: Any, D: Any) -> float:
    """Mean over rows of T of the largest |cosine| with a row of D."""
    return float(abs(cosines(T, D)).max(1).mean())


def judge_mmcs(answer: Any) -> str | None:
    """A function of true features (K, D) and latents (F, D) that gives a number."""
    problem = wrong_function(answer, PAIRS, mmcs)
    if problem and callable(answer):
        T, D = PAIRS[0]
        found = cosines(T, D)
        try:
            value = np.asarray(answer(T, D))
            for wrong, told in (
                (abs(found).max(0).mean(), "this asks of each latent whether it is a feature."),
                (found.max(1).mean(), "a latent that points the other way counts too."),
                (abs(found).mean(), "this is the mean of all cosines; take each feature's best."),
                (abs(T @ D.T).max(1).mean(), "these are products with the lengths left in."),
                (abs(found).max(1), "this is one number per feature; average them."),
            ):
                if np.shape(wrong) == value.shape and np.allclose(value, wrong):
                    return told
        except Exception:
            pass
    return problem


def judge_null(answer: Any, T: Any, latents: int) -> str | None:
    """The MMCS of random directions, a mean over many draws."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(400, latents, np.shape(T)[1]))
    each = [cosines(T, D) for D in drawn]
    want = np.mean([abs(c).max(1).mean() for c in each])
    for wrong, told in (
        (np.mean([abs(c).mean() for c in each]), "this is the mean of all cosines, not the best."),
        (np.mean([c.max(1).mean() for c in each]), "take absolute values, as for the trained."),
        (1 / np.sqrt(np.shape(T)[1]), "this is one random cosine; the best of many is larger."),
    ):
        if wrong_number(answer, float(wrong), 0.01) is None:
            return told
    return wrong_number(answer, float(want), 0.015)


def agreement(decoders: Any) -> tuple[float, float]:
    """Mean MMCS over ordered pairs of different dictionaries, and over all pairs."""
    all_pairs = np.array([[mmcs(one, other) for other in decoders] for one in decoders])
    return float(all_pairs[~np.eye(len(all_pairs), dtype=bool)].mean()), float(all_pairs.mean())


def judge_agreement(answer: Any, decoders: Any) -> str | None:
    """How alike dictionaries of different seeds are, each pair counted both ways."""
    want, with_itself = agreement(decoders)
    if want < with_itself and wrong_number(answer, with_itself, 1e-5) is None:
        return "a dictionary is compared with itself, which is 1."
    return wrong_number(answer, want, 1e-4)


def firing_index(code: Any, parent: Any, child: Any) -> float:
    """How much rarer a latent fires on the parent with the child than on the parent alone."""
    fires, parent, child = np.asarray(code) > 0, np.asarray(parent), np.asarray(child)
    return float(fires[parent & ~child].mean() - fires[parent & child].mean())


def _examples() -> list[tuple[Any, ...]]:
    parent = RNG.random(200) < 0.5
    child = RNG.random(200) < 0.4
    code = np.where(parent & ~(child & (RNG.random(200) < 0.7)), RNG.random(200) * 2, 0)
    return [(code, parent, child), (RNG.random(200) - 0.5, parent, parent & child)]


EXAMPLES = _examples()


def judge_index(answer: Any) -> str | None:
    """A function of a latent's code (N,) and of two features' presence (N,)."""
    problem = wrong_function(answer, EXAMPLES, firing_index)
    if problem and callable(answer):
        code, parent, child = EXAMPLES[0]
        want, fires = firing_index(*EXAMPLES[0]), code > 0
        try:
            value = float(answer(code, parent, child))
            for wrong, told in (
                (-want, "the sign is turned: 1 means silent where the child is there."),
                (
                    code[parent & ~child].mean() - code[parent & child].mean(),
                    "these are mean values of the code; ask how often it is above 0.",
                ),
                (
                    fires[~child].mean() - fires[child].mean(),
                    "examples without the parent are counted.",
                ),
                (
                    fires[parent].mean() - fires[parent & child].mean(),
                    "the first share is over all parents; take those without the child.",
                ),
            ):
                if abs(value - wrong) < 1e-6:
                    return told
        except Exception:
            pass
    return problem


def table(codes: Any, parent: Any, child: Any) -> Any:
    """The firing index of every latent (price, seed), a mean over seeds."""
    return np.array([[firing_index(c, parent, child) for c in row] for row in codes]).mean(1)


def judge_by_price(answer: Any, codes: Any, parent: Any, child: Any) -> str | None:
    """Mean over seeds of the index at each price."""
    codes = np.asarray(codes)
    problem = wrong_array(answer, table(codes, parent, child), 1e-5, "price")
    if problem:
        by_seed = np.array([[firing_index(c, parent, child) for c in row] for row in codes]).mean(0)
        if by_seed.shape == np.shape(answer) and np.allclose(by_seed, answer):
            return "this averages over prices; average over seeds."
    return problem


def judge_saved(answer: Any) -> str | None:
    """Share of the price that absorption saves, 1 - 1/sqrt 2."""
    for wrong, told in (
        (2**0.5, "this is the absorbed price in units of lambda; which share is saved?"),
        (2**-0.5, "this share of the price is left; how much is saved?"),
        (2 - 2**0.5, "this is the difference in units of lambda; as a share of the price before?"),
        (0.5, "one latent for two, but its code must be longer than 1."),
    ):
        if wrong_number(answer, wrong, 5e-3) is None:
            return told
    return wrong_number(answer, 1 - 2**-0.5, 5e-3, "share")


check = Checks(
    Exercise(
        "mmcs",
        judge_mmcs,
        (
            "All cosines are one matrix product of rows of length 1; a latent may point backwards.",
            "Which axis runs over latents? Take the best along it.",
            "What is left is one number per true feature; the answer is their mean.",
        ),
    ),
    Exercise(
        "null",
        judge_null,
        (
            "rng.normal(size=(latents, width)) gives random directions, once scaled to length 1.",
            "One draw is noisy: average the MMCS of a few hundred.",
        ),
    ),
    Exercise(
        "agreement",
        judge_agreement,
        (
            "Use mmcs with one dictionary's decoder as the truth and another's as the latents.",
            "Six dictionaries make 30 ordered pairs of different ones.",
        ),
    ),
    Exercise(
        "index",
        judge_index,
        (
            "Make two masks: the parent without the child, and both.",
            "A mean of code > 0 over a mask is how often the latent fires there.",
            "Alone minus together.",
        ),
    ),
    Exercise(
        "by_price",
        judge_by_price,
        (
            "codes[price, seed] is what index takes as its first argument.",
            "Two loops, then a mean along the axis of seeds.",
        ),
    ),
    Exercise(
        "saved",
        judge_saved,
        (
            "Separately, two latents of value 1 each pay lambda.",
            "Absorbed, one latent of length 1 must reach the sum of two orthogonal unit vectors.",
            "How long is that sum? Compare the two prices.",
        ),
    ),
)
