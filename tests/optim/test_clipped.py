"""Clipped gradient descent against its rule written out in NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.optim.clipped import ClippedSGD


@pytest.mark.parametrize("size", [0.1, 20.0])
def test_long_gradients_are_scaled_down_over_all_parameters(size):
    rng = np.random.default_rng(0)
    w = {"a": rng.normal(size=3), "b": rng.normal(size=(2, 2))}
    g = {name: size * rng.normal(size=leaf.shape) for name, leaf in w.items()}
    chain = ClippedSGD(0.1, longest=1.5).transform()
    cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), tree)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = chain.update(cast(g), chain.init(cast(w)), cast(w))
    found: Any = optax.apply_updates(cast(w), updates)
    norm = np.sqrt(sum((leaf**2).sum() for leaf in g.values()))
    for name, leaf in w.items():
        expected = leaf - 0.1 * g[name] * min(1, 1.5 / norm)
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)


def test_a_length_of_0_is_refused():
    with pytest.raises(ToylabError, match="longest"):
        ClippedSGD(0.1, longest=0)
