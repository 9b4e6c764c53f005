"""Matching of networks against brute force, planted permutations and networks made by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.landscape.path import along, barrier
from toylab.analysis.matching.layers import averaged_layers, layers_of, permute, random_orders
from toylab.analysis.matching.match import (
    align_many,
    best_assignment,
    distance,
    match_activations,
    match_weights,
    mean_network,
)
from toylab.errors import ToylabError
from toylab.models.mlp import MLP

KEYS = jax.random.split(jax.random.key(0), 6)
X = jax.random.normal(KEYS[5], (200, 3))


def network(sizes, key, biased=True):
    """An MLP with biases that are not zero."""
    model = MLP(sizes, biases=biased)
    params = model.init(key)
    shaken = jax.tree.map(lambda w: w + 0.3 * jax.random.normal(key, w.shape), params)
    return model, shaken


def by_hand(*kernels, biases=()):
    """Parameters from lists."""
    layers = {str(i): {"kernel": jnp.array(k, jnp.float32)} for i, k in enumerate(kernels)}
    for i, bias in enumerate(biases):
        layers[str(i)]["bias"] = jnp.array(bias, jnp.float32)
    return {"layers": layers}


def overlap(a, b) -> float:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return float(sum((x * y).sum() for x, y in pairs))


@pytest.mark.parametrize("biased", [True, False])
def test_one_hidden_layer_is_matched_as_well_as_by_all_permutations(biased: bool):
    _, a = network((3, 5, 2), KEYS[0], biased)
    _, b = network((3, 5, 2), KEYS[1], biased)
    best = max(overlap(a, permute(b, (np.array(p),))) for p in itertools.permutations(range(5)))
    found = match_weights(a, b)
    assert found.overlap == pytest.approx(best, rel=1e-5)
    assert overlap(a, permute(b, found.orders)) == pytest.approx(best, rel=1e-5)


def test_two_hidden_layers_end_where_no_layer_gains_and_near_the_best():
    _, a = network((3, 4, 4, 2), KEYS[0])
    _, b = network((3, 4, 4, 2), KEYS[1])
    orders = [np.array(p) for p in itertools.permutations(range(4))]
    best = max(overlap(a, permute(b, both)) for both in itertools.product(orders, orders))
    found = match_weights(a, b, tries=20)
    assert found.overlap <= best + 1e-4
    assert found.overlap == pytest.approx(best, rel=0.02)
    for other in orders:  # a coordinate-wise optimum
        assert overlap(a, permute(b, (other, found.orders[1]))) <= found.overlap + 1e-4
        assert overlap(a, permute(b, (found.orders[0], other))) <= found.overlap + 1e-4


@pytest.mark.parametrize("sizes", [(3, 16, 2), (3, 8, 8, 8, 2)])
def test_a_permuted_copy_is_recovered_by_weights_and_by_activations(sizes):
    model, a = network(sizes, KEYS[2])
    orders = random_orders(a, 7)
    b = permute(a, orders)
    np.testing.assert_allclose(model.apply(a, X), model.apply(b, X), atol=1e-5)
    for found in (match_weights(a, b, tries=10), match_activations(model, a, b, X)):
        back = permute(b, found.orders)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(back), strict=True):
            np.testing.assert_array_equal(x, y)
    loss = lambda params: jnp.mean((model.apply(params, X) - model.apply(a, X)) ** 2)
    assert barrier(along(loss, a, b)) > 0.01
    assert barrier(along(loss, a, back)) < 1e-9
    assert distance(a, back) == 0 < distance(a, b)


def test_two_swapped_halves_of_an_absolute_value():
    """|x| = relu(x) + relu(-x): between the two orders lies the function 0, of loss E x^2 / 2."""
    a = by_hand([[1.0, -1.0]], [[1.0], [1.0]])
    b = permute(a, (np.array([1, 0]),))
    model, x = MLP((1, 2, 1), biases=False), jnp.linspace(-1, 1, 2001)[:, None]
    loss = lambda params: jnp.mean((model.apply(params, x) - jnp.abs(x)) ** 2) / 2
    assert float(barrier(along(loss, a, b))) == pytest.approx(float(jnp.mean(x**2)) / 2, rel=1e-5)
    assert match_weights(a, b).orders[0].tolist() == [1, 0]


def test_a_corner_learned_in_two_ways_stays_apart_under_all_permutations():
    """y = (x_1 <= 0 and x_2 >= 0), right in both networks; every permuted line says no halfway.

    One network adds up by how much each condition is violated. The other does so by units that are
    never off, ``relu(2 - relu(2 - x))``, of opposite signs: halfway the violations are constants.
    """
    steep, slight = 400.0, 1e-3
    a = by_hand(
        [[1.0, 0.0], [0.0, -1.0]],
        [[1.0, 0.0], [0.0, 1.0]],
        [[-steep], [-steep]],
        biases=([0, 0], [0, 0], [slight * steep]),
    )
    b = by_hand(
        [[-1.0, 0.0], [0.0, 1.0]],
        [[-1.0, 0.0], [0.0, -1.0]],
        [[-steep], [-steep]],
        biases=([2, 2], [2, 2], [slight * steep]),
    )
    model, side = MLP((2, 2, 2, 1)), jnp.linspace(-1, 1, 100)
    x = jnp.stack(jnp.meshgrid(side, side), -1).reshape(-1, 2)
    yes = (x[:, 0] <= 0) & (x[:, 1] >= 0)
    error = lambda params: jnp.mean((model.apply(params, x)[:, 0] > 0) != yes)
    assert error(a) == error(b) == 0
    swap = [np.array([0, 1]), np.array([1, 0])]
    for orders in itertools.product(swap, swap):
        errors = along(error, a, permute(b, orders))
        assert float(errors.max()) == pytest.approx(float(yes.mean()), abs=0.01)


def test_many_copies_merge_into_one():
    model, a = network((3, 12, 2), KEYS[3])
    copies = [permute(a, random_orders(a, seed)) for seed in range(4)]
    merged = mean_network(align_many(copies))
    np.testing.assert_allclose(model.apply(merged, X), model.apply(a, X), atol=1e-4)
    assert np.abs(model.apply(mean_network(copies), X) - model.apply(a, X)).max() > 0.1


def test_layers_are_averaged_one_at_a_time():
    (_, a), (_, b) = (network((3, 4, 4, 2), key) for key in KEYS[:2])
    found = averaged_layers(a, b)
    assert len(found) == 6
    for n, own in enumerate(found):
        for i in range(3):
            x, y, z = (np.asarray(t["layers"][str(i)]["kernel"]) for t in (a, b, own))
            np.testing.assert_allclose(z, (x + y) / 2 if i == n // 2 else (y if n % 2 else x))


def test_duplicated_and_dead_units_leave_the_function():
    model, a = network((3, 6, 2), KEYS[4])
    kernel = a["layers"]["0"]["kernel"].at[:, 1].set(a["layers"]["0"]["kernel"][:, 0])
    a["layers"]["0"]["kernel"] = kernel.at[:, 2].set(0.0)
    b = permute(a, random_orders(a, 3))
    back = permute(b, match_weights(a, b).orders)
    np.testing.assert_allclose(model.apply(back, X), model.apply(a, X), atol=1e-5)


def test_what_cannot_be_matched_is_refused():
    model, a = network((3, 4, 2), KEYS[0])
    _, wide = network((3, 5, 2), KEYS[0])
    _, deep = network((3, 4, 4, 2), KEYS[0])
    lost = jax.tree.map(lambda w: w * jnp.nan, a)
    with pytest.raises(ToylabError, match=r"kernels .* give networks of one shape"):
        match_weights(a, wide)
    with pytest.raises(ToylabError, match="one shape"):
        match_activations(model, a, deep, X)
    with pytest.raises(ToylabError, match="layer 0 is not finite; leave out networks"):
        match_weights(a, lost)
    with pytest.raises(ToylabError, match="not finite"):
        best_assignment(np.array([[np.nan]]))
    with pytest.raises(ToylabError, match="parameters of layers, norm; give those of an MLP"):
        layers_of("here", a | {"norm": {}})
    with pytest.raises(ToylabError, match="give one network"):
        layers_of("here", jax.tree.map(lambda w: w[None], a))
    with pytest.raises(ToylabError, match=r"permutation for each hidden layer, of sizes \[4\]"):
        permute(a, (np.array([0, 0, 1, 2]),))
    with pytest.raises(ToylabError, match="1 network"):
        align_many([a])
    with pytest.raises(ToylabError, match="tries = 0"):
        match_weights(a, a, tries=0)
