"""Graph geometry against closed forms, NetworkX, SciPy and plain loops."""

import itertools

import networkx as nx
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats

from tests.oracles.geometry import GRAPHS, grid, ring, slow_energy
from toylab.analysis.geometry.measures import (
    correlation_of_distances,
    dirichlet_energy,
    graph_distances,
    principal_components,
    procrustes,
    spectral_embedding,
    spectral_overlap,
    spectrum,
    unfold,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)

# Published values of the exact spectral embedding in two dimensions: energy, distance correlation.
EXACT = {"grid4": (0.037, 0.95), "grid5": (0.015, 0.96), "ring10": (0.038, 0.97)}
EXACT["ring16"] = (0.010, 0.98)


@pytest.mark.parametrize("name", EXACT)
def test_exact_spectral_embedding(name):
    graph = GRAPHS[name]
    embedding = spectral_embedding(graph)
    energy = dirichlet_energy(embedding, graph)
    assert round(float(energy), 3) == EXACT[name][0]
    correlation = correlation_of_distances(embedding, graph_distances(graph))
    assert round(float(correlation), 2) == EXACT[name][1]
    np.testing.assert_allclose(spectral_overlap(embedding, graph), 1, rtol=1e-12)


def test_energy_of_spectral_embeddings_in_closed_form():
    np.testing.assert_allclose(
        dirichlet_energy(spectral_embedding(ring(10)), ring(10)),
        (2 - 2 * np.cos(2 * np.pi / 10)) / 10,
    )
    np.testing.assert_allclose(
        dirichlet_energy(spectral_embedding(grid(4)), grid(4)), (2 - np.sqrt(2)) / 16
    )


def test_energy_of_a_plane_grid_and_a_two_point_path():
    # Grid points at their own places: 2 * 24 unit edges over 2 N^2 (2 * 5 / 4) squared distances.
    places = np.array(list(itertools.product(range(4), range(4))), float)
    np.testing.assert_allclose(dirichlet_energy(places, grid(4)), 48 / (2 * 256 * 2.5))
    assert dirichlet_energy(np.array([[0.0], [3.0]]), np.array([[0, 1], [1, 0]])) == 1


@pytest.mark.parametrize("name", GRAPHS)
def test_measures_agree_with_loops(name):
    graph = GRAPHS[name]
    h = RNG.normal(size=(3, len(graph), 7))
    np.testing.assert_allclose(dirichlet_energy(h, graph), [slow_energy(x, graph) for x in h])
    distances = graph_distances(graph)
    paths = dict(nx.all_pairs_shortest_path_length(nx.from_numpy_array(graph)))
    for i, j in itertools.combinations(range(len(graph)), 2):
        assert distances[i, j] == paths[i][j]
    condensed = distances[np.triu_indices(len(graph), 1)]
    known = [scipy.stats.pearsonr(scipy.spatial.distance.pdist(x), condensed)[0] for x in h]
    np.testing.assert_allclose(correlation_of_distances(h, distances), known)


def test_measures_ignore_shift_scale_and_rotation():
    h = RNG.normal(size=(16, 5))
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    moved = 3 * h @ turn + 100 * RNG.normal(size=5)
    for measure, matrix in (
        (dirichlet_energy, grid(4)),
        (spectral_overlap, grid(4)),
        (correlation_of_distances, graph_distances(grid(4))),
    ):
        np.testing.assert_allclose(measure(moved, matrix), measure(h, matrix), rtol=1e-9)


def test_spectrum_agrees_with_networkx_and_eigenvectors_with_cosines():
    values, vectors = spectrum(grid(4))
    known = np.sort(nx.laplacian_spectrum(nx.grid_2d_graph(4, 4)))
    np.testing.assert_allclose(values, known, atol=1e-12)
    np.testing.assert_allclose(np.abs(vectors[:, 0]), 0.25)
    path = nx.to_numpy_array(nx.path_graph(6))
    wave = np.cos(np.pi * (np.arange(6) + 0.5) / 6)
    assert abs(spectral_embedding(path, 1)[:, 0] @ wave) == pytest.approx(np.linalg.norm(wave))


def test_spectral_overlap_agrees_with_principal_angles():
    h = RNG.normal(size=(10, 6))
    c = h - h.mean(0)
    u = np.linalg.eigh(c @ c.T)[1][:, -2:]
    angles = scipy.linalg.subspace_angles(u, spectral_embedding(ring(10)))
    np.testing.assert_allclose(spectral_overlap(h, ring(10)), np.mean(np.cos(angles) ** 2))


def test_spectral_overlap_refuses_a_split_eigenspace():
    with pytest.raises(ToylabError, match="equal eigenvalues"):
        spectral_overlap(RNG.normal(size=(10, 6)), ring(10), 1)
    assert 0 <= spectral_overlap(RNG.normal(size=(10, 9)), ring(10), 9) <= 1 + 1e-12


def test_a_missing_node_makes_its_measures_nan_and_leaves_the_others():
    h = RNG.normal(size=(2, 16, 4))
    h[0, 3] = np.nan
    for measure, matrix in (
        (dirichlet_energy, grid(4)),
        (spectral_overlap, grid(4)),
        (correlation_of_distances, graph_distances(grid(4))),
    ):
        got = measure(h, matrix)
        assert np.isnan(got[0])
        np.testing.assert_allclose(got[1], measure(h[1], matrix), rtol=1e-12)
    assert np.isnan(dirichlet_energy(np.ones((16, 3)), grid(4)))


def test_principal_components_agree_with_the_covariance():
    h = RNG.normal(size=(12, 5)) * np.array([5, 3, 1, 1, 1])
    scores, share = principal_components(h, 2)
    values, vectors = np.linalg.eigh(np.cov(h.T))
    known = (h - h.mean(0)) @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(scores), np.abs(known), rtol=1e-9)
    np.testing.assert_allclose(share, values[::-1][:2] / values.sum())


def test_procrustes_agrees_with_scipy_and_undoes_a_similarity():
    x, y = RNG.normal(size=(2, 9, 2))
    assert procrustes(x, y)[1] == pytest.approx(scipy.spatial.procrustes(y, x)[2])
    turn = np.linalg.qr(RNG.normal(size=(2, 2)))[0]
    moved, disparity = procrustes(0.1 * y @ turn + 7, y)
    np.testing.assert_allclose(moved, y, atol=1e-12)
    assert disparity == pytest.approx(0, abs=1e-12)


def test_unfolding_lays_hidden_coordinates_over_the_spectral_embedding():
    hidden = 4 * spectral_embedding(grid(4)) @ np.linalg.qr(RNG.normal(size=(8, 2)))[0].T + 2
    picture = unfold(hidden, grid(4))
    np.testing.assert_allclose(picture.pca_NK, picture.spectral_NK, atol=1e-12)
    np.testing.assert_allclose(picture.explained_K, 0.5)
    assert unfold(RNG.normal(size=(16, 8)), grid(4)).disparity > 0.3


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dirichlet_energy(np.ones((5, 2)), grid(4)), r"of 16 nodes"),
        (lambda: dirichlet_energy(np.ones((4, 2)), np.ones((4, 4))), "empty diagonal"),
        (lambda: dirichlet_energy(np.ones((4, 2)), np.triu(np.ones((4, 4)), 1)), "symmetric"),
        (lambda: dirichlet_energy(np.ones((4, 2)), np.ones((4, 3))), r"give \(N, N\)"),
        (lambda: graph_distances(np.kron(np.eye(2), 1 - np.eye(2))), "not connected"),
        (lambda: correlation_of_distances(np.ones((4, 2)), np.full((4, 4), np.inf)), "finite"),
        (lambda: spectral_embedding(ring(4), 4), "count = 4"),
        (lambda: spectral_overlap(np.ones((16, 1)), grid(4)), "count = 2"),
        (lambda: principal_components(np.ones(3)), r"\(\.\.\., N, D\)"),
        (lambda: procrustes(np.ones((4, 2)), np.ones((4, 3))), "two of"),
        (lambda: procrustes(np.ones((4, 2)), np.eye(4)[:, :2]), "all equal"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ToylabError, match=words):
        call()
