"""Eigenvalues of many members against dense Hessians in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.members import member_eigenvalues
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def tanh_loss(params, given):
    """Mean squared error of a network of one hidden layer on its own data."""
    x, y, kept = given
    out = jnp.tanh(x @ params["w"]) @ params["v"]
    return jnp.sum(jnp.where(kept == 1, (out - y) ** 2, 0.0)) / 2


def test_every_member_has_the_eigenvalues_of_its_own_dense_hessian():
    params = {
        "w": RNG.normal(size=(3, 4, 5)).astype(np.float32),
        "v": RNG.normal(size=(3, 5)).astype(np.float32),
    }
    params["v"][2] = np.nan
    given = (RNG.normal(size=(3, 30, 4)), RNG.normal(size=(3, 30)), RNG.integers(2, size=(3, 30)))
    found = member_eigenvalues(tanh_loss, params, given, count=2, steps=25, which="magnitude")
    assert found.values_C.dtype == np.float64
    with jax.enable_x64(True):
        double = lambda leaf: jnp.asarray(leaf, jnp.float64)
        dense = jax.jit(
            jax.hessian(lambda w, own: tanh_loss({"w": w[:20].reshape(4, 5), "v": w[20:]}, own))
        )
        for p in range(2):
            flat = np.concatenate([params["w"][p].ravel(), params["v"][p]])
            own = (double(given[0][p]), double(given[1][p]), jnp.asarray(given[2][p]))
            h = np.asarray(dense(double(flat), own))
            values, vectors = np.linalg.eigh(h)
            order = np.argsort(-np.abs(values))[:2]
            assert found.values_C[p] == pytest.approx(values[order], rel=1e-9)
            top = np.concatenate([found.vectors["w"][p, 0].ravel(), found.vectors["v"][p, 0]])
            assert abs(top @ vectors[:, order[0]]) == pytest.approx(1, abs=1e-6)
            assert (found.bounds_C[p] < 1e-6).all()
    assert np.isnan(found.values_C[2]).all()


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ToylabError, match="count = 4"):
        member_eigenvalues(lambda w, _: jnp.sum(w**2), np.ones((2, 3)), count=4)
