"""Texts under other meanings, and other goals in mind, against walks on the grid."""

import jax
import numpy as np
import pytest

from tests.oracles.karel import state, view, walk
from toylab.tasks.karel.goals import draw_cases
from toylab.tasks.karel.grid import ACTIONS, MOVE_IS_LEFT, MOVE_IS_RIGHT, TRUE
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.programs import END
from toylab.tasks.karel.texts import (
    SIGNED,
    TARGETS,
    classes,
    endpoints,
    halves,
    inner,
    labels,
    read,
    record,
)

TASK = Karel(3, 2, 5)


@pytest.fixture(scope="module")
def texts():
    batch = jax.jit(lambda key: TASK.batch(key, 200))(jax.random.key(5))
    tokens = np.asarray(batch.inputs)
    written = np.pad(tokens[:, TASK.prompt :], ((0, 0), (0, 1)), constant_values=TASK.vocab - 1)
    return read(TASK, tokens[:, : TASK.prompt], written)


def words(action_T):
    return [ACTIONS[a] for a in action_T if a < END]


def test_programs_solve_their_own_prompts_and_others_do_not(texts):
    assert texts.solved.all()
    written = np.roll(texts.tokens, 1, 0)[:, TASK.prompt :]
    written = np.pad(written, ((0, 0), (0, 1)), constant_values=TASK.vocab - 1)
    other = read(TASK, texts.tokens[:, : TASK.prompt], written)
    starts, ends = endpoints(TASK, texts.tokens)
    for b in range(200):
        reached = [walk(state(s, 3), words(other.actions[b]), 3)[-1] for s in starts[b]]
        assert other.solved[b] == (reached == [state(e, 3) for e in ends[b]])
    written[:, 0] = 0  # a state where an action should stand
    assert not read(TASK, texts.tokens[:, : TASK.prompt], written).solved.any()


@pytest.mark.parametrize("meaning", [TRUE, MOVE_IS_LEFT, MOVE_IS_RIGHT])
def test_classes_are_those_of_walks_by_a_meaning_to_the_prompts_goal(texts, meaning):
    found = labels(TASK, texts, meaning)
    named = {ACTIONS[a]: ACTIONS[b] for a, b in enumerate(meaning)}
    assert found.min() >= 0
    assert found.max() < classes(TASK)
    starts, ends = endpoints(TASK, texts.tokens)
    for b in range(60):
        path = walk(state(starts[b, 0], 3), words(texts.actions[b]), 3, named)
        for t, at in enumerate(path):
            wanted = view(path[0], at, state(ends[b, 0], 3), 3)
            shifted = [wanted[n] + (2 if n in SIGNED else 0) for n in TARGETS]
            assert found[b, t].tolist() == shifted


def test_inner_states_and_halves(texts):
    lengths = [len(words(a)) for a in texts.actions]
    assert inner(texts).sum(1).tolist() == [n - 1 for n in lengths]
    assert not inner(texts)[:, 0].any()
    half = {}
    for action_T, fit in zip(map(tuple, texts.actions), halves(texts), strict=True):
        assert half.setdefault(action_T, fit) == fit
    assert 0.3 < np.mean(list(half.values())) < 0.7


def test_a_record_counts_actions_and_knows_the_prompt(texts):
    found = record(TASK, texts)
    assert found.shape == (200, 6, 4 * (9 + 4) + 3 * 6 + 4)
    for b in (0, 7):
        for t in range(6):
            own, prompt = words(texts.actions[b])[:t], texts.tokens[b, :4]
            hot = np.flatnonzero(found[b, t])
            cells = [i * 9 + x // 4 for i, x in enumerate(prompt)]
            heads = [36 + i * 4 + x % 4 for i, x in enumerate(prompt)]
            counts = [52 + i * 6 + own.count(a) for i, a in enumerate(ACTIONS)]
            last = texts.actions[b, t - 1] if t else END
            assert hot.tolist() == [*cells, *heads, *counts, 70 + last]


def test_cases_ask_for_what_the_other_goal_asks_for(texts):
    turns = labels(TASK, texts)[..., TARGETS.index("to_turn")]
    cases = draw_cases(TASK, texts, turns, 0)
    assert len(cases.place) > 20
    programs, chances = TASK.programs.actions, TASK.programs.chances
    for c in range(0, len(cases.place), 5):
        after = cases.place[c] - TASK.prompt + 1
        prefix = cases.tokens[c, TASK.prompt : TASK.prompt + after] - TASK.code - 1
        laws = []
        for tokens, turn in ((cases.tokens[c], cases.now[c]), (cases.moved[c], cases.then[c])):
            law = np.zeros(4)
            for program, chance in zip(programs, chances, strict=True):
                paths = [walk(state(tokens[m], 3), words(program), 3) for m in (0, 2)]
                ends = [state(tokens[m], 3) for m in (1, 3)]
                if (program[:after] == prefix).all() and [p[-1] for p in paths] == ends:
                    law[(*program, END)[after]] += chance
            at = walk(state(tokens[0], 3), words(prefix), 3)[-1]
            assert turn == view(at, at, state(tokens[1], 3), 3)["to_turn"]
            laws.append(law)
        assert cases.wanted[c] == laws[1].argmax()
        assert laws[1].any()
        assert laws[0].any()
        assert laws[0][cases.wanted[c]] == 0
