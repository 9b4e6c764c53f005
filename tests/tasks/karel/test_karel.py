"""Karel against a walk on the grid, and the exact laws of programs against plain counting."""

import collections
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles.karel import state, view, walk
from toylab.errors import ToylabError
from toylab.tasks.karel.grid import (
    ACTIONS,
    LEFT,
    MIRROR,
    MOVE,
    MOVE_IS_LEFT,
    MOVE_IS_RIGHT,
    RIGHT,
    TRUE,
    transitions,
    views,
)
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.programs import END, Programs

TASK = Karel()
PROGRAMS = TASK.programs


def words(action_T):
    return [ACTIONS[a] for a in action_T if a < END]


def test_every_program_from_every_state_is_a_walk():
    states = PROGRAMS.states(4)
    assert states.shape == (1_092, 7, 64)
    for n, action_T in enumerate(PROGRAMS.actions):
        own = words(action_T)
        for start in range(64):
            path = walk(state(start, 4), own, 4)
            path += path[-1:] * (7 - len(path))
            assert [state(s, 4) for s in states[n, :, start]] == path


@pytest.mark.parametrize("meaning", [MOVE_IS_LEFT, MOVE_IS_RIGHT, MIRROR, (RIGHT, MOVE, LEFT)])
def test_other_meanings_are_walks_with_other_words(meaning):
    programs, named = Programs(2, 3), {ACTIONS[a]: ACTIONS[b] for a, b in enumerate(meaning)}
    states = programs.states(3, meaning)
    for n, action_T in enumerate(programs.actions):
        path = walk(state(17, 3), words(action_T), 3, named)
        assert [state(s, 3) for s in states[n, : len(path), 17]] == path
    assert programs.states(3, TRUE) is programs.states(3)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_turns_are_a_group_and_moves_stop_at_the_wall(size):
    table = transitions(size)
    every = np.arange(4 * size**2)
    left, right = table[LEFT], table[RIGHT]
    np.testing.assert_array_equal(left[left[left[left]]], every)
    np.testing.assert_array_equal(left[right], every)
    np.testing.assert_array_equal(right[left], every)
    assert (table[MOVE] == every).sum() == 4 * size  # one heading of each border cell and wall
    there = every
    for _ in range(size):
        there = table[MOVE][there]
    np.testing.assert_array_equal(table[MOVE][there], there)


def test_views_are_those_of_the_oracle():
    rng = np.random.default_rng(0)
    at_3B = rng.integers(100, size=(3, 400))
    found = jax.jit(views, static_argnums=3)(*jnp.asarray(at_3B, jnp.int32), 5)
    for b, ends in enumerate(at_3B.T):
        wanted = view(*(state(s, 5) for s in ends), 5)
        assert {name: int(value[b]) for name, value in found.items()} == wanted


def drawn(task, count):
    batch = jax.jit(lambda key: task.batch(key, count))(jax.random.key(3))
    return jax.tree.map(np.asarray, batch)


def test_sequences_hold_examples_of_their_program():
    batch = drawn(TASK, 300)
    for b, tokens in enumerate(batch.inputs):
        text = [TASK.words[t] for t in tokens]
        assert text[4] == "CODE"
        own = [word for word in text[5:] if word != "END"]
        assert text[5:] == own + ["END"] * (6 - len(own))
        assert batch.latents["length"][b] == len(own) >= 1
        for m in (0, 2):
            path = walk(state(tokens[m], 4), own, 4)
            assert path[-1] == state(tokens[m + 1], 4)
            if not m:
                path += path[-1:] * (7 - len(path))
                for t, at in enumerate(path):
                    wanted = view(path[0], at, path[-1], 4)
                    assert {n: batch.latents[n][b, t] for n in wanted} == wanted
    np.testing.assert_array_equal(batch.targets[:, :-1], batch.inputs[:, 1:])
    assert (batch.targets[:, -1] == TASK.vocab - 1).all()
    assert (batch.weights == ([0] * 4 + [1] * 7)).all()


def test_programs_have_their_chances():
    batch = drawn(Karel(2, 1, 3, 2), 40_000)
    programs = Programs(2, 3)
    assert programs.chances.sum() == pytest.approx(1)
    seen = collections.Counter(map(tuple, batch.inputs[:, 3:] - 17))
    share = np.array([seen[tuple(row)] for row in programs.actions]) / 40_000
    np.testing.assert_allclose(share, programs.chances, atol=0.01)
    np.testing.assert_allclose(np.bincount(batch.inputs[:, 0]) / 40_000, 1 / 16, atol=0.01)


@pytest.mark.parametrize("examples", [1, 2])
def test_the_floor_is_the_entropy_counted_over_all_specifications(examples):
    programs, joint = Programs(1, 3), collections.Counter()
    chances = dict(zip(map(tuple, programs.actions), programs.chances, strict=True))
    for starts in itertools.product(range(16), repeat=examples):
        for program, chance in chances.items():
            ends = tuple(walk(state(s, 2), words(program), 2)[-1] for s in starts)
            joint[starts, ends, program] += chance / 16**examples
    spec, squared = collections.Counter(), 0.0
    for (starts, ends, _), chance in joint.items():
        spec[starts, ends] += chance
    floor = -sum(p * math.log(p / spec[s, e]) for (s, e, _), p in joint.items())
    squared = sum(p**2 for p in spec.values()) * 16**examples
    assert programs.floor(2, examples) == pytest.approx(floor)
    assert programs.satisfied_by_chance(2, examples) == pytest.approx(squared)
    assert Karel(2, examples, 3).bayes_loss() == pytest.approx(floor / 4)


def test_numbers_of_the_pocket_world():
    assert PROGRAMS.entropy() == pytest.approx(math.log(6) + 3.5 * 1.5 * math.log(2))
    assert PROGRAMS.floor(4, 1) == pytest.approx(2.4518, abs=1e-4)
    assert PROGRAMS.floor(4, 2) == pytest.approx(1.9197, abs=1e-4)
    assert PROGRAMS.satisfied_by_chance(4, 2) == pytest.approx(0.0558, abs=1e-4)
    assert PROGRAMS.floor(4, 5) is None


def test_the_exact_law_counts_programs_that_go_on():
    batch = drawn(TASK, 40)
    starts, ends = batch.inputs[:, 0:4:2], batch.inputs[:, 1:4:2]
    fits = PROGRAMS.fitting(starts, ends, 4)
    own = batch.inputs[:, 5:] - 65
    for after in (0, 2):
        law = PROGRAMS.next_law(fits, own, after)
        for b in range(40):
            weight = np.zeros(4)
            for program, chance in zip(PROGRAMS.actions, PROGRAMS.chances, strict=True):
                reached = [walk(state(s, 4), words(program), 4)[-1] for s in starts[b]]
                begins = (program[:after] == own[b, :after]).all()
                if begins and reached == [state(e, 4) for e in ends[b]]:
                    weight[program[after]] += chance
            assert fits[b].any()
            np.testing.assert_allclose(law[b], weight / weight.sum())
    nothing = PROGRAMS.next_law(np.zeros_like(fits), own, 2)
    assert np.isnan(nothing).all()


def test_the_exact_greedy_program_fits_every_specification():
    batch = drawn(TASK, 200)
    starts, ends = batch.inputs[:, 0:4:2], batch.inputs[:, 1:4:2]
    written = PROGRAMS.greedy(PROGRAMS.fitting(starts, ends, 4))
    for b, program in enumerate(written):
        reached = [walk(state(s, 4), words(program), 4)[-1] for s in starts[b]]
        assert reached == [state(e, 4) for e in ends[b]]


def test_texts_that_are_no_programs_are_wrong_and_stay():
    code, end = TASK.code, TASK.vocab - 1
    move, left = code + 1, code + 2
    texts = [
        [move, left, end, end, end, end, end],
        [move, left, end, move, 3, code, end],  # nothing counts behind END
        [end] * 7,  # no action
        [move, 5, end, end, end, end, end],  # a state among the actions
        [move, code, end, end, end, end, end],
        [move] * 7,  # no end
    ]
    actions, parsed = TASK.read(np.array(texts))
    assert parsed.tolist() == [True, True, False, False, False, False]
    assert actions.shape == (6, 6)
    assert actions[1].tolist() == [MOVE, LEFT, END, END, END, END]


def test_a_wrong_end_or_another_program_is_noticed():
    batch = drawn(TASK, 50)
    assert TASK.consistent(batch).all()
    moved = batch.inputs.copy()
    moved[:, 3] = (moved[:, 3] + 1) % 64
    assert not TASK.consistent(batch._replace(inputs=moved)).any()
    assert not Karel(shortest=6).consistent(batch).all()
    assert not TASK.consistent(batch._replace(targets=batch.targets[::-1])).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Karel(size=1), "size = 1"),
        (lambda: Karel(examples=0), "examples = 0"),
        (lambda: Karel(shortest=0), "shortest = 0"),
        (lambda: Karel(longest=3, shortest=4), "beyond longest"),
        (lambda: transitions(4, (0, 0, 1)), "no permutation"),
        (lambda: transitions(1), "size = 1"),
        (lambda: PROGRAMS.floor(4, 0), "examples = 0"),
        (lambda: PROGRAMS.fitting(np.zeros((2, 0)), np.zeros((2, 0)), 4), "one example or more"),
        (lambda: PROGRAMS.fitting(np.zeros((2, 1)), np.zeros((2, 2)), 4), "give both"),
    ],
)
def test_worlds_that_are_none_are_refused(make, message):
    with pytest.raises(ToylabError, match=message):
        make()
