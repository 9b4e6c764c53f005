"""Attention by lag against a loop."""

import numpy as np

from toylab.analysis.attention_lags import attention_after_copies, attention_by_lag


def test_lags_agree_with_a_loop():
    pattern = np.random.default_rng(0).random((3, 2, 11, 11))
    found = attention_by_lag(pattern)
    assert found.shape == (3, 2, 5)
    for head, lag in ((0, 0), (1, 3), (1, 4)):
        known = np.mean([pattern[2, head, t, t - lag] for t in range(5, 11)])
        np.testing.assert_allclose(found[2, head, lag], known)


def test_attention_after_copies_agrees_with_a_loop():
    rng = np.random.default_rng(1)
    tokens, pattern = rng.integers(0, 4, (3, 9)), rng.random((3, 2, 9, 9))
    share_HT, chance_T = attention_after_copies(pattern, tokens, 5)
    for k in (0, 1, 5):
        own, even = [], []
        for b in range(3):
            for t in range(4, 9):
                places = [j for j in range(k, t + 1) if tokens[b, j - k] == tokens[b, t]]
                own.append(pattern[b, 1, t, places].sum())
                even.append(len(places) / (t + 1))
        np.testing.assert_allclose(share_HT[1, k], np.mean(own))
        np.testing.assert_allclose(chance_T[k], np.mean(even))
