"""The area under the ROC curve against scikit-learn, rank correlation against SciPy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from toylab.stats.ranks import auc, rank_correlation


def test_auc_is_scikit_learns_and_none_without_two_kinds():
    rng = np.random.default_rng(0)
    values, positive = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    assert auc(values, positive) == pytest.approx(roc_auc_score(positive, values))
    assert auc(np.zeros(2), np.zeros(2, bool)) is None
    assert auc(np.zeros(2), np.ones(2, bool)) is None


def test_rank_correlation_is_scipys_and_nan_where_nothing_can_be_ranked():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (2, 6, 5))
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x.ravel(), y.ravel()).statistic)
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
    assert np.isnan(rank_correlation([1, 2, 3], [1, np.nan, 3]))


def test_infinite_ties_count_half():
    assert auc([np.inf, np.inf], [True, False]) == 0.5
    assert auc([-np.inf, 1, -np.inf], [True, False, False]) == 0.25
