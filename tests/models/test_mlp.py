"""The MLP against NumPy, closed forms and its own settings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from toylab.errors import ToylabError
from toylab.models import MLP
from toylab.models.layers import built, linear
from toylab.taps import Model, run

NUMPY = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "quadratic": lambda x: x * x,
    "identity": lambda x: x,
}


def draw(model, seed=0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda s: jnp.asarray(rng.standard_normal(s.shape), jnp.float32), shapes)


def inputs(model, batch=7):
    x = np.random.default_rng(1).standard_normal((batch, model.sizes[0]))
    return jnp.asarray(x, jnp.float32)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("activation", NUMPY)
def test_every_site_agrees_with_numpy(activation, biases):
    model = MLP(sizes=(4, 6, 5, 3), activation=activation, biases=biases)
    params, x = draw(model), inputs(model)
    out, acts = jax.jit(lambda p, x: run(model, p, x, record=("*",)))(params, x)
    layers = [
        {k: np.asarray(v, np.float64) for k, v in params["layers"][str(i)].items()}
        for i in range(3)
    ]
    h, expected = np.asarray(x, np.float64), {}
    for i, layer in enumerate(layers):
        pre = h @ layer["kernel"] + layer.get("bias", 0)
        h = NUMPY[activation](pre)
        expected |= {f"layers/{i}/pre": pre, f"layers/{i}/post": h} if i < 2 else {"logits": pre}
    assert tuple(expected) == model.sites and set(acts) == set(expected)
    for site, value in expected.items():
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(acts[site], value, rtol=0, atol=1e-5 * scale, err_msg=site)
    np.testing.assert_array_equal(out, acts["logits"])


def test_two_sizes_make_a_linear_model():
    model = MLP(sizes=(4, 3), activation="relu")
    params, x = draw(model), inputs(model)
    assert model.sites == ("logits",)
    layer = params["layers"]["0"]
    expected = np.asarray(x) @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    np.testing.assert_allclose(model.apply(params, x), expected, atol=1e-5)


@pytest.mark.parametrize("biases", [True, False])
def test_parameter_count_has_its_closed_form(biases):
    shapes = jax.eval_shape(MLP(sizes=(7, 11, 5), biases=biases).init, jax.random.key(0))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert count == 7 * 11 + 11 * 5 + (11 + 5) * biases


@pytest.mark.parametrize(("scale", "expected"), [(2.0, (2.0, 2.0)), ((0.5, 3.0), (0.5, 3.0))])
def test_initial_weights_have_the_stated_spread(scale, expected, key):
    params = jax.jit(MLP(sizes=(64, 256, 32), init_scale=scale).init)(key)["layers"]
    for i, fan_in in enumerate((64, 256)):
        kernel = np.asarray(params[str(i)]["kernel"])
        # Five standard errors of a standard deviation estimated from that many normals.
        ratio = kernel.std() / (expected[i] / np.sqrt(fan_in))
        assert abs(ratio - 1) < 5 / np.sqrt(2 * kernel.size)
        assert not np.any(params[str(i)]["bias"])


def test_initial_scale_may_differ_per_member(key):
    model = MLP(sizes=(4, 6, 3))
    scales = jnp.asarray([0.5, 2.0], jnp.float32)
    init = lambda s: dataclasses.replace(model, init_scale=s).init(key)
    kernels = jax.jit(jax.vmap(init))(scales)["layers"]["1"]["kernel"]
    np.testing.assert_allclose(kernels[0] * 4, kernels[1], rtol=1e-6)


def test_gradients_are_finite_and_keep_the_structure():
    model = MLP(sizes=(4, 6, 3), activation="quadratic")
    params, x = draw(model), inputs(model)
    grads = jax.jit(jax.grad(lambda p: jnp.mean(model.apply(p, x) ** 2)))(params)
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(grads))


def test_the_model_is_hashable_and_keeps_the_protocol():
    model = MLP(sizes=(4, 6, 3))
    assert isinstance(model, Model) and hash(model) == hash(MLP(sizes=(4, 6, 3)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(sizes=(4,)), "at least"),
        (dict(sizes=[4, 3]), "tuple"),
        (dict(sizes=(4, 0, 3)), r"sizes\[1\] = 0"),
        (dict(sizes=(4, 3), activation="quadratc"), "did you mean 'quadratic'"),
        (dict(sizes=(4, 3), init_scale=-1.0), "init_scale = -1.0"),
        (dict(sizes=(4, 3), init_scale=(1.0, 1.0)), "2 entries for 1 layers"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ToylabError, match=message):
        MLP(**settings)


def test_wrong_inputs_are_named():
    model = MLP(sizes=(4, 3))
    with pytest.raises(ToylabError, match=r"\(B, 4\)"):
        model.apply(draw(model), jnp.ones((2, 5), jnp.float32))


def test_layers_are_built_once_for_each_settings_with_their_spreads() -> None:
    made = []

    class Network(nnx.Module):
        def __init__(self, n_in: int, rngs: nnx.Rngs) -> None:
            made.append(n_in)
            self.map = linear(n_in, 3, True, rngs)

    for n_in in (4, 16, 4, 16):
        layer = jax.jit(lambda n_in=n_in: built(Network, n_in))()["map"]
        np.testing.assert_array_equal(layer["kernel"], np.full((n_in, 3), n_in**-0.5))
        np.testing.assert_array_equal(layer["bias"], np.zeros(3))
    assert made == [4, 16]
