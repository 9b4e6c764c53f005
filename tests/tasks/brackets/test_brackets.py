"""Bracket strings: samplers against every string, rules against a parser, closed forms."""

import math

import jax
import numpy as np
import pytest
from scipy import stats

from tests.oracles.brackets import depth, every, parses, unseen
from toylab.errors import ToylabError
from toylab.tasks.brackets import strings as s
from toylab.tasks.brackets.brackets import Brackets


def drawn(task, count, seed=0):
    batch = jax.jit(lambda key: task.batch(key, count))(jax.random.key(seed))
    return batch, s.decode(np.asarray(batch.inputs))


def assert_uniform(found, possible):
    count = {text: 0 for text in possible}
    for text in found:
        count[text] += 1  # a string that is not possible fails here
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


@pytest.fixture(scope="module")
def seen():
    return drawn(Brackets(4), 20_000)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_balanced_strings_are_catalans_and_uniform(seen, n):
    own = [t for t in seen[1] if len(t) == 2 * n and parses(t)]
    possible = [t for t in every(2 * n) if parses(t)]
    assert len(possible) == math.comb(2 * n, n) // (n + 1)
    assert_uniform(own, possible) if n > 1 else None


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_other_strings_of_training_are_uniform_over_unequal_counts(seen, n):
    own = [t for t in seen[1] if len(t) == 2 * n and not parses(t)]
    assert_uniform(own, [t for t in every(2 * n) if t.count("(") != n])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_unseen_strings_are_uniform_over_equal_counts_that_do_not_parse(n):
    _, found = drawn(Brackets(4, unseen=True), 20_000)
    possible = unseen(2 * n)
    assert len(possible) == math.comb(2 * n, n) * n // (n + 1)
    assert_uniform([t for t in found if len(t) == 2 * n], possible)


def test_lengths_and_answers_have_their_shares(seen):
    batch, found = seen
    count = np.bincount([len(t) // 2 for t in found], minlength=5)[1:]
    assert stats.chisquare(count, s.pairs_law(4) * len(found)).pvalue > 1e-3
    for share in (0.5, 0.2):
        _, own = (batch, found) if share == 0.5 else drawn(Brackets(4, yes_share=0.2), 20_000)
        mean = np.mean([parses(t) for t in own])
        assert abs(mean - share) < 5 * math.sqrt(share * (1 - share) / len(own))


def test_answers_and_latents_agree_with_a_parser(seen):
    batch, found = seen
    told = jax.tree.map(np.asarray, batch)
    for i, text in enumerate(found[:500]):
        assert told.inputs[i, 0] == s.BOS
        assert told.inputs[i, len(text) + 1] == s.EOS
        assert (told.inputs[i, len(text) + 2 :] == s.PAD).all()
        assert told.targets[i].tolist() == [
            int(j == len(text) + 1 and parses(text)) for j in range(10)
        ]
        np.testing.assert_array_equal(np.flatnonzero(told.weights[i]), [len(text) + 1])
        assert told.latents["depth"][i, 1 : len(text) + 1].tolist() == depth(text)
        assert told.latents["nested"][i] == parses(text)
        assert told.latents["equal"][i] == (text.count("(") * 2 == len(text))


@pytest.mark.parametrize("size", [2, 4, 6, 8, 10, 12])
def test_rules_on_every_string(size):
    texts = every(size)
    tokens = s.encode(texts, pairs=6)
    assert s.decode(tokens) == texts
    known = {
        "equal count": lambda t: t.count("(") == t.count(")"),
        "first symbol": lambda t: t.count("(") == t.count(")") and t[0] == "(",
        "both ends": lambda t: t.count("(") == t.count(")") and t[0] == "(" and t[-1] == ")",
        "nested": parses,
    }
    for name, rule in s.RULES.items():
        assert rule(tokens).tolist() == [known[name](t) for t in texts]
    own = [t for t in texts if known["equal count"](t)]
    assert sum(map(parses, own)) == pytest.approx(len(own) / (size // 2 + 1))


@pytest.mark.parametrize("rule", list(s.RULES))
@pytest.mark.parametrize("pairs", [1, 2, 5])
def test_shares_that_rules_reject_are_exact(rule, pairs):
    shares = []
    for n in range(1, pairs + 1):
        tokens = s.encode(unseen(2 * n), pairs)
        shares.append(1 - s.RULES[rule](tokens).mean())
    assert s.rejected(rule, pairs) == pytest.approx(s.pairs_law(pairs) @ shares)


def test_the_notes_of_the_paper_on_its_own_law():
    assert s.rejected("first symbol", 20) == pytest.approx(0.554, abs=0.01)
    assert s.rejected("both ends", 20) == pytest.approx(0.81, abs=0.01)


def test_another_strings_latents_are_noticed(seen):
    batch, _ = seen
    assert Brackets(4).consistent(batch).all()
    assert not Brackets(4, unseen=True).consistent(batch).any()
    wrong = batch._replace(inputs=np.roll(np.asarray(batch.inputs), 1, 0))
    assert not Brackets(4).consistent(wrong).all()


@pytest.mark.parametrize(
    ("strings", "words"),
    [
        ([], "no strings"),
        ([""], "0 symbols"),
        (["(()"], "3 symbols"),
        (["([])"], "holds"),
        (["((()))"], "room for 4"),
    ],
)
def test_bad_strings(strings, words):
    with pytest.raises(ToylabError, match=words):
        s.encode(strings, pairs=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pairs": 0}, "pairs = 0"),
        ({"pairs": 2.5}, "pairs = 2.5"),
        ({"yes_share": 0.0}, "yes_share = 0.0"),
        ({"yes_share": 1.0}, "one class"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ToylabError, match=words):
        Brackets(**settings)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ToylabError, match="no rule"):
        s.rejected("last symbol", 3)
