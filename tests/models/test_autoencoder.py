"""The two-matrix autoencoder against NumPy: outputs, gradients, sites and edits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.losses import squared_error
from toylab.models import Autoencoder
from toylab.models.autoencoder import NARROW
from toylab.taps import Edit, run
from toylab.task import Batch

N, M, B = 6, 3, 8
VARIANTS = [
    {},
    {"activation": "linear"},
    {"hidden_activation": "relu"},
    {"tied": False},
    {"tied": False, "hidden_activation": "relu", "bias": False},
]
rng = np.random.default_rng(1)
x_BN = rng.uniform(size=(B, N)).astype(np.float32)
weight_N = np.array([1, 0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
data = Batch(jnp.asarray(x_BN), jnp.asarray(x_BN), jnp.asarray(weight_N), {})


def drawn(model: Autoencoder) -> dict[str, np.ndarray]:
    """Parameters of the model's shapes with biases that are not 0."""
    shapes = (
        {"W": (M, N)} | ({} if model.tied else {"V": (N, M)}) | ({"b": (N,)} if model.bias else {})
    )
    return {n: rng.normal(scale=0.5, size=s).astype(np.float32) for n, s in shapes.items()}


def oracle(
    model: Autoencoder, params: dict[str, np.ndarray], x: np.ndarray
) -> dict[str, np.ndarray]:
    """Every site, one example and one unit at a time, in float64."""
    act = {"relu": lambda v: max(v, 0.0), "linear": lambda v: v}
    w = params["W"].astype(np.float64)
    v = w.T if model.tied else params["V"].astype(np.float64)
    b = params.get("b", np.zeros(N)).astype(np.float64)
    sites = {
        "hidden_pre": np.zeros((len(x), M)),
        "hidden": np.zeros((len(x), M)),
        "out_pre": np.zeros((len(x), N)),
        "out": np.zeros((len(x), N)),
    }
    for e, row in enumerate(x.astype(np.float64)):
        for m in range(M):
            sites["hidden_pre"][e, m] = sum(w[m, n] * row[n] for n in range(N))
            sites["hidden"][e, m] = act[model.hidden_activation](sites["hidden_pre"][e, m])
        for n in range(N):
            total = sum(v[n, m] * sites["hidden"][e, m] for m in range(M)) + b[n]
            sites["out_pre"][e, n] = total
            sites["out"][e, n] = act[model.activation](total)
    return sites


def loss_oracle(model: Autoencoder, params: dict[str, np.ndarray]) -> float:
    out = oracle(model, params, x_BN)["out"]
    return float((weight_N.astype(np.float64) * (x_BN - out) ** 2).sum(-1).mean())


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_site_is_that_of_the_oracle(variant: dict) -> None:
    model = Autoencoder(N, M, **variant)
    params = drawn(model)
    out, sites = run(model, params, jnp.asarray(x_BN), record=("*",))
    assert list(sites) == list(model.sites)
    for name, expected in oracle(model, params, x_BN).items():
        np.testing.assert_allclose(sites[name], expected, rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(out, sites["out"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_are_finite_differences(variant: dict) -> None:
    model = Autoencoder(N, M, **variant)
    params = drawn(model)
    found = jax.jit(jax.grad(lambda p: jnp.mean(squared_error(model, p, data))))(params)
    assert set(found) == set(params)
    step = 1e-6
    for name, array in params.items():
        expected = np.zeros(array.shape)
        for index in np.ndindex(*array.shape):
            sides = []
            for sign in (1, -1):
                moved = {n: a.astype(np.float64) for n, a in params.items()}
                moved[name][index] += sign * step
                sides.append(loss_oracle(model, moved))
            expected[index] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_initial_weights_have_the_stated_spread(tied: bool) -> None:
    model = Autoencoder(200, 100, tied=tied, init_scale=2.0, init_bias=0.25)
    params = model.init(jax.random.key(0))
    assert set(params) == {"W", "b"} | (set() if tied else {"V"})
    for name in set(params) - {"b"}:
        # The deviation of 20,000 normal draws is known to 0.5 per cent.
        np.testing.assert_allclose(np.std(params[name]), 2 * np.sqrt(2 / 300), rtol=0.02)
    np.testing.assert_array_equal(params["b"], np.full(200, 0.25, np.float32))
    if not tied:
        assert np.abs(np.corrcoef(params["W"].ravel(), params["V"].T.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("n_features", [6, NARROW + 1])
@pytest.mark.parametrize("bias", [True, False])
def test_a_gradient_in_one_product_is_that_of_the_chain_rule(n_features: int, bias: bool) -> None:
    model = Autoencoder(n_features, M, bias=bias)
    params = model.init(jax.random.key(2)) | ({"b": jnp.full(n_features, 0.1)} if bias else {})
    x = jnp.asarray(rng.uniform(size=(40, n_features)).astype(np.float32))
    by_itself = lambda p, x: jnp.sum(jnp.sin(model.apply(p, x)))
    # With any tap but the default the layers are gone through one by one.
    by_layers = lambda p, x: jnp.sum(jnp.sin(model.apply(p, x, lambda name, value: value)))
    found, wanted = (jax.jit(jax.grad(f, (0, 1)))(params, x) for f in (by_itself, by_layers))
    assert model._in_one_product == (n_features == 6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), found, wanted)


def test_an_edit_changes_what_comes_after_and_only_there() -> None:
    model = Autoencoder(N, M, hidden_activation="relu")
    params = drawn(model)
    clean, edited = oracle(model, params, x_BN), oracle(model, params, x_BN)
    where = np.array([True] * 4 + [False] * 4)[:, None]
    edits = [Edit("hidden", "scale", 2.0, where), Edit("hidden", "add", np.ones(M, np.float32))]
    _, sites = run(model, params, jnp.asarray(x_BN), record=("*",), edits=edits)
    edited["hidden"] = np.where(where, 2 * clean["hidden"], clean["hidden"]) + 1
    edited["out_pre"] = edited["hidden"] @ params["W"].astype(np.float64) + params["b"]
    edited["out"] = np.maximum(edited["out_pre"], 0)
    for name, expected in edited.items():
        np.testing.assert_allclose(sites[name], expected, rtol=3e-6, atol=3e-6)


def test_a_direction_projected_out_of_the_hidden_layer_is_gone() -> None:
    model = Autoencoder(N, M)
    params = drawn(model)
    direction = np.array([1, -2, 0.5], np.float32)
    edit = Edit("hidden", "project_out", direction)
    _, sites = run(model, params, jnp.asarray(x_BN), record=("hidden",), edits=[edit])
    np.testing.assert_allclose(sites["hidden"] @ direction, np.zeros(B), atol=1e-6)
    unit = direction / np.linalg.norm(direction)
    hidden = oracle(model, params, x_BN)["hidden"]
    expected = hidden - np.outer(hidden @ unit, unit)
    np.testing.assert_allclose(sites["hidden"], expected, atol=1e-6)


def test_patching_the_hidden_layer_gives_the_other_runs_output() -> None:
    model = Autoencoder(N, M)
    params = drawn(model)
    other = jnp.asarray(x_BN[::-1].copy())
    expected, sites = run(model, params, other, record=("hidden",))
    patch = Edit("hidden", "patch", sites["hidden"])
    found, _ = run(model, params, jnp.asarray(x_BN), edits=[patch])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Autoencoder(0, 2), "n_features = 0"),
        (lambda: Autoencoder(5, 2.5), "n_hidden = 2.5"),  # pyright: ignore[reportArgumentType]
        (lambda: Autoencoder(5, 2, activation="relo"), "did you mean 'relu'"),  # pyright: ignore
        (lambda: Autoencoder(5, 2, init_scale=-1.0), "init_scale = -1.0"),
    ],
)
def test_wrong_settings_are_refused(make, said: str) -> None:
    with pytest.raises(ToylabError, match=said):
        make()
