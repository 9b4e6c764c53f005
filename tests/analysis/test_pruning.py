"""Pruning: exact for losses linear in a weight, against differences, masks and their nulls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.pruning.scores import (
    jaccard,
    jaccard_null,
    matched_magnitude,
    prune_scores,
    spared,
    top_share,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def test_signed_scores_are_exact_where_the_loss_is_linear():
    w = {"a": jnp.asarray(RNG.normal(size=(3, 2))), "b": jnp.asarray(RNG.normal(size=2))}
    x = jnp.asarray(RNG.normal(size=(5, 3)))
    loss = lambda w, x: jnp.sin(x) @ w["a"] @ jnp.array([1.0, -2.0]) + w["b"] @ w["b"] * 0
    found = prune_scores(loss, w, x)["a"]
    mean = lambda a: float(loss(w | {"a": a}, x).mean())
    for place in np.ndindex(3, 2):
        gain = mean(w["a"].at[place].set(0)) - mean(w["a"])
        assert float(found[place]) == pytest.approx(gain, abs=1e-6)
    np.testing.assert_allclose(prune_scores(loss, w, x, "snip")["a"], np.abs(found))


def test_per_sample_scores_do_not_cancel():
    w, x = jnp.array([2.0, -1.0]), jnp.array([[1.0, 0.0], [-1.0, 3.0]])
    loss = lambda w, x: jnp.tanh(x @ w)
    slow = [np.abs(np.asarray(w) * np.asarray(jax.grad(loss)(w, row))) for row in x]
    np.testing.assert_allclose(prune_scores(loss, w, x, "per_sample"), np.mean(slow, 0), rtol=1e-5)


def test_masks():
    harm, use = RNG.normal(size=(2, 1000)), RNG.normal(size=(2, 1000))
    top = top_share(harm, 0.03)
    assert (top.sum(1) == 30).all() and harm[0][top[0]].min() > harm[0][~top[0]].max()
    assert (spared(harm, use, 0.03, 0.1) == (top & ~top_share(use, 0.1))).all()
    drawn = matched_magnitude(top[0], harm[0])
    assert drawn.sum() == 30 and not (drawn & top[0]).any()
    gaps = np.sort(np.abs(harm[0][drawn])) - np.sort(np.abs(harm[0][top[0]]))
    assert np.abs(gaps).max() < 0.6


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_jaccard_of_independent_masks(share: float):
    a, b = (top_share(RNG.random((40, 20_000)), share) for _ in range(2))
    assert jaccard(a, b).mean() == pytest.approx(jaccard_null(share), rel=0.05)
    slow = len(set(np.flatnonzero(a[0])) & set(np.flatnonzero(b[0])))
    assert jaccard(a, b)[0] == pytest.approx(slow / (a[0].sum() + b[0].sum() - slow))


def test_what_cannot_be_is_refused():
    with pytest.raises(ToylabError, match="kind 'sign'; did you mean 'signed'"):
        prune_scores(lambda w, x: x @ w, jnp.ones(2), jnp.eye(2), "sign")
    with pytest.raises(ToylabError, match="share = 0 is out of range"):
        top_share(np.ones(4), 0)
    with pytest.raises(ToylabError, match="mark half at most"):
        matched_magnitude(np.ones(4, bool), np.ones(4))
