"""Minimal pairs of attempts."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.countdown import countdown_pairs as pr
from toylab.tasks.countdown.countdown_instances import hands as every_hand
from toylab.tasks.countdown.countdown_instances import instances
from toylab.tasks.countdown.countdown_rules import Rules
from toylab.tasks.countdown.countdown_traces import read

RULES = Rules(largest=6, low=5, high=20, top=36)
SIGNS = pr.signs(RULES)
ROWS = pr.draw_pairs(RULES, 4, 1, "numbers", 0)


def test_pairs_differ_in_the_target_and_are_right_and_wrong():
    assert (pr.is_right(ROWS) == [1, 0] * 4).all()
    for i in range(0, 8, 2):
        assert list(np.flatnonzero(ROWS.tokens_RL[i] != ROWS.tokens_RL[i + 1])) == [pr.TARGET]
        for row, verdict in ((i, "ok"), (i + 1, "no")):
            bracket = ROWS.place_R3[row, 2]
            assert ROWS.tokens_RL[row, bracket] == SIGNS.bracket
            text = np.append(ROWS.tokens_RL[row, : bracket + 1], RULES.token(verdict))
            *earlier, last = read(RULES, text).attempts
            assert len(earlier) == i // 2 % 2
            assert last.right == (verdict == "ok") and not last.problem
            assert not any(a.right or a.problem for a in earlier)


def test_groups_stay_on_one_side():
    rows = pr.draw_pairs(RULES, 30, 0, "train", 1)
    one, other = pr.split_groups(rows, 0.5, 0)
    assert len(one.group_R) + len(other.group_R) == 60
    assert not set(one.group_R) & set(other.group_R)


def test_halves_share_no_hand_and_are_pairs():
    rows = pr.draw_halves(RULES, 25, 1, "numbers", 0)
    hands = [{tuple(sorted(t[3:6])) for t in half} for half in np.split(rows.tokens_RL, [24])]
    assert not hands[0] & hands[1]
    assert set.union(*hands) <= {tuple(h) for h in every_hand(RULES)[pr.usable(RULES, "numbers")]}
    assert (pr.is_right(rows) == [1, 0] * 25).all()


def test_no_pairs_where_no_hand_reaches_two_targets():
    few = Rules(largest=3, low=6, high=6, top=9)
    with pytest.raises(ToylabError, match="two targets"):
        pr.draw_pairs(few, 1, 0, "train", 0)
    with pytest.raises(ToylabError, match="two hands"):
        pr.draw_halves(few, 2, 0, "train", 0)


def test_known_steps_are_those_that_training_hands_have():
    rules = Rules(largest=12, low=5, high=30, top=36, operations="+-")
    spelled = set()

    def walk(hand, steps):
        if len(hand) == 1:
            spelled.update(steps)
        for i, j in itertools.combinations(range(len(hand)), 2):
            rest = [n for place, n in enumerate(hand) if place not in (i, j)]
            low, high = sorted((hand[i], hand[j]))
            for sign, c in (("+", low + high), ("-", high - low)):
                pair = (hand[i], hand[j]) if sign == "+" else (high, low)
                if c <= rules.top:
                    walk([*rest, c], [*steps, (pair[0], sign, pair[1])])

    for hand in np.unique(instances(rules, "train")[:, 0]):
        walk(every_hand(rules)[hand].tolist(), [])
    learned = {(a, rules.token(sign), b) for a, sign, b in spelled}
    tokens_RL = pr.draw_pairs(rules, 60, 1, "numbers", 0).tokens_RL
    found_RL = pr.known(rules, tokens_RL)
    equals = np.argwhere(tokens_RL == rules.token("="))
    told = [tuple(tokens_RL[r, t - 3 : t].tolist()) in learned for r, t in equals]
    assert 0 < np.mean(told) < 1
    assert found_RL[tuple(equals.T)].tolist() == told
    assert found_RL.sum() == np.sum(told)
