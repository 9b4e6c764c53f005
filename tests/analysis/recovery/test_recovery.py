"""Scores of recovery against closed forms, and slow loops over all assignments."""

import itertools

import numpy as np
import pytest

from toylab.analysis.recovery.directions import (
    cosines,
    matched_stability,
    random_atoms,
    recovery,
    stability,
)
from toylab.analysis.recovery.firing import absorption, firing_f1
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def test_a_permuted_copy_is_the_same_and_a_flipped_one_the_opposite():
    atoms = RNG.normal(size=(3, 7, 5))
    order = RNG.permutation(7)
    np.testing.assert_allclose(stability(atoms, 3 * atoms[:, order]), 1, atol=1e-12)
    square = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    # Orthogonal atoms against their opposites: any derangement gives 0, which is more than -1.
    np.testing.assert_allclose(stability(square, -square), 0, atol=1e-12)
    np.testing.assert_allclose(stability(square[:1], -square[:1]), -1, atol=1e-12)
    own = recovery(atoms, atoms)
    for score in own:
        np.testing.assert_allclose(score, 1, atol=1e-12)


def test_scores_are_those_of_slow_loops():
    atoms, features = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
    cos = np.array(
        [[a @ f / np.linalg.norm(a) / np.linalg.norm(f) for f in features] for a in atoms]
    )
    np.testing.assert_allclose(cosines(atoms, features), cos, atol=1e-12)
    found = recovery(atoms, features, level=0.5)
    np.testing.assert_allclose(found.recall, np.mean([max(col) for col in cos.T]))
    np.testing.assert_allclose(found.precision, np.mean([max(row) for row in cos]))
    np.testing.assert_allclose(found.found, np.mean([max(col) > 0.5 for col in cos.T]))
    ways = itertools.permutations(range(5), 4)
    best = max(np.mean([cos[row, g] for g, row in enumerate(way)]) for way in ways)
    np.testing.assert_allclose(found.matched, best)


def test_atoms_that_stand_for_features_are_compared():
    features = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    one = np.concatenate([features, RNG.normal(size=(3, 4))])
    other = np.concatenate([RNG.normal(size=(3, 4)), features[::-1] + 0.1])
    expected = [f @ (f + 0.1) / np.linalg.norm(f + 0.1) for f in features]
    np.testing.assert_allclose(matched_stability(one, other, features), np.mean(expected))
    assert stability(one, other) < np.mean(expected)


def test_the_null_of_random_dictionaries():
    one, other = np.split(random_atoms(40, 64, 32), 2)
    assert abs(stability(one, other).mean() - 0.378) < 0.01
    assert abs(recovery(one, other).recall.mean() - 0.405) < 0.01


def test_what_diverged_has_no_score():
    atoms = RNG.normal(size=(2, 4, 3))
    atoms[1, 0, 0] = np.nan
    for score in (*recovery(atoms, np.eye(3)), stability(atoms, np.eye(3))):
        assert np.isfinite(score).tolist() == [True, False]


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.ones((2, 4)), np.ones(3)])
def test_atoms_that_have_no_cosine(bad: np.ndarray):
    with pytest.raises(ToylabError, match="cosines"):
        cosines(bad, np.eye(3))


def test_firing_and_absorption_are_counted():
    active = RNG.random((200, 4)) < 0.4
    codes = np.where(RNG.random((200, 3)) < 0.5, RNG.random((200, 3)), 0)
    f1 = firing_f1(codes, active)
    for f, g in itertools.product(range(3), range(4)):
        fires, holds = codes[:, f] > 0, active[:, g]
        precision, recall = (fires & holds).sum() / fires.sum(), (fires & holds).sum() / holds.sum()
        np.testing.assert_allclose(f1[f, g], 2 * precision * recall / (precision + recall))
    latent, parent = np.array([0, 1, 2, 0]), np.array([-1, 0, 0, -1])
    found = absorption(codes, active, latent, parent)
    silent = [codes[n, 0] <= 0 for c in (1, 2) for n in range(200) if active[n, 0] & active[n, c]]
    alone = [codes[n, 0] <= 0 for n in range(200) if active[n, 0] and not active[n, 1:3].any()]
    np.testing.assert_allclose(found, (np.mean(silent), np.mean(alone)))
    with pytest.raises(ToylabError, match="inputs"):
        firing_f1(codes, active[:5])
