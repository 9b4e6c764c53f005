"""The joint space of queries and keys: what must stay, and closed forms of its scale."""

import numpy as np
import pytest
from scipy.special import softmax

from toylab.analysis.circuits.joint import joint_embedding, mirrored
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
Q, K = 3 * RNG.normal(size=(1_000, 16)), 0.3 * RNG.normal(size=(1_000, 16))


def correlation(c: float) -> float:
    found = joint_embedding(Q, K, c, centred=False)
    return float(np.corrcoef(found.distances().ravel(), (Q @ K.T).ravel())[0, 1])


@pytest.mark.parametrize("scale", ["correlation", "distance", 0.7])
def test_attention_stays(scale: str | float):
    found = joint_embedding(Q + 1, K - 2, scale)
    before = softmax((Q + 1) @ (K - 2).T, -1)
    np.testing.assert_allclose(softmax(found.queries @ found.keys.T, -1), before, atol=1e-12)
    np.testing.assert_allclose((found.keys * found.scale).mean(0), (Q + 1).mean(0), atol=1e-12)


def test_closed_forms_are_the_best_scales():
    closed = {how: joint_embedding(Q, K, how, centred=False) for how in ("correlation", "distance")}
    ratio = (K**2).sum(1).mean() / (Q**2).sum(1).mean()
    assert closed["distance"].scale ** 4 == pytest.approx(ratio)
    for found in closed.values():
        assert found.scale == pytest.approx(0.1**0.5, rel=0.03)
        assert correlation(found.scale) == pytest.approx(-0.710, abs=0.01)  # of the Gaussian
    assert correlation(1.0) == pytest.approx(-0.137, abs=0.02)
    grid = [correlation(closed["correlation"].scale * c) for c in 2.0 ** np.linspace(-1, 1, 21)]
    assert min(grid) == pytest.approx(correlation(closed["correlation"].scale), abs=1e-3)
    mean = lambda c: joint_embedding(Q, K, c, centred=False).distances().mean()
    best = closed["distance"].scale
    assert mean(best) < min(mean(0.95 * best), mean(1.05 * best))


def test_what_has_no_scale_is_refused():
    with pytest.raises(ToylabError, match="no correlation scale"):
        joint_embedding(np.eye(4), np.eye(4), centred=False)
    with pytest.raises(ToylabError, match=r"queries \(3, 4\) and keys \(3, 5\)"):
        joint_embedding(np.ones((3, 4)), np.ones((3, 5)))
    with pytest.raises(ToylabError, match="scale 'best'"):
        joint_embedding(Q, K, "best")


def test_nearness_is_that_of_pairs():
    rng = np.random.default_rng(0)
    q_BLK, k_BMK = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
    found = joint_embedding(q_BLK.reshape(-1, 4), k_BMK.reshape(-1, 4))
    slow = found.distances().reshape(2, 3, 2, 5)
    apart = found.within(2)
    np.testing.assert_allclose(apart, [slow[0, :, 0], slow[1, :, 1]])
    visible_LM = np.tri(3, 5, 2, dtype=bool)
    score_BLM = np.einsum("blk,bmk->blm", q_BLK, k_BMK)
    pairs = []
    for b, row in np.ndindex(2, 3):
        seen = visible_LM[row]
        pairs += zip(
            score_BLM[b, row, seen] - score_BLM[b, row, seen].mean(),
            -apart[b, row, seen],
            strict=True,
        )
    expected = np.corrcoef(np.array(pairs).T)[0, 1]
    assert mirrored(found, score_BLM, visible_LM) == pytest.approx(expected)
