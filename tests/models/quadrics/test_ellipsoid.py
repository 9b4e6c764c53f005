"""The quadratic network against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.quadrics.ellipsoid import Ellipsoid
from toylab.taps import run

MODEL = Ellipsoid(n_in=4, hidden=6)
PARAMS = MODEL.init(jax.random.key(0)) | {"w": jnp.float32(1.5), "b": jnp.float32(-0.5)}
X_BD = jax.random.normal(jax.random.key(1), (8, 4))


def test_logits_are_those_of_numpy():
    W, x = (np.asarray(part, np.float64) for part in (PARAMS["W"], X_BD))
    f_B = [1.5 * sum((row @ point) ** 2 for row in W) - 0.5 for point in x]
    logits = np.asarray(MODEL.apply(PARAMS, X_BD))
    np.testing.assert_allclose(logits[:, 1], f_B, rtol=1e-5)
    assert not logits[:, 0].any()


def test_every_site_is_tapped_once_and_changes_nothing():
    logits, found = run(MODEL, PARAMS, X_BD, record=("*",))
    assert tuple(found) == MODEL.sites
    assert jnp.array_equal(logits, MODEL.apply(PARAMS, X_BD))
    np.testing.assert_allclose(found["post"], np.asarray(found["pre"]) ** 2, rtol=1e-6)


def test_it_starts_as_a_sphere_on_average():
    W = np.asarray(Ellipsoid(50, 4000).init(jax.random.key(2))["W"])
    np.testing.assert_allclose(W.T @ W, np.eye(50), atol=0.1)


def test_what_is_no_network_is_refused():
    with pytest.raises(ToylabError, match="hidden = 0"):
        Ellipsoid(3, 0)
    with pytest.raises(ToylabError, match=r"give \(B, 4\)"):
        MODEL.apply(PARAMS, X_BD[:, :3])
