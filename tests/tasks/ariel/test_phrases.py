"""Sentences against a grammar of words, the parser against all strings, and what is refused."""

from itertools import product

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from tests.oracles.phrases import chance, numbered, parse, speak
from toylab.errors import ToylabError
from toylab.tasks.ariel.parser import parser
from toylab.tasks.ariel.phrases import Phrases
from toylab.tasks.ariel.samples import grammar_of

RNG = np.random.default_rng(0)
TINY, TASK = Phrases(1, 1, 1, told=0.6), Phrases()


@pytest.mark.parametrize("task", [TINY, TASK, Phrases(2, 3, 1, most=2), Phrases(2, 0, 2, most=0)])
def test_the_table_is_the_grammar(task):
    table, index = task.table(), {}
    assert table.tokens.shape == (task.size, task.length)
    assert table.chance.sum() == pytest.approx(1)
    for i, row in enumerate(table.tokens):
        words = task.words(row).split()
        assert parse(task, words) is not None
        assert table.chance[i] == pytest.approx(chance(task, words))
        np.testing.assert_array_equal(numbered(task, words, task.length), row)
        index[tuple(words)] = i
    assert len(index) == task.size
    seen = np.bincount([index[tuple(speak(task, RNG))] for _ in range(3_000)], minlength=task.size)
    assert chisquare(*_coarse(seen, table.chance * 3_000)).pvalue > 1e-3


def _coarse(seen, expected):
    """Neighbours together until each is expected ten times."""
    group = (np.cumsum(expected) / 10.001).astype(int)
    both = np.bincount(group, seen), np.bincount(group, expected)
    return [own[both[1] > 0] for own in both]


def test_all_strings_of_a_tiny_vocabulary_are_judged_as_by_the_rules():
    strings = np.array(list(product(range(TINY.vocab), repeat=5)))
    strings = np.concatenate([strings, 0 * strings[:, :1]], 1)
    accepted, known = parser(TINY).accepts(strings), set(map(tuple, TINY.table().tokens.tolist()))
    assert accepted.any()
    for row, found in zip(strings.tolist(), accepted.tolist(), strict=True):
        stop = row.index(0)
        assert found == (parse(TINY, [TINY.names[token] for token in row[:stop]]) is not None)
        assert found == (tuple(row[:stop] + [0] * (TINY.length - stop)) in known)


@pytest.mark.parametrize("task", [TASK, Phrases(2, 3, 1, most=2)])
def test_mutated_sentences_are_judged_as_by_the_rules(task):
    rows = task.table().tokens[RNG.integers(task.size, size=4_000)].copy()
    assert parser(task).accepts(rows).all()
    at = RNG.integers(task.length, size=len(rows))
    rows[np.arange(len(rows)), at] = RNG.integers(task.vocab, size=len(rows))
    known = set(map(tuple, task.table().tokens.tolist()))
    accepted = parser(task).accepts(rows)
    assert 0.1 < accepted.mean() < 0.6
    for row, found in zip(rows.tolist(), accepted.tolist(), strict=True):
        stop = row.index(0) if 0 in row else len(row)
        by_rules = 0 in row and parse(task, [task.names[t] for t in row[:stop]]) is not None
        assert found == by_rules
        assert found == (0 in row and tuple(row[:stop] + [0] * (len(row) - stop)) in known)


def test_a_corpus_is_drawn_by_the_chances_of_its_sentences():
    told = np.asarray(TASK.corpus())
    assert told.mean() == pytest.approx(0.8, abs=0.03)
    assert (np.asarray(Phrases(world=1).corpus()) != told).any()
    batch = jax.jit(lambda key: TASK.batch(key, 30_000))(jax.random.key(0))
    assert TASK.consistent(batch).all()
    p = TASK.table().chance * told
    seen = np.bincount(np.asarray(batch.latents["sentence"]), minlength=TASK.size)
    assert not seen[~told].any()
    assert chisquare(seen[told], 30_000 * p[told] / p.sum()).pvalue > 1e-3
    noisy = Phrases(noise=3).batch(jax.random.key(1), 5_000)
    noise = np.asarray(noisy.latents["noise"])
    assert noise.shape == (5_000, 3)
    assert np.abs(noise.mean(0)).max() < 0.06
    assert np.abs(np.cov(noise.T) - np.eye(3)).max() < 0.08


def test_losses_are_entropies():
    logs = [np.log(chance(TASK, TASK.words(row).split())) for row in TASK.table().tokens]
    assert TASK.entropy() == pytest.approx(-np.dot(np.exp(logs), logs))
    told = np.asarray(TINY.corpus())
    p = TINY.table().chance[told] / TINY.table().chance[told].sum()
    assert TINY.bayes_loss() == pytest.approx(-np.dot(p, np.log(p)) / TINY.length)
    every = TINY.enumerate()
    assert every is not None
    assert len(every.targets) == told.sum()
    assert TINY.consistent(every).all()
    assert Phrases(noise=1).enumerate() is None


def test_samples_are_scored_as_counted_by_hand():
    grammar, told = grammar_of(TASK), np.asarray(TASK.corpus())
    rows = RNG.choice(TASK.size, 500, p=TASK.table().chance)
    tokens = TASK.table().tokens[rows].copy()
    tokens[::5, 0] = 6  # a noun in front
    kept = [row for i, row in enumerate(rows) if i % 5]
    found, new = grammar.scores(tokens, told), {row for row in kept if not told[row]}
    assert found["valid"] == pytest.approx(0.8)
    assert found["distinct"] == pytest.approx(len(set(kept)) / TASK.size)
    assert found["new"] == pytest.approx(len(new) / (~told).sum())
    means = [grammar.scores(_draw(), told) for _ in range(30)]
    law = grammar.law(TASK.table().chance, told, 500)
    for name in ("distinct", "new"):
        assert np.mean([score[name] for score in means]) == pytest.approx(law[name], rel=0.03)
    assert law["valid"] == pytest.approx(1)


def _draw():
    return TASK.table().tokens[RNG.choice(TASK.size, 500, p=TASK.table().chance)]


def test_what_is_kept_of_two_ends_is_beyond_chance():
    grammar, table = grammar_of(TASK), TASK.table()
    ends = RNG.integers(TASK.size, size=(4_000, 2))
    ends = ends[(table.roles[ends[:, 0]] != table.roles[ends[:, 1]]).any(1)]
    first, other = table.tokens[ends[:, 0]], RNG.integers(TASK.size, size=len(ends))
    same, none = grammar.kept(first, ends), grammar.kept(table.tokens[other], ends)
    for role in ("subject", "verb", "object"):
        assert same[role] == 1
        assert none[role] == pytest.approx(0, abs=0.1)
    half = np.where((np.arange(len(ends)) % 2 == 0)[:, None], first, 0)  # every other is no one
    assert grammar.kept(half, ends)["valid"] == pytest.approx(0.5, abs=1e-3)
    assert grammar.kept(half, ends)["object"] == 1
    words = [TASK.words(row).split()[-1].rstrip("s") for row in table.tokens[:300]]
    nouns = [TASK.names[6 + 2 * noun] for noun in table.roles[:300, 2]]
    assert words == nouns


def test_grammars_that_cannot_be_are_refused():
    for match, settings in (
        ("most = 3", {"most": 3}),
        ("nouns = 9", {"nouns": 9}),
        ("told = 0", {"told": 0}),
        ("less than one", {"told": 1e-4}),
        ("more than the 300,000", {"nouns": 8, "adjectives": 6, "most": 2}),
        (r"noise = 0\.5", {"noise": 0.5}),
    ):
        with pytest.raises(ToylabError, match=match):
            Phrases(**settings)
