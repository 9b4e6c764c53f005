"""Many lines at once against one at a time; pairs of a population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.lines import at_networks, on_lines
from toylab.analysis.matching.pairs import ORDERS, pairs_of
from toylab.errors import ToylabError
from toylab.models.mlp import MLP

MODEL = MLP((3, 6, 2))
PARAMS = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 4))
X = np.random.default_rng(0).normal(size=(20, 3))


def total(model: MLP, params, data):
    """Sum of all outputs, in the arithmetic of the parameters."""
    kind = params["layers"]["0"]["kernel"].dtype
    return {"sum": jnp.sum(model.apply(params, jnp.asarray(data, kind)))}


def by_hand(params) -> float:
    own = [{k: np.asarray(v, np.float64) for k, v in params["layers"][i].items()} for i in "01"]
    hidden = np.maximum(X @ own[0]["kernel"] + own[0]["bias"], 0)
    return float((hidden @ own[1]["kernel"] + own[1]["bias"]).sum())


def test_lines_of_a_population_are_in_float64():
    pairs = pairs_of(MODEL, PARAMS, np.zeros(4, bool), jnp.asarray(X, jnp.float32))
    assert [set(pair.others) for pair in pairs] == [set(ORDERS)] * 2
    for name in ORDERS:  # one function in every order
        assert by_hand(pairs[1].others[name]) == pytest.approx(by_hand(pairs[1].others["none"]))
    first, second = [p.a for p in pairs], [p.others["weights"] for p in pairs]
    found = on_lines(total, MODEL, first, second, X, points=3)
    assert len(found) == 2 and found[0]["sum"].dtype == np.float64
    middle = jax.tree.map(lambda a, b: (np.float64(a) + np.float64(b)) / 2, first[1], second[1])
    wanted = [by_hand(tree) for tree in (first[1], middle, second[1])]
    np.testing.assert_allclose(found[1]["sum"], wanted, rtol=1e-12)
    at = at_networks(total, MODEL, first, X)["sum"]
    np.testing.assert_allclose(at, [by_hand(tree) for tree in first], rtol=1e-12)
    assert on_lines(total, MODEL, [], [], X) == []


def test_a_pair_with_a_diverged_network_has_no_lines():
    pairs = pairs_of(MODEL, PARAMS, np.array([0, 1, 0, 0], bool), X, ("none", "random"))
    assert pairs[0].others == {} and set(pairs[1].others) == {"none", "random"}
    with pytest.raises(ToylabError, match="3 members; give an even number"):
        pairs_of(MODEL, PARAMS, np.zeros(3, bool), X)
    with pytest.raises(ToylabError, match="no order 'weight'; did you mean 'weights'"):
        pairs_of(MODEL, PARAMS, np.zeros(4, bool), X, ("weight",))
