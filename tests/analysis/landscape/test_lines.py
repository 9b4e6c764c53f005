"""Many lines at once against one at a time; pairs of a population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.lines import at_networks, at_pairs, on_lines, pair_table
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
    a, b = pairs[1].a, pairs[1].others["weights"]
    line_NMT = on_lines(total, MODEL, pairs, X, points=3)["sum"]
    assert line_NMT.shape == (2, len(ORDERS), 3) and line_NMT.dtype == np.float64
    middle = jax.tree.map(lambda x, y: (np.float64(x) + np.float64(y)) / 2, a, b)
    wanted = [by_hand(tree) for tree in (a, middle, b)]
    np.testing.assert_allclose(line_NMT[1, ORDERS.index("weights")], wanted, rtol=1e-12)
    at = at_networks(total, MODEL, [a, b], X)["sum"]
    np.testing.assert_allclose(at, [by_hand(tree) for tree in (a, b)], rtol=1e-12)
    value_NMK = at_pairs(total, MODEL, pairs, X, lambda a, b: [b, b, a])["sum"]
    np.testing.assert_allclose(value_NMK, line_NMT[..., [2, 2, 0]], rtol=1e-12)


@pytest.mark.parametrize("lost", [(0,), (0, 1)])
def test_a_pair_with_a_diverged_network_has_no_values(lost):
    lost_P = np.isin(np.arange(4) // 2, lost)
    pairs = pairs_of(MODEL, PARAMS, lost_P, X, ("none", "random"))
    assert [set(pair.others) == {"none", "random"} for pair in pairs] == [False, len(lost) == 1]
    value_NM3 = at_pairs(total, MODEL, pairs, X, lambda a, b: [a, b, a])["sum"]
    np.testing.assert_array_equal(np.isnan(value_NM3).all((1, 2)), np.isin([0, 1], lost))
    table = pair_table(pairs, {"network": ("a", "b", "c")}, value=value_NM3, at=np.arange(3))
    assert table.columns == ["pair", "matching", "network", "value", "at", "diverged"]
    assert table.filter("diverged")["pair"].unique().to_list() == list(lost)
    row = table.filter(pair=1, matching="random", network="b")
    np.testing.assert_array_equal(row["value"], value_NM3[1, 1, [1]])
    assert row["at"].item() == 1


def test_bad_pairs_are_refused():
    with pytest.raises(ToylabError, match="3 members; give an even number"):
        pairs_of(MODEL, PARAMS, np.zeros(3, bool), X)
    with pytest.raises(ToylabError, match="no order 'weight'; did you mean 'weights'"):
        pairs_of(MODEL, PARAMS, np.zeros(4, bool), X, ("weight",))
