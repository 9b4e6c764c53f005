"""CountDown's instances: which have a solution, which are held out, and whether an answer is right.

Shape suffixes: N numbers, K plans, M hands, T targets, R results, I instances, L places.
"""

import functools
import itertools
import typing
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number

from .countdown_rules import STEP, Rules

Split = Literal["train", "numbers", "targets"]
SPLITS = typing.get_args(Split)
HELD_OUT = 0.1


def solve(rules: Rules, numbers: tuple[int, ...], target: int) -> list[str]:
    """Return every solution, as the text of its steps, by trying all plans.

    Raises:
        ToylabError: numbers or target outside the rules, or there is no solution.

    Example:
        >>> solve(Rules(), (3, 7, 12), 33)
        ['3 * 7 = 21 12 + 21 = 33']
    """
    owner = type(rules).__name__
    if len(numbers) != rules.numbers:
        raise ToylabError(
            f"{owner}: {len(numbers)} numbers given; these rules take {rules.numbers}."
        )
    for n in numbers:
        check_number(owner, "number", n, low=1, high=rules.largest, whole=True)
    check_number(owner, "target", target, low=rules.low, high=rules.high, whole=True)
    worked = rules.work(np.asarray(numbers, np.int32), np)
    hits = np.flatnonzero(worked.valid_K & (worked.result_K == target))
    texts = [rules.decode(worked.steps_KSF[k].reshape(-1)) for k in hits]
    if not texts:
        raise ToylabError(
            f"{owner}: {target} cannot be reached from {' '.join(map(str, numbers))} with "
            f"{rules.operations}; give another target."
        )
    return list(dict.fromkeys(texts))


@functools.lru_cache(maxsize=16)
def hands(rules: Rules) -> Int[np.ndarray, "M N"]:
    """Every hand, as a sorted multiset of numbers."""
    every = itertools.combinations_with_replacement(range(1, rules.largest + 1), rules.numbers)
    return np.asarray(list(every), np.int32)


@functools.lru_cache(maxsize=16)
def ways(rules: Rules) -> Int[np.ndarray, "M R"]:
    """How many plans of each hand give each result, from 0 to the top."""
    hand_MN, results = hands(rules), rules.top + 1
    found = []
    for start in range(0, len(hand_MN), 256):
        chunk_CN = hand_MN[start : start + 256]
        worked = rules.work(chunk_CN, np)
        hand, plan = np.nonzero(worked.valid_K)
        place = hand * results + worked.result_K[hand, plan]
        counts = np.bincount(place, minlength=len(chunk_CN) * results)
        found.append(counts.reshape(len(chunk_CN), results).astype(np.int32))
    return np.concatenate(found)


@functools.lru_cache(maxsize=16)
def instances(rules: Rules, split: str, seed: int = 0) -> Int[np.ndarray, "I 2"]:
    """Every solvable instance of a split, as (index into :func:`hands`, target).

    A tenth of the hands and a tenth of the targets are held out, drawn from a seed: ``train`` has
    neither, ``numbers`` held-out hands with other targets, ``targets`` the reverse.

    Raises:
        ToylabError: an unknown split.
    """
    if split not in SPLITS:
        raise ToylabError(f"Countdown: part = {split!r}; give one of {SPLITS}.")
    hand_MN, target_T = hands(rules), np.arange(rules.low, rules.high + 1)
    reach_MT = ways(rules)[:, target_T] > 0
    rng = np.random.default_rng(seed)
    held_M = _held_out(rng, len(hand_MN))
    held_T = _held_out(rng, len(target_T))
    kept_M = held_M if split == "numbers" else ~held_M
    kept_T = held_T if split == "targets" else ~held_T
    hand, target = np.nonzero(reach_MT & kept_M[:, None] & kept_T[None])
    if not len(hand):
        raise ToylabError(
            f"Countdown: no instance of part {split!r} has a solution; widen the "
            "range of numbers or targets."
        )
    return np.stack([hand, target_T[target]], -1).astype(np.int32)


def _held_out(rng: np.random.Generator, size: int) -> np.ndarray:
    """A tenth of the places, at least one where there are two."""
    held = np.zeros(size, bool)
    held[rng.permutation(size)[: max(round(HELD_OUT * size), min(1, size - 1))]] = True
    return held


def solved(rules: Rules, tokens_L: Int[Array, " L"]) -> Array:
    """Whether a trace's answer is right; on the device, for one trace.

    The answer follows the first ``ANS``: it must use each given number once, its steps must be
    right, the last must give the target, and ``EOS`` must follow.

    Args:
        tokens_L: prompt and completion.
    """
    size, token = STEP * (rules.numbers - 1), rules.token
    is_answer_L = tokens_L == token("ANS")
    place = jnp.argmax(is_answer_L).astype(jnp.int32)
    padded = jnp.concatenate([tokens_L, jnp.full(size + 2, token("PAD"), jnp.int32)])
    read = jnp.take(padded, place + 1 + jnp.arange(size + 1, dtype=jnp.int32))
    hand, target = tokens_L[3 : 3 + rules.numbers], tokens_L[1]
    fine = is_answer_L.any() & (read[size] == token("EOS"))
    for s in range(rules.numbers - 1):
        a, op, b, equals, c = (read[STEP * s + i] for i in range(STEP))
        hand, has_a = _take(hand, a)
        hand, has_b = _take(hand, b)
        hand = jnp.concatenate([hand, c[None]])
        right = {"+": a + b == c, "-": (a - b == c) & (a >= b), "*": a * b == c}
        right["/"] = (b > 0) & (b * c == a)
        found = [(op == token(sign)) & right[sign] for sign in rules.operations]
        fine &= has_a & has_b & (equals == token("=")) & functools.reduce(jnp.logical_or, found)
        fine &= c <= rules.top
    return fine & (c == target)


def _take(hand: Array, number: Array) -> tuple[Array, Array]:
    """Take a number out of a hand, leaving -1, and tell whether it was there."""
    hits = hand == number
    first = hits & (jnp.cumsum(hits.astype(jnp.int32)) == 1)
    return jnp.where(first, jnp.int32(-1), hand), hits.any()


def draw_instance(
    rules: Rules, split: str, pick: Array, order_N: Float[Array, " N"]
) -> tuple[Int[Array, " N"], Int[Array, ""]]:
    """An instance of a split by a uniform number, its hand in the order of uniform numbers."""
    table = instances(rules, split)
    index = jnp.minimum((pick * np.float32(len(table))).astype(jnp.int32), len(table) - 1)
    hand, target = jnp.asarray(table)[index]
    return jnp.asarray(hands(rules))[hand][jnp.argsort(order_N)], target
