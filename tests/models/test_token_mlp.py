"""TokenMLP against a loop over examples in NumPy, for every way of embedding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models import TokenMLP
from toylab.taps import run

NUMPY = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "quadratic": lambda x: x * x}
VARIANTS = {
    "one_hot": dict(hidden=(6,), activation="quadratic"),
    "separate": dict(hidden=(6,), embed=4),
    "shared_sum_deep": dict(
        hidden=(6, 5), embed=4, shared=True, combine="sum", activation="tanh", biases=True
    ),
    "one_hot_sum": dict(hidden=(3,), combine="sum", n_out=2, length=3),
}


def draw(model):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda s: jnp.asarray(rng.standard_normal(s.shape), jnp.float32), shapes)


def forward(model, params, tokens):
    """One example; every site by name."""
    embeds = []
    for place, token in enumerate(tokens):
        if model.embed is None:
            embeds.append(np.eye(model.vocab)[token])
        else:
            table = np.asarray(params["embed"], np.float64)
            embeds.append(table[token] if model.shared else table[place][token])
    h = sum(embeds) if model.combine == "sum" else np.concatenate(embeds)
    sites = {"embed": np.array(embeds)}
    for i in range(len(model.hidden) + 1):
        layer = params["layers"][str(i)]
        pre = h @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer.get("bias", 0.0))
        if i == len(model.hidden):
            return sites | {"logits": pre}
        h = NUMPY[model.activation](pre)
        sites |= {f"layers/{i}/pre": pre, f"layers/{i}/post": h}
    raise AssertionError


@pytest.mark.parametrize("name", VARIANTS)
def test_every_site_agrees_with_a_loop(name):
    model = TokenMLP(vocab=5, **VARIANTS[name])
    params = draw(model)
    tokens = np.random.default_rng(1).integers(5, size=(6, model.length))
    out, acts = run(model, params, jnp.asarray(tokens, jnp.int32), record=("*",))
    assert tuple(acts) == model.sites
    for row, example in enumerate(tokens):
        for site, value in forward(model, params, example).items():
            np.testing.assert_allclose(acts[site][row], value, rtol=2e-5, atol=2e-5, err_msg=site)
    np.testing.assert_array_equal(out, acts["logits"])


def test_initial_spread_is_one_over_the_root_of_fan_in():
    model = TokenMLP(vocab=50, hidden=(400,), embed=64, init_scale=0.5)
    params = model.init(jax.random.key(0))
    for leaf, fan_in in ((params["embed"], 64), (params["layers"]["0"]["kernel"], 128)):
        np.testing.assert_allclose(np.std(leaf), 0.5 / np.sqrt(fan_in), rtol=0.03)
    hot = TokenMLP(vocab=50, hidden=(400,)).init(jax.random.key(0))
    np.testing.assert_allclose(np.std(hot["layers"]["0"]["kernel"]), 2**-0.5, rtol=0.03)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: TokenMLP(vocab=5, hidden=()), "give a tuple of widths"),
        (lambda: TokenMLP(vocab=5, hidden=(0,)), r"hidden\[0\] = 0 is out of range"),
        (lambda: TokenMLP(vocab=5, hidden=(4,), shared=True), "give embed its width"),
        (lambda: TokenMLP(vocab=5, hidden=(4,), activation="relo"), "did you mean 'relu'"),
        (lambda: TokenMLP(vocab=5, hidden=(4,), combine="add"), "combine = 'add'"),
        (lambda: TokenMLP(vocab=5, hidden=(4,)).apply({}, jnp.zeros((2, 3), int)), "give .B, 2."),
    ],
)
def test_bad_settings_are_one_clear_error(make, match):
    with pytest.raises(ToylabError, match=match):
        make()
