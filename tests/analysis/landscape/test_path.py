"""Barriers against closed forms, and the identity that gives them from curvature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.path import along, barrier, bend, between, excess, green
from toylab.errors import ToylabError
from toylab.models.mlp import MLP

KEYS = jax.random.split(jax.random.key(0), 4)


def product_loss(w):
    """Half the squared error of ``w_1 w_2 = 1``."""
    return (w[0] * w[1] - 1) ** 2 / 2


@pytest.mark.parametrize("r", [2.0, 4.0, 8.0])
def test_scale_alone_makes_a_barrier(r: float):
    """Between (s, 1/s) and (t, 1/t) the product is 1 + (r + 1/r - 2) u (1 - u) with r = s / t."""
    a, b = jnp.array([3 * r, 1 / (3 * r)]), jnp.array([3.0, 1 / 3])
    expected = ((r + 1 / r - 2) / 4) ** 2 / 2
    found = barrier(along(product_loss, a, b))
    assert found == pytest.approx(expected, rel=1e-4)
    assert expected == pytest.approx({2: 0.0078125, 4: 0.158203, 8: 1.172363}[int(r)], rel=1e-5)


def test_opposite_signs_are_half_apart():
    assert barrier(along(product_loss, jnp.ones(2), -jnp.ones(2))) == pytest.approx(0.5)


def test_a_convex_loss_has_no_barrier():
    x, y = jax.random.normal(KEYS[0], (50, 4)), jax.random.normal(KEYS[1], (50, 3))
    loss = lambda w: -jnp.mean(jax.nn.log_softmax(x @ w)[:, 0]) + jnp.mean((x @ w - y) ** 2)
    a, b = jax.random.normal(KEYS[2], (2, 4, 3))
    curve = along(loss, a, b)
    assert excess(curve).max() == 0 and excess(curve).min() < 0
    assert barrier(curve) == 0


def test_ends_of_different_loss_are_joined_by_a_line():
    np.testing.assert_allclose(excess([1.0, 4.0, 3.0]), [0, 2, 0])
    assert barrier(np.linspace(1, 9, 25)) == pytest.approx(0, abs=1e-12)
    found = barrier([[0.0, 1.0, 0.0], [0.0, np.nan, 0.0]])
    assert found[0] == 1 and np.isnan(found[1])


@pytest.mark.parametrize("at", [0.3, 0.5])
def test_a_barrier_is_the_curvature_under_greens_function(at: float):
    model = MLP((3, 8, 8, 4), activation="tanh")
    with jax.enable_x64(True):
        double = lambda tree: jax.tree.map(lambda w: w.astype(jnp.float64), tree)
        a, b = (double(model.init(key)) for key in KEYS[:2])
        x = jax.random.normal(KEYS[2], (40, 3)).astype(jnp.float64)
        loss = lambda f: -jnp.mean(jax.nn.log_softmax(f)[:, 1])
        outputs = lambda params: model.apply(params, x)
        t_G, w_G = green(at, 24)
        total, newton = jax.jit(jax.vmap(lambda t: bend(outputs, loss, a, b, t)))(jnp.asarray(t_G))
        whole = lambda t: loss(outputs(between(a, b, t)))
        straight = (1 - at) * whole(0.0) + at * whole(1.0)
        assert float(whole(at) - straight) == pytest.approx(-float(w_G @ total), rel=1e-6)
        # The curvature itself against a difference, and Gauss and Newton's against its formula.
        i, step = 5, 1e-4
        t = float(t_G[i])
        difference = (whole(t + step) - 2 * whole(t) + whole(t - step)) / step**2
        assert float(total[i]) == pytest.approx(float(difference), rel=1e-4)
        rise = (outputs(between(a, b, t + step)) - outputs(between(a, b, t - step))) / (2 * step)
        p = np.asarray(jax.nn.softmax(outputs(between(a, b, t))))
        rise = np.asarray(rise)
        by_hand = ((p * rise**2).sum(1) - (p * rise).sum(1) ** 2).mean()
        assert float(newton[i]) == pytest.approx(by_hand, rel=1e-5)
        assert (np.asarray(newton) >= 0).all()


def test_lines_that_are_none_are_refused():
    with pytest.raises(ToylabError, match="points = 2"):
        along(product_loss, jnp.ones(2), jnp.ones(2), 2)
    with pytest.raises(ToylabError, match="shapes"):
        along(product_loss, jnp.ones(2), jnp.ones(3))
    with pytest.raises(ToylabError, match="at = 2"):
        green(2)
