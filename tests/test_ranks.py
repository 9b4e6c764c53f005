"""The area under the ROC curve against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from toylab.stats.ranks import auc


def test_auc_is_scikit_learns_and_none_without_two_kinds():
    rng = np.random.default_rng(0)
    values, positive = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    assert auc(values, positive) == pytest.approx(roc_auc_score(positive, values))
    assert auc(np.zeros(2), np.zeros(2, bool)) is None
    assert auc(np.zeros(2), np.ones(2, bool)) is None
