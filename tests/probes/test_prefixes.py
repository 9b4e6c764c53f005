"""Prefixes that judged sequences share with fitted ones, against a loop over sets."""

import numpy as np

from toylab.probes.prefixes import seen_prefixes


def test_seen_prefixes_are_those_of_a_fitted_sequence():
    rng = np.random.default_rng(0)
    fitted, judged = rng.integers(0, 3, (20, 6)), rng.integers(0, 3, (30, 6))
    known = {tuple(row[: i + 1]) for row in fitted.tolist() for i in range(6)}
    expected = [[tuple(row[: i + 1]) in known for i in range(6)] for row in judged.tolist()]
    found = seen_prefixes(fitted, judged)
    assert found.tolist() == expected
    assert 0 < found[:, -1].mean() < found[:, 0].mean() == 1


def test_nothing_is_seen_without_fitted_sequences():
    assert not seen_prefixes(np.zeros((0, 4), int), np.zeros((3, 4), int)).any()
