"""Minimal pairs of attempts: one trace under two targets, right under one, wrong under the other.

Both targets can be reached with the numbers, and no earlier attempt of the trace reaches either.
Neither the target nor the result alone tells the verdict, and nor does the length of the trace.
Places per row: the target (in the prompt), the result, and "(" after it.

Shapes: R rows, L length.
"""

from typing import NamedTuple

import numpy as np

from toylab.errors import ToylabError

from .countdown_instances import Split, hands, instances
from .countdown_rules import Rules

TARGET = 1  # place of the target in a prompt
PLACES = ("target", "result", "(")


class Signs(NamedTuple):
    """Tokens that the measures must know."""

    equals: int
    bracket: int
    ok: int
    no: int
    answer: int
    stop: int
    pad: int
    span: int  # tokens of an attempt up to "("


class Rows(NamedTuple):
    """Attempts: traces up to "(" and beyond it nothing but padding.

    Row ``2 i`` is right, row ``2 i + 1`` its wrong partner: they differ in the target alone.
    """

    tokens_RL: np.ndarray
    place_R3: np.ndarray  # of the target, the result and "("
    group_R: np.ndarray  # rows of one group never stand on both sides of a split

    def take(self, index: np.ndarray) -> "Rows":
        """Some of the rows, by number or mask."""
        return Rows(*(part[index] for part in self))


def signs(rules: Rules) -> Signs:
    """The tokens that the measures must know."""
    words = ("=", "(", "ok", "no", "ANS", "EOS", "PAD")
    return Signs._make((*map(rules.token, words), rules.attempt_length - 1))


def usable(rules: Rules, split: Split) -> np.ndarray:
    """Hands of a split that reach two targets or more."""
    found, reached = np.unique(instances(rules, split)[:, 0], return_counts=True)
    return found[reached >= 2]


def draw_pairs(
    rules: Rules, count: int, earlier: int, split: Split, seed: int, among: np.ndarray | None = None
) -> Rows:
    """Draw minimal pairs.

    Args:
        rules: the game.
        count: pairs.
        earlier: most wrong attempts before the judged one; their number is uniform over 0..earlier.
        split: whose hands.
        seed: seed of the pairs.
        among: hands to draw from, those of the split that reach two targets or some of them.

    Raises:
        ToylabError: there is no such hand.
    """
    rng = np.random.default_rng(seed)
    hand_I, target_I = instances(rules, split).T
    among = usable(rules, split) if among is None else among
    if not len(among):
        raise ToylabError(
            f"draw_pairs: no hand of split {split!r} reaches two targets; widen the range of "
            "numbers or targets."
        )
    length = rules.prompt_length + (earlier + 1) * rules.attempt_length
    tokens_RL = np.full((2 * count, length), rules.token("PAD"), np.int32)
    place_R3, group_R = np.zeros((2 * count, 3), np.int32), np.zeros(2 * count, np.int32)
    for i in range(count):
        pair = slice(2 * i, 2 * i + 2)
        group_R[pair] = hand = rng.choice(among)
        right, wrong = rng.permutation(target_I[hand_I == hand])[:2]
        trace = _trace(rules, hands(rules)[hand], (right, wrong), i % (earlier + 1), rng)
        tokens_RL[pair, : len(trace)] = trace
        tokens_RL[pair, TARGET] = right, wrong
        place_R3[pair] = TARGET, len(trace) - 2, len(trace) - 1
    return Rows(tokens_RL, place_R3, group_R)


def _trace(
    rules: Rules,
    hand_N: np.ndarray,
    targets: tuple[int, int],
    earlier: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Prompt, earlier attempts, and an attempt that reaches the first target, up to "("."""
    worked = rules.work(hand_N, np)
    plan = rng.permutation(np.flatnonzero(worked.valid_K))
    result = worked.result_K[plan]
    others = plan[~np.isin(result, targets)]
    # With few plans an earlier attempt may come twice.
    others = np.resize(others, earlier) if len(others) else others
    end = lambda verdict: [rules.token("("), rules.token(verdict)]
    parts = [rules.prompt(rng.permutation(hand_N), targets[0])]
    for k in others:
        parts += [worked.steps_KSF[k].reshape(-1), end("no")]
    parts += [worked.steps_KSF[plan[result == targets[0]][0]].reshape(-1), end("ok")]
    return np.concatenate(parts)[:-1].astype(np.int32)


def draw_halves(rules: Rules, count: int, earlier: int, split: Split, seed: int) -> Rows:
    """Draw minimal pairs, the first half of them from one half of the hands, the rest from others.

    Pairs recur within a half, as hands do; between the halves no hand is shared. Targets are.

    Raises:
        ToylabError: fewer than two hands of the split reach two targets.
    """
    every = np.random.default_rng(seed).permutation(usable(rules, split))
    if len(every) < 2:
        raise ToylabError(
            f"draw_halves: {len(every)} hands of split {split!r} reach two targets, which takes "
            "two hands; widen the range of numbers or targets."
        )
    middle = len(every) // 2
    sides = ((count // 2, every[:middle]), (count - count // 2, every[middle:]))
    drawn = (draw_pairs(rules, n, earlier, split, seed, among) for n, among in sides)
    return Rows(*(np.concatenate(parts) for parts in zip(*drawn, strict=True)))


def split_groups(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Divide rows in two, all rows of one group on one side."""
    groups = np.random.default_rng(seed).permutation(np.unique(rows.group_R))
    first = np.isin(rows.group_R, groups[: max(1, round(share * len(groups)))])
    return rows.take(first), rows.take(~first)


def known(rules: Rules, tokens_RL: np.ndarray, split: Split = "train") -> np.ndarray:
    """Mark each "=" whose step, such as ``a + b``, occurs in attempts at hands of a split, (R, L).

    Some sums next to the top occur with held-out hands alone: a network never sees them in
    training, so that it cannot be asked to have learned them.
    """
    hand_HN = hands(rules)[np.unique(instances(rules, split)[:, 0])]
    worked = rules.work(hand_HN, np)
    spelled = lambda three_X3: three_X3 @ np.array([rules.vocab**2, rules.vocab, 1])
    seen_X = np.unique(spelled(worked.steps_KSF[worked.valid_K][..., :3]))
    step_RL = spelled(np.lib.stride_tricks.sliding_window_view(tokens_RL, 3, axis=1))
    found_RL = np.zeros(tokens_RL.shape, bool)
    found_RL[:, 3:] = np.isin(step_RL[:, :-1], seen_X)
    return found_RL & (tokens_RL == rules.token("="))


def is_right(rows: Rows) -> np.ndarray:
    """Labels: 1 for right attempts, 0 for wrong ones, int32."""
    at = lambda place: np.take_along_axis(rows.tokens_RL, rows.place_R3[:, [place]], 1)[:, 0]
    return (at(0) == at(1)).astype(np.int32)


def partners(values_R: np.ndarray, axis: int = 0) -> np.ndarray:
    """The values of each row's partner."""
    order = np.arange(values_R.shape[axis]).reshape(-1, 2)[:, ::-1].reshape(-1)
    return np.take(values_R, order, axis)
