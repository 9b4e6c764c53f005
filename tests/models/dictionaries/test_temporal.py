"""Temporal dictionaries against a loop over time, and what a forecast may not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.dictionaries.temporal import TemporalDictionary
from toylab.random import normal
from toylab.taps import run

X = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)


def drawn(model: TemporalDictionary):
    params = model.init(jax.random.key(0))
    return jax.tree.map(lambda v: v + 0.1 * normal(jax.random.key(v.size), v.shape), params)


def loop(params: dict, x_TD: np.ndarray, k: int, causal: bool) -> tuple[list, list]:
    """Predicted part and reconstruction of one sequence, time by time, in float64."""
    p = {name: np.asarray(leaf, np.float64) for name, leaf in params.items()}
    atoms = p["decoder"] / np.linalg.norm(p["decoder"], axis=1, keepdims=True)
    y = x_TD - p["centre"]
    code = [np.maximum(atoms @ row, 0) for row in y]
    past = [np.zeros(len(atoms)), *code[:-1]]
    told, out = [], []
    for t in range(len(y)):
        q = (past[t] if causal else code[t]) @ p["query"]
        score = np.array([q @ (past[s] @ p["key"]) / 4 for s in range(t + 1)])
        weight = np.exp(score) / np.exp(score).sum()
        pred = np.maximum(sum(w * (past[s] @ p["value"]) for s, w in enumerate(weight)), 0)
        raw = pred @ atoms
        scale = 1 if causal else (raw @ y[t] / max(raw @ raw, 1e-6))
        told.append(scale * raw)
        left = atoms @ (y[t] - told[-1])
        novel = np.where(left >= np.sort(left)[-k], np.maximum(left, 0), 0)
        out.append(p["centre"] + told[-1] + novel @ atoms)
    return told, out


@pytest.mark.parametrize("causal", [0, 1])
def test_parts_are_those_of_a_loop(causal: int):
    model = TemporalDictionary(4, 6, k=2, causal=causal, price=0.5)
    params = drawn(model)
    out, acts = run(model, params, jnp.asarray(X), record=("predicted", "novel"))
    slow = [loop(params, x, 2, bool(causal)) for x in X]
    np.testing.assert_allclose(acts["predicted"], [told for told, _ in slow], atol=1e-4)
    np.testing.assert_allclose(out, [whole for _, whole in slow], atol=1e-4)
    assert int((acts["novel"] > 0).sum(-1).max()) <= 2
    centre = np.asarray(params["centre"])
    loss = [((x - whole) ** 2).sum(1).mean() for x, (_, whole) in zip(X, slow, strict=True)]
    own = [((x - centre - told) ** 2).sum(1).mean() for x, (told, _) in zip(X, slow, strict=True)]
    expected = np.array(loss) + 0.5 * causal * np.array(own)
    np.testing.assert_allclose(model.objective(params, jnp.asarray(X)), expected, rtol=1e-4)


@pytest.mark.parametrize("causal", [0, 1])
def test_a_forecast_does_not_see_what_it_forecasts(causal: int):
    model = TemporalDictionary(4, 6, k=2, causal=causal, positions=1.0)
    params, other = drawn(model), X.copy()
    other[:, 3:] += 1
    both = [
        run(model, params, jnp.asarray(x), record=("predicted",))[1]["predicted"]
        for x in (X, other)
    ]
    same = np.asarray(np.isclose(*both, atol=1e-6)).all(axis=(0, 2)).tolist()
    assert same == [True, True, True, bool(causal), False]


def test_without_context_it_is_an_autoencoder():
    model = TemporalDictionary(4, 6, k=2, context=0)
    _, acts = run(model, drawn(model), jnp.asarray(X), record=("predicted",))
    assert not np.asarray(acts["predicted"]).any()


def test_one_input_has_no_past():
    model = TemporalDictionary(4, 6)
    with pytest.raises(ToylabError, match="two or more"):
        model.apply(drawn(model), jnp.asarray(X[:, :1]))
    with pytest.raises(ToylabError, match="k = 7"):
        TemporalDictionary(4, 6, k=7)
