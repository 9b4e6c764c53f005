"""Attention by lag against a loop."""

import numpy as np

from toylab.analysis.attention_lags import attention_by_lag


def test_lags_agree_with_a_loop():
    pattern = np.random.default_rng(0).random((3, 2, 11, 11))
    found = attention_by_lag(pattern)
    assert found.shape == (3, 2, 5)
    for head, lag in ((0, 0), (1, 3), (1, 4)):
        known = np.mean([pattern[2, head, t, t - lag] for t in range(5, 11)])
        np.testing.assert_allclose(found[2, head, lag], known)
