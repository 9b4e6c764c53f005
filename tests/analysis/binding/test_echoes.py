"""Echoes, order and roles in planted dictionaries and streams; what copiers do, by other means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.binding import copiers
from toylab.analysis.binding.echoes import (
    directions_by_place,
    in_plane,
    multiplicity,
    role_atoms,
    told_apart,
)
from toylab.errors import ToylabError
from toylab.models.wired.list_copier import ListCopier
from toylab.taps import Edit, run

RNG = np.random.default_rng(0)


def test_atoms_that_are_near_each_other_count_once():
    f = np.eye(4)[:2]
    near = np.array([[1.0, 0.1, 0, 0], [1.0, -0.1, 0, 0], [0, 0, 1.0, 0]])
    assert multiplicity(near, f[None]) == 0.5
    assert multiplicity(np.eye(4), np.stack([f, np.roll(f, 2, 1)])) == 2


def test_pairs_are_told_apart_by_means_of_the_other_times():
    codes = RNG.normal(size=(6, 400, 3))
    swapped = np.array([1, 0, 3, 2, 5, 4])
    assert told_apart(codes, swapped) == pytest.approx(0.5, abs=0.05)
    assert told_apart(codes + 9 * np.arange(6)[:, None, None], swapped) == 1
    with pytest.raises(ToylabError, match="times >= 2"):
        told_apart(codes[:, :1], swapped)


def test_atoms_of_roles_are_those_that_fire_with_them():
    atoms, holds = np.eye(5), RNG.random((200, 4)) < 0.3
    codes = np.concatenate([holds * RNG.uniform(0.7, 1.3, (200, 4)), np.zeros((200, 1))], 1)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_array_equal(role_atoms(atoms[order], codes[:, order], holds), atoms[:4])


def test_planes_are_spanned_by_an_axis_and_what_another_has_beside():
    axis, up = RNG.normal(size=(2, 5))
    found = in_plane(np.stack([axis, up, 2 * up - axis]), axis, up)
    np.testing.assert_allclose(found[0], [1, 0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    cosine = axis @ up / np.linalg.norm(axis) / np.linalg.norm(up)
    assert found[1, 0] == pytest.approx(cosine)
    assert found[1, 1] > 0


def test_directions_of_planted_streams():
    u, v = RNG.normal(size=(2, 30, 64))
    table = lambda first, second: first[:, None] + second[None]
    same, other = (directions_by_place(table(u, w)) for w in (0.5 * u, v))
    assert same["additive"] == pytest.approx(1)
    assert other["additive"] == pytest.approx(1)
    assert same["same_map"] == pytest.approx(1)
    assert same["echo"] == pytest.approx(1)
    assert other["same_map"] < 0.05
    assert abs(other["echo"]) < 0.1
    assert abs(same["shuffled_echo"]) < 0.1
    assert directions_by_place(table(u, v) ** 2)["additive"] < 0.95


def test_digits_and_places_together_make_the_stream_of_the_list_reversed():
    n, model = 4, ListCopier(6, 8, tied=False)
    params_P = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    one = jax.tree.map(lambda leaf: leaf[1], params_P)
    back = np.arange(n * n, dtype=np.int32).reshape(n, n).T.ravel()
    tokens = jnp.asarray([[i, j, 5, 4, 4] for i in range(n) for j in range(n)], jnp.int32)
    sites = ("blocks/0/attn/pattern", "blocks/0/resid_post")
    plain, acts = run(model, one, tokens, sites)
    alpha = acts[sites[0]][:, 0, copiers.SEPARATOR, :2]
    moves = copiers._moves(model, one, tokens, alpha, back)
    stream = acts[sites[1]][:, copiers.SEPARATOR]
    np.testing.assert_allclose(stream + moves[0] + moves[1], stream[back], atol=1e-5)
    seen = copiers.looks(model, params_P, tokens, back)[1]
    pattern = acts[sites[0]].at[:, :, copiers.SEPARATOR, :2].set(jnp.array([0.0, 1.0]))
    told = run(model, one, tokens, (), [Edit(sites[0], "patch", pattern)])[0]
    np.testing.assert_array_equal(seen.answers[0], plain.argmax(-1))
    np.testing.assert_array_equal(seen.answers[4], told.argmax(-1))
    np.testing.assert_allclose(seen.stream, stream, atol=1e-6)
    with pytest.raises(ToylabError, match="3 items"):
        copiers.looks(ListCopier(6, 8, items=3), params_P, tokens, back)
