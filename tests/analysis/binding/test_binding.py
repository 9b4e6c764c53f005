"""Bindings against sums written out, their exact inverses, and what does not come back."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from toylab.analysis.binding.capacity import clean_up, holographic_capacity
from toylab.analysis.binding.holographic import bind, circulant, gaussian_role, unbind, unitary_role
from toylab.analysis.binding.role_maps import held_out_cosines, map_cosines, role_map
from toylab.analysis.binding.tensors import tensor_bind, tensor_unbind
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
EXACT = {"rtol": 0, "atol": 1e-12}


def convolved(a, b):
    """The sum of the definition, entry by entry."""
    d = len(a)
    return np.array([sum(a[(n - m) % d] * b[m] for m in range(d)) for n in range(d)])


@pytest.mark.parametrize("width", [1, 2, 7, 8])
def test_convolution_is_the_circulant_matrix_commutes_and_a_unitary_role_undoes_it(width: int):
    role, filler = unitary_role(RNG, width), RNG.normal(size=width)
    bound = bind(role, filler)
    np.testing.assert_allclose(bound, convolved(role, filler), **EXACT)
    np.testing.assert_allclose(bound, circulant(role) @ filler, **EXACT)
    np.testing.assert_allclose(bound, bind(filler, role), **EXACT)
    np.testing.assert_allclose(circulant(role).T @ circulant(role), np.eye(width), **EXACT)
    np.testing.assert_allclose(unbind(role, bound), filler, **EXACT)
    other = RNG.normal(size=width)
    np.testing.assert_allclose(unbind(other, bound), circulant(other).T @ bound, **EXACT)


def test_a_gaussian_role_gives_back_a_filler_at_45_degrees():
    width = 1024
    role = np.stack([gaussian_role(RNG, width) for _ in range(100)])
    filler = RNG.normal(size=(100, width))
    back = unbind(role, bind(role, filler))
    cosine = (back * filler).sum(1) / np.linalg.norm(back, axis=1) / np.linalg.norm(filler, axis=1)
    assert cosine.mean() == pytest.approx(0.5**0.5, abs=0.01)


def test_tensor_products_are_matrices_into_orthogonal_subspaces_and_come_apart_exactly():
    roles, fillers = ortho_group.rvs(3, random_state=1)[:2], RNG.normal(size=(5, 2, 4))
    bound = tensor_bind(fillers, roles)
    A_K = [np.kron(np.eye(4), role[:, None]) for role in roles]
    for x, (f, g) in zip(bound, fillers, strict=True):
        np.testing.assert_allclose(x, A_K[0] @ f + A_K[1] @ g, **EXACT)
    np.testing.assert_allclose(A_K[0].T @ A_K[1], np.zeros((4, 4)), **EXACT)
    np.testing.assert_allclose(tensor_unbind(bound, roles), fillers, **EXACT)
    with pytest.raises(ToylabError, match="not orthonormal"):
        tensor_bind(fillers, np.ones((2, 3)))
    with pytest.raises(ToylabError, match="no multiple"):
        tensor_unbind(RNG.normal(size=7), roles)


def test_the_role_map_is_found_where_there_are_as_many_concepts_as_dimensions():
    A, B = ortho_group.rvs(8, 2, random_state=2)
    concept_ND = RNG.normal(size=(20, 8))
    x, y = concept_ND @ A.T, concept_ND @ B.T
    found = role_map(x, y)
    assert found.determined
    np.testing.assert_allclose(found.matrix, B @ A.T, **EXACT)
    np.testing.assert_allclose(found(x), y, **EXACT)
    np.testing.assert_allclose(held_out_cosines(x, y), 1, **EXACT)
    few = role_map(x[:5], y[:5])
    assert not few.determined
    np.testing.assert_allclose(few(x[:5]), y[:5], **EXACT)
    assert np.abs(held_out_cosines(x, RNG.permutation(y)).mean()) < 0.4
    with pytest.raises(ToylabError, match="matched pairs"):
        role_map(x, y[:5])
    with pytest.raises(ToylabError, match="not finite"):
        role_map(x, y * np.nan)
    with pytest.raises(ToylabError, match="folds"):
        held_out_cosines(x, y, 21)


def test_a_map_between_roles_tells_more_than_its_nulls():
    x = RNG.normal(size=(40, 8))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = map_cosines(x, x @ ortho_group.rvs(8, random_state=3).T)
    assert found["held_out"] == pytest.approx(1)
    assert max(abs(found[name]) for name in ("shuffled", "same", "drawn")) < 0.4
    assert map_cosines(x, x)["same"] == pytest.approx(1)


def test_capacity_falls_with_pairs_and_grows_with_width():
    assert clean_up(np.eye(3) * 2, np.eye(3)).tolist() == [0, 1, 2]
    many = {w: holographic_capacity(w, 8, "unitary", trials=40) for w in (64, 256)}
    assert many[64] == pytest.approx(0.735, abs=0.08)
    assert many[256] > 0.98
    assert holographic_capacity(64, 2, "gaussian", trials=40) > 0.95
    with pytest.raises(ToylabError, match="known: unitary"):
        holographic_capacity(64, 2, "ternary")
    with pytest.raises(ToylabError, match="pairs = 33"):
        holographic_capacity(64, 33, "unitary")
