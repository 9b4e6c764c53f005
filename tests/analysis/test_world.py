"""The world-model tests, on networks made by hand whose verdicts are known."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from tests.lamps import LAMPS, LENGTH, START, HandMade, Lamps, subject
from toylab.analysis.world import language as words
from toylab.analysis.world import tests as world_tests
from toylab.analysis.world.base import Subject, bag, truth
from toylab.analysis.world.edits import directions, draw_cases, schemes, top_errors
from toylab.analysis.world.outcomes import Outcome, above, rows, summary
from toylab.analysis.world.pairs import Pairs, find_pairs, sufficient
from toylab.analysis.world.tests import Sizes, verdicts
from toylab.errors import ToylabError

SIZES = Sizes(sequences=96, edits=32, pairs=32, searched=600, words=16, samples=4)

NETWORKS = {
    "carrier": ({"state", "site"}, ""),
    "bag": ({"bag", "hidden"}, "T1 T2 T4 T5 T6 T7 T8"),
    "table": ({"state", "table", "site"}, "T3"),
    "two worlds": ({"state", "good", "site"}, "T4"),
    "output": ({"output", "hidden"}, "T1 T2 T4 T5 T6 T7 T8"),
    "bystander": ({"state", "hidden"}, "T6 T7"),
    "grudge": ({"state", "site", "grudge"}, "T7"),
    "blind": ({"state", "site", "blind"}, "T8"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_made_by_hand_fail_the_criteria_that_they_should(name: str) -> None:
    parts, fails = NETWORKS[name]
    seen, new = Lamps(first=(0, 1, 3, 4, 5)), Lamps(first=(2,))
    outcomes = world_tests.examine(subject(parts), seen, jax.random.key(0), SIZES, held_out=new)
    found = verdicts(outcomes)
    assert list(found) == [f"T{i}" for i in range(1, 9)]
    assert [criterion for criterion, passed in found.items() if not passed] == fails.split()
    table = summary(outcomes)
    assert table.filter(name="value").height == len(outcomes) and set(
        rows(outcomes)["criterion"]
    ) == set(found)


def test_bag_counts_tokens_by_their_age() -> None:
    inputs, vocab = np.array([[2, 0, 2, 1], [1, 1, 1, 1]]), 3
    found = bag(inputs, vocab, 2)
    slow = np.zeros((2, 4, 2 * vocab + 4))
    for b, t in np.ndindex(2, 4):
        for i in range(t + 1):
            slow[b, t, ((t - i) % 2) * vocab + inputs[b, i]] += 1
        slow[b, t, 2 * vocab + t] = 1
    assert (found == slow).all()
    assert (bag(inputs, vocab, 1)[..., :vocab] == slow[..., :3] + slow[..., 3:6]).all()


def test_pairs_are_of_the_states_that_they_claim() -> None:
    found = find_pairs(Lamps(), jax.random.key(1), 40, 600)
    assert found.twins is None  # toggles commute: the bag of tokens gives the lamps
    spots = np.arange(len(found.equal.place)), found.equal.place
    ends = [Lamps().states(prefix)[spots] for prefix in found.equal[:2]]
    assert (ends[0] == ends[1]).all() and len(np.unique(found.equal.place)) > 5
    for first, second, place in zip(*found.equal, strict=True):
        assert (first[: place + 1] != second[: place + 1]).any()
    spots = np.arange(len(found.others.place)), found.others.place
    possible = [truth(Lamps(), prefix)[1][spots] for prefix in found.others[:2]]
    assert (possible[0] != possible[1]).any(1).all()


@dataclasses.dataclass(frozen=True)
class Ladder(Lamps):
    """The ring with every second token counted apart, and order of no account to it."""

    period: int = 2

    def states(self, inputs: Any) -> np.ndarray:
        """Lamps after the last two tokens alone, so that one bag ends in different states."""
        toggles = np.eye(self.vocab, dtype=int)[np.asarray(inputs)][..., :LAMPS]
        before = np.pad(toggles, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        return (START + toggles + before) % 2


def test_twins_hold_the_same_tokens_and_allow_different_ones() -> None:
    world = Ladder()
    twins = find_pairs(world, jax.random.key(2), 40, 2000).twins
    assert twins is not None
    spots = np.arange(len(twins.place)), twins.place
    bags = [bag(prefix, world.vocab, 2)[spots] for prefix in twins[:2]]
    possible = [truth(world, prefix)[1][spots] for prefix in twins[:2]]
    assert (bags[0] == bags[1]).all() and (possible[0] != possible[1]).any(1).all()


def test_continuations_of_the_world_are_legal_and_grafts_keep_them() -> None:
    world, rng = Lamps(), np.random.default_rng(0)
    inputs = world.draw(jax.random.key(3), 20)
    place = rng.integers(0, LENGTH, 20)
    tokens = words.continued(words.of_world(world), inputs, place, rng)
    allowed = world.allowed(world.states(tokens[:, :-1]))
    assert np.take_along_axis(allowed, tokens[:, 1:, None], -1).all()
    kept = np.arange(LENGTH) <= place[:, None]
    assert (tokens[:, :-1] == inputs)[kept].all() and (tokens[:, :-1] != inputs).any()
    other = words.grafted(tokens, inputs[::-1], place)
    assert (other[:, :-1] == inputs[::-1])[kept].all()
    assert (other == tokens)[:, 1:][~kept].all()


def test_boundaries_against_a_search_of_all_continuations() -> None:
    """With many samples the sampled boundary is the whole one, counted by hand."""
    world, perfect = Lamps(), subject({"state", "site"})
    first, second = (np.tile(row, (1, 1)) for row in ([1] + [5] * 9, [2] + [5] * 9))
    pairs = Pairs(first, second, np.array([LENGTH - 2]))
    rng = np.random.default_rng(1)
    speak = lambda net, pairs, count: words.both(
        net, world, pairs, words.of_network(net), count, rng
    )
    true = lambda net: words.both(net, world, pairs, words.of_world(world), 60, rng)
    assert words.precision(*speak(perfect, pairs, 60), 60) == [1.0]
    assert words.recall(*true(perfect), 60) == [1.0]
    same = Pairs(first, first, pairs.place)
    assert words.compression(*speak(perfect, same, 8), 8) == [1.0]
    assert words.compression(*speak(perfect, pairs, 60), 60) == [0.0]
    deaf = subject({"state"})  # all tokens alike: it accepts everything and has no boundary
    assert np.isnan(words.precision(*speak(deaf, pairs, 20), 20))
    assert words.recall(*true(deaf), 60) == [0.0]


def test_edits_turn_the_readout_and_change_what_is_allowed() -> None:
    cases = draw_cases(Lamps(), jax.random.key(4), 30)
    assert ((cases.wanted != cases.states).sum(1) == 1).all()
    assert (cases.wanted != cases.decoys).any(1).all()
    assert (cases.allowed == Lamps().allowed(cases.wanted)).all()
    weight = np.random.default_rng(0).normal(size=(7, 2 * LAMPS))
    probe = type("Probe", (), {"weight": weight})
    spots = np.arange(30), (cases.wanted != cases.states).argmax(1)
    for metrics in (None, np.diag(np.arange(1.0, 8))[None]):
        step = directions([probe], cases.states, cases.wanted, 2, metrics)[0]
        read = (step @ weight).reshape(-1, LAMPS, 2)
        gain = read[(*spots, cases.wanted[spots])] - read[(*spots, cases.states[spots])]
        assert gain == pytest.approx(2 * np.ones(30), rel=1e-4)
    assert len({s[:3] for s in schemes(3)}) == 6


def test_errors_of_the_likeliest_tokens() -> None:
    logits = np.array([[3.0, 2, 1, 0], [3, 2, 1, 0]])
    allowed = np.array([[True, True, False, False], [False, True, False, True]])
    assert top_errors(logits, allowed).tolist() == [0, 2]


def test_margins_leave_out_units_without_a_value() -> None:
    value, control = np.array([0.9, np.nan, 0.7]), np.array([0.5, 0.7])
    outcome = above("T1", "", value, {"a": control, "b": control - 1}, 0.2, 0.8)
    assert outcome.passed and outcome.mean == pytest.approx(0.8)
    assert not above("T1", "", value, {"a": control}, 0.21).passed
    assert not above("T1", "", np.array([np.nan]), {"a": control}, 0.0).passed


def test_what_cannot_be_tested_is_refused() -> None:
    model = HandMade()
    with pytest.raises(ToylabError, match="one more"):
        Subject(model, {}, {}, ("embed",))
    with pytest.raises(ToylabError, match="no site 'stat'"):
        Subject(model, {}, {}, ("embed", "stat"))
    still = type("Still", (Lamps,), {"counterfactuals": lambda self, states, rng: states})()
    with pytest.raises(ToylabError, match="0 of 40"):
        draw_cases(still, jax.random.key(0), 10)
    with pytest.raises(ToylabError, match="by different prefixes"):
        find_pairs(Lamps(), jax.random.key(0), 4, 1)


def test_patches_need_states_that_differ() -> None:
    pairs = find_pairs(Lamps(), jax.random.key(5), 20, 300)
    outcomes: list[Outcome] = sufficient(subject({"state", "hidden"}), pairs, 1)
    assert [outcome.passed for outcome in outcomes] == [True, False]
