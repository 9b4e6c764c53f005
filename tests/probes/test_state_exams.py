"""Exams of states against loops over places: majority, features, rows that do not count."""

import numpy as np
import pytest

from toylab.probes.exams import StateExam

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, (40, 5, 3))
FIT = RNG.random((40, 5)) < 0.5
JUDGED = ~FIT & (np.arange(5) > 0)
FEATURES = {"both": [0, 2], "one": [1]}


def exam():
    return StateExam(LABELS, FIT, JUDGED, FEATURES, 3)


def test_the_majority_is_that_of_each_place():
    right = np.zeros(2)
    for at in range(1, 5):
        fitted, judged = (LABELS[where[:, at], at] for where in (FIT, JUDGED))
        for f, columns in enumerate(FEATURES.values()):
            rows = [tuple(row) for row in fitted[:, columns]]
            counts = {row: rows.count(row) for row in rows}
            # The first in order of the code, in which a later variable weighs more.
            best = min(counts, key=lambda row: (-counts[row], row[::-1]))
            right[f] += sum(tuple(row) == best for row in judged[:, columns])
    np.testing.assert_allclose(exam().majority, right / JUDGED.sum())


@pytest.mark.parametrize("hidden", [{}, {"width": 32, "steps": 200}], ids=["linear", "mlp"])
def test_what_stands_there_is_read_and_features_want_all_their_variables(hidden):
    hot = np.eye(3, dtype=np.float32)[LABELS]
    every = hot.reshape(40, 5, -1)
    some = hot.copy()
    some[:, :, 2] = 0  # the third variable cannot be read
    more = np.concatenate([np.stack([every, some.reshape(40, 5, -1)])] * 2, 2)  # places beyond
    own = exam()
    accuracy_SF = own.accuracy(own.fitted(more, hidden), more)
    assert accuracy_SF[0].tolist() == [1, 1] and accuracy_SF[1, 1] == 1
    assert 0.15 < accuracy_SF[1, 0] < 0.6


def test_a_probe_that_is_not_finite_has_no_accuracy():
    own, x = exam(), np.full((1, 40, 5, 2), np.nan, np.float32)
    assert np.isnan(own.accuracy(own.fitted(x), x)).all()
    nothing = StateExam(LABELS, FIT, np.zeros_like(FIT), FEATURES, 3)
    assert np.isnan(nothing.majority).all()


def test_the_commonest_class_of_many_variables_is_counted():
    labels = np.zeros((40, 5, 45), int)
    labels[:10, :, 44] = 2
    every = {"every": list(range(45))}
    fit = np.broadcast_to(np.arange(40)[:, None] % 2 == 0, (40, 5))
    assert StateExam(labels, fit, ~fit, every, 3).majority == pytest.approx(30 / 40)
