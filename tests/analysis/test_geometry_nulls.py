"""Class means and null models of graph geometry, against loops and exhaustive relabelling."""

import itertools

import networkx as nx
import numpy as np
import pytest

from tests.oracles.geometry import GRAPHS, grid, ring, slow_energy
from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import (
    correlation_of_distances,
    dirichlet_energy,
    graph_distances,
    spectral_overlap,
)
from toylab.analysis.geometry.nulls import (
    chance_energy,
    neighbour_mix,
    permutation_null,
    permute_nodes,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)

# Class means -------------------------------------------------------------------------------------


def test_class_means_agree_with_a_loop():
    acts = RNG.normal(size=(3, 4, 10, 5)).astype(np.float32)
    nodes = RNG.integers(-1, 6, (4, 10))
    windows = ((0, 10), (7, 10), (2, 3))
    means, used = class_means(acts, nodes, 6, windows)
    assert means.shape == (3, 3, 6, 5)
    for layer, (w, (start, stop)), node in itertools.product(
        range(3), enumerate(windows), range(6)
    ):
        picked = [
            acts[layer, b, t].astype(np.float64)
            for b in range(4)
            for t in range(start, stop)
            if nodes[b, t] == node
        ]
        assert used[w, node] == len(picked)
        known = np.mean(picked, 0) if picked else np.full(5, np.nan)
        np.testing.assert_allclose(means[layer, w, node], known)
    assert (used == 0).any()


def test_class_means_of_equal_visits_take_the_latest():
    nodes = np.array([[0, 1, 0, 0, 1], [0, 1, 1, 0, -1]])
    acts = np.arange(10.0).reshape(2, 5, 1)
    means, used = class_means(acts, nodes, 2, [(0, 5), (3, 5)], visits=2)
    # Node 0 was last met at place 3 of both walks, node 1 at place 4 of the first and 2 of the
    # second; in the second window node 1 was met just once.
    np.testing.assert_array_equal(used, [[2, 2], [2, 0]])
    np.testing.assert_array_equal(means[..., 0], [[5.5, 5.5], [5.5, np.nan]])
    one, _ = class_means(acts, nodes, 2, [(0, 5)], visits=1)
    np.testing.assert_array_equal(one[..., 0], [[3, 4]])


# Null models -------------------------------------------------------------------------------------


def test_neighbour_mix_agrees_with_a_loop_and_repeats():
    e = RNG.normal(size=(2, 16, 3))
    graph = grid(4)
    known = np.stack(
        [
            [x[i] + np.mean([x[j] for j in np.flatnonzero(graph[i])], 0) for i in range(16)]
            for x in e
        ]
    )
    np.testing.assert_allclose(neighbour_mix(e, graph), known)
    np.testing.assert_allclose(neighbour_mix(e, graph, 2), neighbour_mix(known, graph))


# Published values at D = 4096: energy, correlation and overlap of the mix; chance overlap is
# 2 / (N - 1). One draw of embeddings here, several there.
MIXED = {"grid4": (0.200, 0.114, 0.81, 0.98), "ring10": (0.222, 0.091, 0.82, 1.00)}


@pytest.mark.parametrize("name", MIXED)
def test_neighbour_mix_draws_the_graph_by_itself(name):
    graph, (before, after, correlation, overlap) = GRAPHS[name], MIXED[name]
    e = RNG.normal(size=(len(graph), 4096))
    assert chance_energy(graph) == pytest.approx(before, abs=5e-4)
    assert dirichlet_energy(e, graph) == pytest.approx(before, abs=0.004)
    mixed = neighbour_mix(e, graph)
    assert dirichlet_energy(mixed, graph) == pytest.approx(after, abs=0.004)
    assert correlation_of_distances(mixed, graph_distances(graph)) == pytest.approx(
        correlation, abs=0.03
    )
    assert spectral_overlap(mixed, graph) == pytest.approx(overlap, abs=0.03)


def test_chance_energy_is_the_mean_over_all_relabellings():
    graph = nx.to_numpy_array(nx.lollipop_graph(3, 2))
    h = RNG.normal(size=(5, 3))
    every = [
        dirichlet_energy(h, permute_nodes(graph, order))
        for order in itertools.permutations(range(5))
    ]
    assert np.mean(every) == pytest.approx(chance_energy(graph))


def test_permuted_graphs_keep_degrees_and_move_edges():
    order = np.array([2, 0, 1, 3])
    graph = nx.to_numpy_array(nx.path_graph(4))
    moved = permute_nodes(graph, order)
    for i, j in itertools.product(range(4), range(4)):
        assert moved[i, j] == graph[order[i], order[j]]
    assert (moved != graph).any()


def test_permutation_null_agrees_with_exhaustive_relabelling():
    graph = nx.to_numpy_array(nx.path_graph(5))
    h = RNG.normal(size=(2, 5, 2))
    h[1] = np.arange(5)[:, None]
    got = permutation_null(dirichlet_energy, h, graph, "less", draws=2000, seed=1)
    assert got.null.shape == (2000, 2)
    orders = list(itertools.permutations(range(5)))
    for i in range(2):
        every = np.array([slow_energy(h[i], permute_nodes(graph, o)) for o in orders])
        exact = np.mean(every <= slow_energy(h[i], graph) + 1e-12)
        assert got.p_value[i] == pytest.approx(exact, abs=0.04)
    assert got.p_value[1] < 0.03  # 2 of 120 relabellings draw the same path
    far = graph_distances(graph)
    greater = permutation_null(correlation_of_distances, h[1], far, "greater", draws=500)
    assert greater.p_value < 0.04
    less = permutation_null(correlation_of_distances, h[1], far, "less", draws=500)
    assert less.p_value == 1


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: neighbour_mix(np.ones((3, 2)), ring(4)), "4 nodes"),
        (
            lambda: neighbour_mix(np.ones((3, 2)), np.diag([1, 0], 1) + np.diag([1, 0], -1)),
            "node 2",
        ),
        (lambda: permute_nodes(ring(4), [0, 1, 2, 2]), "once each"),
        (lambda: permutation_null(dirichlet_energy, ring(4), ring(4), "two"), "less or greater"),  # type: ignore[arg-type]
        (lambda: class_means(np.ones((2, 3, 1)), np.zeros((2, 4), int), 2, [(0, 3)]), "B, L, D"),
        (lambda: class_means(np.ones((2, 3, 1)), np.full((2, 3), 2), 2, [(0, 3)]), "-1 to 1"),
        (lambda: class_means(np.ones((2, 3, 1)), np.zeros((2, 3), int), 2, [(2, 4)]), r"\(2, 4\)"),
        (lambda: class_means(np.ones((2, 3, 1)), np.zeros((2, 3), int), 2, [(0, 3)], 0), "visits"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ToylabError, match=words):
        call()
