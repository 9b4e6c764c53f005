"""In-context Markov chains: predictors by hand, the Bayes predictor, balanced chains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.markov_chains import MarkovChains, sinkhorn


def test_predictors_count_by_hand():
    task = MarkovChains(2, length=5)
    x = jnp.asarray([[0, 1, 0, 1, 1]], jnp.int32)
    batch = task.batch(jax.random.key(0), 1)
    batch = batch._replace(inputs=x, targets=jnp.asarray([[1, 0, 1, 1, 0]], jnp.int32))
    # After 0 came 1, twice; after 1 came 0, then 1.
    seen = [(0, 0), (0, 0), (0, 1), (1, 0), (1, 1)]
    expected = [[(a + 1) / (a + b + 2), (b + 1) / (a + b + 2)] for a, b in seen]
    np.testing.assert_allclose(task.bigram(batch)[0], expected, rtol=1e-6)
    ones = np.cumsum([0, 1, 0, 1, 1]) + 1
    np.testing.assert_allclose(task.unigram(batch)[0, :, 1], ones / np.arange(3, 8), rtol=1e-6)


def test_bigram_is_the_bayes_predictor():
    """No other predictor of the three has a lower loss; the true chain's own does."""
    task = MarkovChains(3, length=60)
    batch = jax.jit(lambda key: task.batch(key, 400))(jax.random.key(1))
    x, y = np.asarray(batch.inputs), np.asarray(batch.targets)
    loss = lambda p: -np.log(np.take_along_axis(np.asarray(p), y[..., None], -1)).mean()
    found = [loss(getattr(task, name)(batch)) for name in ("uniform", "unigram", "bigram")]
    true = np.asarray(batch.latents["transitions"])[np.arange(400)[:, None], x]
    assert found[0] > found[1] + 0.02 and found[1] > found[2] + 0.02 and found[2] > loss(true)
    assert loss(true) == pytest.approx(5 / 6, abs=0.03)  # mean entropy of a uniform row of 3


def test_balanced_chains_visit_all_states_alike():
    raw = jnp.asarray(np.random.default_rng(0).exponential(size=(3, 3)), jnp.float32)
    even = np.asarray(sinkhorn(raw))
    np.testing.assert_allclose([even.sum(0), even.sum(1)], 1, atol=2e-3)
    # A scaling keeps the ratios of products across the diagonal.
    ratio = lambda m: m[0, 0] * m[1, 1] / (m[0, 1] * m[1, 0])
    assert ratio(even) == pytest.approx(ratio(np.asarray(raw)), rel=1e-3)


def test_one_state_is_refused():
    with pytest.raises(ToylabError, match="n_states"):
        MarkovChains(1)
