"""Doses of the gradient to the past, against differences of a position-by-position oracle."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles import foresight as oracle
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.toys.foresight import ForesightTransformer, past_gradient
from toylab.taps import run

PLAIN = ForesightTransformer(2, length=4, width=6, heads=2, hidden=8)
NORMED = dataclasses.replace(PLAIN, norm="layer")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 2)).astype(np.float32)
Y = RNG.normal(size=(2, 4)).astype(np.float32)


def perturbed(model):
    """Parameters whose gains and biases are not 1 and 0."""
    leaves, tree = jax.tree.flatten(model.init(jax.random.key(0)))
    noisy = [x + 0.3 * RNG.normal(size=x.shape).astype(np.float32) for x in leaves]
    return tree.unflatten(noisy)


@pytest.mark.parametrize("model", [PLAIN, NORMED])
def test_outputs_are_those_of_the_oracle_at_every_dose(model):
    params = perturbed(model)
    double = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    expected = [oracle.forward(double, x)[0] for x in X.astype(np.float64)]
    for dose in (0.0, 0.5, 1.0):
        found = dataclasses.replace(model, foresight=dose).apply(params, X)
        np.testing.assert_allclose(found, expected, atol=2e-5)
        np.testing.assert_array_equal(found, model.apply(params, X))


DOSES = [(PLAIN, 0.0, 0.0), (NORMED, 0.0, 0.0), (PLAIN, 0.3, 0.0), (PLAIN, 1.0, 0.0)]
DOSES += [(PLAIN, 0.0, 1.0), (PLAIN, 0.3, 0.6)]


@pytest.mark.parametrize(("model", "dose", "reading"), DOSES)
def test_gradient_is_the_derivative_with_a_dampened_past(model, dose, reading):
    own, params = dataclasses.replace(model, foresight=dose, reading=reading), perturbed(model)
    gradient = jax.jit(jax.grad(lambda p: jnp.sum((Y - own.apply(p, X)) ** 2)))(params)
    double = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    for _ in range(3):
        move = jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape), double)
        along = sum(
            np.sum(np.asarray(g, np.float64) * m)
            for g, m in zip(jax.tree.leaves(gradient), jax.tree.leaves(move), strict=True)
        )
        expected = sum(
            oracle.derivative(double, move, x, y, dose, reading)
            for x, y in zip(X.astype(np.float64), Y.astype(np.float64), strict=True)
        )
        assert along == pytest.approx(expected, rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("model", [PLAIN, NORMED])
def test_only_ordinary_training_reaches_the_past(model):
    params = perturbed(model)

    def reached(dose):
        own = dataclasses.replace(model, foresight=dose)
        jacobian = jax.jit(jax.jacobian(lambda x: own.apply(params, x[None])[0]))(jnp.asarray(X[0]))
        return np.abs(np.asarray(jacobian)).sum(-1)

    myopic, vanilla = reached(0.0), reached(1.0)
    assert (myopic[~np.eye(4, dtype=bool)] == 0).all()
    assert (vanilla[np.tril_indices(4)] > 0).all()
    np.testing.assert_allclose(np.diag(myopic), np.diag(vanilla), rtol=1e-4)


def test_a_sequence_of_one_has_no_past():
    params, x = perturbed(PLAIN), X[:, :1]
    slope = lambda model: jax.jit(jax.grad(lambda p: jnp.sum(model.apply(p, x) ** 2)))(params)
    alone = slope(dataclasses.replace(PLAIN, foresight=0.0)), slope(PLAIN)
    for a, b in zip(*map(jax.tree.leaves, alone), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_tap_serves_any_transformer_and_shows_what_it_would_show():
    model = Transformer(
        5, length=4, width=6, depth=2, heads=2, hidden=8, positions="rope", head_dim=4
    )
    params, tokens = model.init(jax.random.key(1)), jnp.array([[1, 4, 2, 0]])
    told = {}
    model.apply(params, tokens, past_gradient(lambda s, v: told.setdefault(s, v), 0.0))
    _, acts = run(model, params, tokens, record=("*",))
    assert list(told) == list(acts)
    for site, value in acts.items():
        np.testing.assert_array_equal(told[site], value)
    embedded = lambda e: model.apply(
        params, tokens, past_gradient(lambda s, v: e if s == "embed" else v, 0.0)
    )[0].sum(-1)
    jacobian = np.abs(np.asarray(jax.jit(jax.jacobian(embedded))(acts["embed"]))).sum((1, 3))
    assert (jacobian[~np.eye(4, dtype=bool)] == 0).all()


def test_sites_are_the_transformers():
    params = PLAIN.init(jax.random.key(0))
    outputs, acts = run(PLAIN, params, jnp.asarray(X), record=("*",))
    assert tuple(acts) == PLAIN.sites
    assert set(PLAIN.axes) == set(PLAIN.sites)
    np.testing.assert_array_equal(acts["final/logits"][..., 0], outputs)


def test_settings_and_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ToylabError, match=r"foresight = 1\.5"):
        dataclasses.replace(PLAIN, foresight=1.5)
    with pytest.raises(ToylabError, match="reading = -1"):
        dataclasses.replace(PLAIN, reading=-1)
    with pytest.raises(ToylabError, match="reading needs norm"):
        dataclasses.replace(NORMED, reading=0.5)
    with pytest.raises(ToylabError, match="not a multiple of heads"):
        dataclasses.replace(PLAIN, heads=4)
    with pytest.raises(ToylabError, match=r"give \(B, L, 2\)"):
        PLAIN.apply(PLAIN.init(jax.random.key(0)), jnp.zeros((1, 3, 5)))
