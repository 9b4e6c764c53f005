"""CountDown: solver against recursion, reader against written cases, reward against reader."""

import collections
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.oracles.countdown import outcomes
from toylab.errors import ToylabError
from toylab.tasks.countdown.countdown import Countdown, trace_space
from toylab.tasks.countdown.countdown_instances import SPLITS, hands, instances, solve, solved, ways
from toylab.tasks.countdown.countdown_prompts import CountdownPrompts
from toylab.tasks.countdown.countdown_rules import Rules
from toylab.tasks.countdown.countdown_traces import columns, read

SMALL = Rules(largest=6, high=20, top=36)
FOUR = Rules(numbers=4, largest=6, low=10, high=24, top=60, operations="+-*/")
EXAMPLE = "T 24 N 3 7 11 :"


def draw(task, size: int, seed: int = 0):
    return jax.jit(lambda key: task.batch(key, size))(jax.random.key(seed))


def whole(batch) -> np.ndarray:
    return np.concatenate([batch.inputs, batch.targets[:, -1:]], 1)


@pytest.mark.parametrize("rules", [SMALL, FOUR, dataclasses.replace(SMALL, operations="-/")])
def test_every_plan_against_recursion(rules):
    rng = np.random.default_rng(0)
    for hand in rng.integers(1, rules.largest + 1, (8, rules.numbers)):
        worked = rules.work(hand.astype(np.int32), np)
        found = collections.Counter(worked.result_K[worked.valid_K].tolist())
        wanted = collections.Counter(
            last for last, _ in outcomes(hand.tolist(), rules.operations, rules.top)
        )
        assert found == wanted


def test_ways_of_hands_on_both_sides_of_a_chunk():
    rules = Rules()
    for hand in (0, 255, 256, 363):
        numbers = hands(rules)[hand].tolist()
        found = collections.Counter(last for last, _ in outcomes(numbers, rules.operations, 60))
        assert {r: n for r, n in enumerate(ways(rules)[hand]) if n} == found


def test_number_of_plans():
    assert Rules().plan_count == 27
    assert FOUR.plan_count == 1_152


def test_solver_gives_every_solution_and_each_is_right():
    hand, target = (3, 4, 6), 18
    found = solve(SMALL, hand, target)
    wanted = {
        tuple(sorted(steps)) for last, steps in outcomes(list(hand), "+-*", 36) if last == target
    }
    assert len(found) == len(wanted) > 0
    prompt = SMALL.decode(SMALL.prompt(np.asarray(hand, np.int32), target))
    for text in found:
        assert read(SMALL, SMALL.encode(f"{prompt} ANS {text} EOS")).solved


def test_instances_are_the_solvable_ones_and_splits_share_none():
    hand_MN = hands(SMALL)
    tables = {split: instances(SMALL, split) for split in SPLITS}
    for hand, target in np.concatenate(list(tables.values())):
        assert target in {last for last, _ in outcomes(hand_MN[hand].tolist(), "+-*", 36)}
    seen = {split: set(table[:, 0]) for split, table in tables.items()}
    aims = {split: set(table[:, 1]) for split, table in tables.items()}
    assert not seen["train"] & seen["numbers"] and not aims["train"] & aims["targets"]
    missed = sum(
        t in {last for last, _ in outcomes(hand.tolist(), "+-*", 36)}
        for hand in hand_MN
        for t in range(SMALL.low, SMALL.high + 1)
    ) - sum(map(len, tables.values()))
    # Only held-out hands with held-out targets are in no split.
    share = len(tables["numbers"]) * len(tables["targets"]) / len(tables["train"])
    assert 0 < missed < 3 * share


def test_traces_are_imperfect_as_told():
    task = Countdown(**dataclasses.asdict(SMALL), attempts=6, verdict_noise=0.2)
    batch = draw(task, 3_000)
    assert task.consistent(draw(task, 60)).all()
    found = columns(task.rules, whole(batch))
    assert found["parsed"].all() and (found["sound"] == found["attempts"]).all()
    wrong = np.asarray(batch.latents["verdict"]) == 0
    right = np.asarray(batch.latents["verdict"]) == 1
    said_ok = np.asarray(batch.targets) == task.token("ok")
    for at, share in ((wrong, 0.2), (right, 0.8)):
        low, high = stats.binomtest(int(said_ok[at].sum()), int(at.sum())).proportion_ci(0.999)
        assert low <= share <= high


def test_random_order_is_even_and_never_repeats():
    rules = Rules(numbers=2, largest=5, low=1, high=25, top=25)
    task = Countdown(**dataclasses.asdict(rules), attempts=3)
    traces = [read(rules, tokens) for tokens in whole(draw(task, 1_500))]
    signs = collections.Counter(
        t.attempts[0].steps[0][1] for t in traces if len(set(t.numbers)) == 2
    )
    assert stats.chisquare(list(signs.values())).pvalue > 1e-3
    for trace in traces:
        tried = [a.steps[0][1] for a in trace.attempts]
        assert len(set(tried)) == len(tried)


def test_guided_order_is_that_of_the_distance():
    task = Countdown(**dataclasses.asdict(SMALL), attempts=8, guided=1.0)
    for tokens in whole(draw(task, 40)):
        trace = read(SMALL, tokens)
        away = []
        for attempt in trace.attempts:
            a, _, b, c = attempt.steps[0]
            rest = list(trace.numbers)
            rest.remove(a), rest.remove(b)
            away.append(np.mean([abs(n - trace.target) for n in [*rest, c]]))
        assert away == sorted(away)


def test_optimal_paths_answer_at_once():
    task = Countdown(**dataclasses.asdict(SMALL), attempts=0)
    for tokens in whole(draw(task, 50)):
        trace = read(SMALL, tokens)
        assert trace.solved and not trace.attempts


def ordered(steps) -> tuple[str, ...]:
    """Steps as the recursion tells them, the larger number first."""
    return tuple(f"{max(a, b)}{sign}{min(a, b)}={c}" for a, sign, b, c in steps)


@pytest.mark.parametrize("attempts", [0, 5])
def test_four_numbers_and_four_operations(attempts):
    """Of 1,152 plans, those tried are among the recursion's, each once, and marked rightly."""
    task = Countdown(**dataclasses.asdict(FOUR), attempts=attempts, guided=0.5)
    batch = draw(task, 24)
    assert task.consistent(batch).all()
    for tokens in whole(batch):
        trace = read(FOUR, tokens)
        ways = list(outcomes(list(trace.numbers), FOUR.operations, FOUR.top))
        assert trace.target in {last for last, _ in ways}
        tried = collections.Counter(ordered(attempt.steps) for attempt in trace.attempts)
        assert tried <= collections.Counter(tuple(steps) for _, steps in ways)
        right = [attempt.result == trace.target for attempt in trace.attempts]
        assert [attempt.verdict == "ok" for attempt in trace.attempts] == right
        assert not any(right[:-1]) and (any(right) or len(right) == attempts)
        assert trace.solved == (any(right) or not attempts)


def test_loss_counts_what_follows_the_prompt_and_verdicts_as_told():
    task = Countdown(**dataclasses.asdict(SMALL), attempts=3, verdict_weight=4.0)
    batch = draw(task, 20)
    tokens = whole(batch)
    expected = np.where(np.arange(1, tokens.shape[1]) >= task.prompt_length, 1.0, 0.0)
    expected = expected * (tokens[:, 1:] != task.token("PAD"))
    verdict = np.isin(tokens[:, 1:], [task.token("ok"), task.token("no")])
    np.testing.assert_array_equal(batch.weights, np.where(verdict, 4.0, expected))


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("ANS 3 * 7 = 21 21 + 11 = 32 EOS", "the result is 32, not 24"),
        ("ANS 3 * 7 = 20 20 + 11 = 31 EOS", "step 1: 3 * 7 is 21, not 20"),
        ("ANS 3 * 8 = 24 24 * 1 = 24 EOS", "step 1: 8 is not in hand"),
        ("ANS 7 + 7 = 14 14 + 3 = 17 EOS", "step 1: 7 is not in hand"),
        ("3 * 7 = 21 21 + 11 = 32 ( no EOS", "no answer"),
        ("3 * 7 = 21 21 ok", "+ or - or * expected at place 13, found ok"),
        ("3 * 7 = 21", "number expected at place 12, found end of text"),
        ("ok", "number or ANS or EOS expected at place 7, found ok"),
    ],
)
def test_reader_says_why(rest, why):
    rules = Rules()
    trace = read(rules, rules.encode(f"{EXAMPLE} {rest}"))
    assert trace.why == why and not trace.solved


def test_reader_tells_attempts_apart():
    rules = Rules()
    text = f"{EXAMPLE} 7 - 3 = 4 4 * 11 = 44 ( ok 3 + 7 = 10 10 + 11 = 21 ( no EOS PAD PAD"
    trace = read(rules, rules.encode(text))
    assert [a.verdict for a in trace.attempts] == ["ok", "no"]
    assert [a.right for a in trace.attempts] == [False, False]
    assert trace.length == 25 and trace.numbers == (3, 7, 11)
    row = {k: v[0] for k, v in columns(rules, [rules.encode(text)]).items()}
    counts = {"attempts": 2, "sound": 2, "wrong": 2, "wrong_ok": 1, "right": 0, "right_no": 0}
    assert {name: row[name] for name in counts} == counts and row["parsed"] == 1


@pytest.mark.parametrize("rules", [SMALL, dataclasses.replace(FOUR, operations="+-")])
def test_reward_agrees_with_the_reader(rules):
    """Right answers, and answers with one token exchanged."""
    task = Countdown(**dataclasses.asdict(rules), attempts=0)
    tokens_BT = whole(draw(task, 150))
    rng = np.random.default_rng(1)
    spoiled_BT = tokens_BT.copy()
    place_B = rng.integers(task.prompt_length, tokens_BT.shape[1], len(tokens_BT))
    spoiled_BT[np.arange(len(tokens_BT)), place_B] = rng.integers(0, rules.vocab - 1, len(place_B))
    both = np.concatenate([tokens_BT, spoiled_BT])
    reward = CountdownPrompts(**dataclasses.asdict(rules)).reward(jnp.asarray(both))
    np.testing.assert_array_equal(reward, [read(rules, tokens).solved for tokens in both])
    assert reward[: len(tokens_BT)].all() and not reward[len(tokens_BT) :].all()


def test_reward_wants_an_answer_that_ends():
    rules = Rules()
    answer = "ANS 3 * 7 = 21 21 + 11 = 32"
    prompt = "T 32 N 3 7 11 :"
    says = lambda text: bool(solved(rules, jnp.asarray(rules.encode(text))))
    assert says(f"{prompt} {answer} EOS PAD")
    assert not says(f"{prompt} {answer}")
    assert not says(f"{prompt} {answer} 3 EOS")
    assert not says(f"{prompt} 3 + 7 = 10 EOS")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rules(high=80), "high = 80 has no token; the vocabulary ends at top = 60"),
        (lambda: Rules(largest=61), "largest = 61 has no token"),
        (lambda: Rules(operations="+^"), "operations = '\\+\\^'"),
        (lambda: Countdown(attempts=28), "attempts = 28"),
        (lambda: Countdown(verdict_noise=1.5), "verdict_noise = 1.5"),
        (lambda: Countdown(part="test"), "part = 'test'"),
        (lambda: solve(Rules(), (3, 7, 11), 39), "39 cannot be reached from 3 7 11"),
        (lambda: solve(Rules(), (3, 7, 13), 20), "number = 13"),
        (lambda: solve(Rules(), (3, 7), 20), "2 numbers given"),
        (lambda: solve(Rules(), (3, 7, 11), 41), "target = 41"),
        (lambda: Rules().encode("3 / 70"), "'70' has no token"),
        (lambda: read(Rules(operations="+"), Rules().encode(f"{EXAMPLE} 7 / 3")).why, None),
        (lambda: trace_space(Rules(), 40, 3), "40 tokens is too short for 3 attempts"),
    ],
)
def test_bad_input_is_refused(make, message):
    if message is None:
        assert make() == "+ expected at place 8, found /"
        return
    with pytest.raises(ToylabError, match=message):
        make()
