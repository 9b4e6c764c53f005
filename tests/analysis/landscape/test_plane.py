"""A plane's values against the function at points made by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.plane import on_plane
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)


def test_values_are_those_of_the_combination_of_the_three():
    a, b, c = ({"w": jnp.asarray(RNG.normal(size=(2, 3)), jnp.float32)} for _ in range(3))
    found = on_plane(lambda tree: jnp.sum(tree["w"] ** 3), a, b, c, side=5)
    w_a, w_b, w_c = (np.asarray(tree["w"], np.float64) for tree in (a, b, c))
    np.testing.assert_allclose(found.corners_32[1], [np.linalg.norm(w_b - w_a), 0], atol=1e-5)
    assert found.corners_32[2, 1] > 0
    lengths = [np.linalg.norm(x - y) for x, y in ((w_a, w_c), (w_b, w_c))]
    away = [np.linalg.norm(found.corners_32[i] - found.corners_32[2]) for i in (0, 1)]
    np.testing.assert_allclose(away, lengths, rtol=1e-5)
    shares = np.linalg.inv(found.corners_32[1:].T)  # of b - a and c - a, by coordinates
    for i, j in ((0, 0), (1, 3), (4, 2)):
        s, t = shares @ [found.x_X[j], found.y_Y[i]]
        w = w_a + s * (w_b - w_a) + t * (w_c - w_a)
        assert found.values_YX[i, j] == pytest.approx((w**3).sum(), rel=1e-3)


def test_three_on_a_line_are_refused():
    a, b = jnp.zeros(3), jnp.ones(3)
    with pytest.raises(ToylabError, match="on one line"):
        on_plane(jnp.sum, a, b, 2 * b)
    with pytest.raises(ToylabError, match="on one line"):
        on_plane(jnp.sum, a, a, b)
    with pytest.raises(ToylabError, match="side = 1"):
        on_plane(jnp.sum, a, b, b, side=1)
