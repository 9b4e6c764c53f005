"""Graphs against NetworkX, walks and bigram counts against slow loops, and the notes' numbers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
import scipy.stats

from toylab.errors import ToylabError
from toylab.tasks.in_context import graphs
from toylab.tasks.in_context.graph_tracing import GraphTracing

BOW = ((0, 1), (1, 2), (2, 0), (2, 3), (3, 4))  # node 4 is a dead end


@functools.cache
def drawn(task, count=60, shared=False):
    draw = task.shared if shared else task.batch
    batch = jax.jit(draw, static_argnums=1)(jax.random.key(1), count)
    return jax.tree.map(np.asarray, batch)


MIXED = GraphTracing(
    20, ("ring", "regular", "tree"), ("grid",), (3,), sizes=(6, 10), length=15, walk="walk"
)
TURNLESS = GraphTracing(8, ("given",), (), edges=BOW, length=24, walk="non-backtracking")
TURNING = GraphTracing(
    10, ("ring",), (), sizes=(6, 10), length=24, walk="non-backtracking", turn=0.25
)
PAIRS = GraphTracing(
    12, ("given",), (), edges=BOW, length=24, walk="pairs", calendar=7, calendar_share=0.3
)
GRID = GraphTracing(16, ("grid",), (), length=136)


def test_graphs_are_those_networkx_knows():
    truth = drawn(MIXED).latents
    seen = set()
    for row in range(60):
        n, family = int(truth["n_nodes"][row]), graphs.FAMILIES[truth["family"][row]]
        joined = truth["adjacency"][row]
        assert not joined[n:].any() and not joined[:, n:].any()
        graph = nx.from_numpy_array(joined[:n, :n].astype(int))
        seen.add((family, n))
        assert nx.is_connected(graph)
        degrees = [d for _, d in graph.degree()]
        wanted = {"ring": [2] * n, "regular": [3] * n}.get(family, degrees)
        assert degrees == wanted == truth["degree"][row, :n].tolist()
        assert family != "tree" or graph.number_of_edges() == n - 1 + 4
        paths = dict(nx.all_pairs_shortest_path_length(graph))
        assert all(truth["distance"][row, i, j] == d for i in range(n) for j, d in paths[i].items())
        assert (truth["distance"][row, n:] == -1).all()
        exact = np.linalg.eigvalsh(nx.laplacian_matrix(graph).toarray().astype(float))
        np.testing.assert_allclose(truth["eigenvalues"][row, :n], exact, atol=1e-5)
        vectors = truth["eigenvectors"][row, :n, :n]
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-5)
    assert seen == {(f, n) for f in MIXED.drawn for n in (6, 10)}
    assert MIXED.consistent(drawn(MIXED)).all()


@pytest.mark.parametrize("side", [2, 3, 4])
def test_grids_and_hexagons(side):
    adjacency, _ = graphs.grid(side)
    assert nx.is_isomorphic(nx.from_numpy_array(adjacency), nx.grid_2d_graph(side, side))
    path = 2 - 2 * np.cos(np.pi * np.arange(side) / side)  # a path's spectrum, summed over axes
    found, _ = graphs.spectrum(jnp.asarray(adjacency), jnp.int32(side**2))
    np.testing.assert_allclose(found, np.sort((path[:, None] + path).ravel()), atol=1e-5)
    adjacency, place = graphs.hexagonal(side)
    lattice = nx.hexagonal_lattice_graph(side, side)
    assert nx.is_isomorphic(nx.from_numpy_array(adjacency), lattice)
    lengths = np.linalg.norm(place[:, None] - place, axis=-1)[adjacency]
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


@pytest.mark.parametrize(("n", "degree"), [(4, 3), (12, 3), (5, 4), (11, 4)])
def test_regular_graphs_of_every_degree(n, degree):
    draw = jax.vmap(lambda k: graphs.random_regular(k, jnp.int32(n), 12, degree))
    for joined in np.asarray(draw(jax.random.split(jax.random.key(0), 20))):
        graph = nx.from_numpy_array(joined[:n, :n].astype(int))
        assert nx.is_connected(graph) and {d for _, d in graph.degree()} == {degree}


def slow_options(joined, node, before, walk):
    near = [int(j) for j in np.flatnonzero(joined[node])]
    ahead = [j for j in near if j != before]
    return ahead if walk == "non-backtracking" and ahead else near


@pytest.mark.parametrize("task", [MIXED, TURNLESS, PAIRS], ids=lambda t: t.walk)
def test_every_step_is_allowed_and_options_are_counted(task):
    batch = drawn(task)
    truth = batch.latents
    turned = 0
    for row in range(60):
        tokens = np.append(batch.inputs[row], batch.targets[row, -1])
        number = {int(t): i for i, t in enumerate(truth["tokens"][row]) if t >= 0}
        assert len(number) == truth["n_nodes"][row]
        nodes = [number.get(int(t), -1) for t in tokens]
        assert nodes[:-1] == truth["node"][row].tolist()
        for place in range(task.length):
            if task.walk == "pairs" and place % 3 != 0:
                assert (nodes[place] == -1) == (place % 3 == 2)
                continue
            before = nodes[place - 1] if place else -1
            options = slow_options(truth["adjacency"][row], nodes[place], before, task.walk)
            assert nodes[place + 1] in options
            assert truth["options"][row, place] == len(options)
            turned += nodes[place + 1] == before
    if task.walk == "walk":
        assert turned > 0
    assert (batch.weights[0] == task.steps).all() and task.consistent(batch).all()


def test_a_walk_round_a_ring_meets_the_node_not_seen_for_longest_unless_it_turns():
    """Recency alone tells every step of one round after the first, and few where walks turn."""

    def oldest(task):
        batch, right = drawn(task), []
        for row in range(60):
            nodes, n = batch.latents["node"][row].tolist(), batch.latents["n_nodes"][row]
            for place in range(n, task.length - 1):
                last = {node: i for i, node in enumerate(nodes[: place + 1])}
                right.append(min(last, key=last.get) == nodes[place + 1])
        return np.mean(right)

    assert oldest(dataclasses.replace(TURNING, turn=0.0)) == 1
    assert oldest(TURNING) < 0.4


def test_walks_turn_on_rings_alone_and_the_floor_knows():
    batch = drawn(TURNING, 200)
    node = batch.latents["node"]
    turned = node[:, 2:] == node[:, :-2]
    assert turned.mean() == pytest.approx(0.25, abs=0.02)
    assert TURNING.consistent(batch).all()
    floor = np.asarray(TURNING.floor(batch))
    np.testing.assert_allclose(floor[:, 0], np.log(2), rtol=1e-6)
    np.testing.assert_allclose(floor[:, 1:], scipy.stats.entropy([0.25, 0.75]), rtol=1e-5)
    bow = dataclasses.replace(TURNLESS, turn=0.9)
    jax.tree.map(np.testing.assert_array_equal, drawn(bow), drawn(TURNLESS))


def slow_counter(task, batch, row, directed, alpha):
    """Probabilities by a dictionary of what was seen, in words: look, then remember."""
    seen = np.zeros((task.vocab, task.vocab))
    rows = []
    for place in range(task.length):
        x, y = batch.inputs[row, place], batch.targets[row, place]
        weight = seen[x].copy()
        if task.walk == "non-backtracking" and place:
            weight[batch.inputs[row, place - 1]] = 0
        weight[:-1] += 1 / (task.vocab - 1) if alpha is None else alpha
        weight[-1] = 0
        rows.append(weight / weight.sum())
        if task.steps[place]:
            seen[x, y] += 1
            seen[y, x] += not directed
    return np.array(rows)


@pytest.mark.parametrize("task", [MIXED, TURNLESS, PAIRS], ids=lambda t: t.walk)
@pytest.mark.parametrize(("directed", "alpha"), [(True, None), (False, 0.5)])
def test_the_bigram_counter(task, directed, alpha):
    batch = drawn(task)
    p = np.asarray(task.bigram(batch, directed, alpha))
    loss = np.asarray(task.bigram_loss(batch, directed=directed, alpha=alpha))
    for row in range(8):
        slow = slow_counter(task, batch, row, directed, alpha)
        np.testing.assert_allclose(p[row][task.steps], slow[task.steps], atol=1e-6)
        at = slow[np.arange(task.length), batch.targets[row]][task.steps]
        np.testing.assert_allclose(loss[row][task.steps], -np.log(at), rtol=1e-5, atol=1e-6)


def test_the_counter_on_a_grid_is_as_fast_as_the_notes_say():
    """Walks on a 4 x 4 grid: rule mass .5, .7 and .9 after 13, 41 and 135 steps."""
    batch = drawn(GRID, 200)
    mass = (
        (np.asarray(GRID.bigram(batch, known=True)) * np.asarray(GRID.rule(batch))).sum(-1).mean(0)
    )
    assert mass[13] == pytest.approx(0.5, abs=0.04)
    assert mass[41] == pytest.approx(0.7, abs=0.04)
    assert mass[135] == pytest.approx(0.9, abs=0.02)
    late = np.asarray(GRID.floor(batch))[:, 40:].mean()
    assert late == pytest.approx(1.127, abs=0.02)  # entropy rate of this walk
    loss = np.asarray(GRID.bigram_loss(batch, directed=False, known=True))[:, -16:].mean()
    assert late < loss < np.log(16)


def test_long_walks_visit_nodes_by_degree_and_turn_back_as_often_as_they_must():
    batch = drawn(GRID, 200)
    node, degree = batch.latents["node"][:, 40:], batch.latents["degree"][0]
    visits = np.bincount(node.ravel(), minlength=16) / node.size
    np.testing.assert_allclose(visits, degree / degree.sum(), atol=0.006)
    assert (node[:, 2:] == node[:, :-2]).mean() == pytest.approx(1 / 3, abs=0.01)
    allowed = np.asarray(GRID.rule(batch)).sum(-1) - np.asarray(GRID.rule(batch, False)).sum(-1)
    assert (allowed[:, 1:] == 1).all() and (allowed[:, 0] == 0).all()


def test_the_calendar_keeps_its_tokens_and_its_share():
    batch = drawn(PAIRS, 600)
    dated = batch.latents["family"] == len(graphs.FAMILIES)
    assert dated.mean() == pytest.approx(0.3, abs=0.06)
    tokens = batch.latents["tokens"]
    assert (tokens[dated] == 12 + np.arange(7)).all() and (tokens[~dated] < 12).all()
    assert (batch.latents["degree"][dated] == 2).all()
    free = tokens[~dated, :5]  # tokens of nodes are fresh: each as often on each node
    assert np.bincount(free[:, 0], minlength=12).min() > 15


def test_held_out_families_and_a_shared_graph():
    batch = drawn(MIXED.held(), 18, shared=True)
    assert {f: a.shape[1:] for f, a in batch.latents.items()} == {
        f: a.shape[1:] for f, a in drawn(MIXED).latents.items()
    }
    assert (batch.latents["family"] == graphs.FAMILIES.index("grid")).all()
    assert (batch.latents["tokens"] == batch.latents["tokens"][0]).all()
    assert (batch.latents["node"][:, 0] == np.arange(18) % 9).all()
    assert (batch.latents["node"][0, 1:] != batch.latents["node"][9, 1:]).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"families": ("given",), "edges": ((0, 1), (2, 3))}, "disconnected.*node 2"),
        ({"families": ("given",)}, "pairs"),
        ({"families": ("given",), "edges": ((1, 1),)}, "different nodes"),
        ({"n_tokens": 15}, "16 nodes needs as many tokens"),
        ({"length": 15}, "too short to visit 16 nodes"),
        ({"length": 23, "walk": "pairs"}, "at least 24"),
        ({"families": ("rings",)}, "unknown family 'rings'; did you mean 'ring'"),
        ({"held_out": ("torus",)}, "held_out has unknown family"),
        ({"families": ("grid",)}, "every family is held out"),
        ({"sides": (1,)}, "sides = 1 is out of range"),
        ({"sides": ()}, "no size"),
        ({"walk": "non-backtrack"}, "non-backtracking"),
        ({"turn": 0.1}, "turn of 'walk' = 0.1"),
        ({"walk": "non-backtracking", "turn": 1.5}, "turn = 1.5"),
        ({"sizes": (9,)}, "no graph of 9 nodes is 3-regular"),
        ({"degree": 2}, "degree = 2"),
        ({"extra_edges": 99}, "extra_edges"),
        ({"calendar": 2}, "ring has 3"),
        ({"calendar_share": 0.2}, "without a calendar"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(ToylabError, match=message):
        GraphTracing(**wrong)
