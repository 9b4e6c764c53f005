"""Echoes, order and roles in planted dictionaries and streams; what copiers do, by other means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.binding import copiers
from toylab.analysis.binding.copier_scores import copier_scores
from toylab.analysis.binding.echoes import (
    directions_by_place,
    in_plane,
    multiplicity,
    order_kept,
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


def test_copiers_are_scored_as_by_hand():
    n = 4
    lists = np.stack(np.divmod(np.arange(n * n), n), 1)
    answers = np.stack([lists, lists[:, ::-1], lists, *[lists] * 3, lists[:, [0, 0]]])
    held_out = np.array([1, 4, 5, 6])  # (0, 1), (1, 0), (1, 1), (1, 2)
    answers[0, 6] = 3, 2
    stream = RNG.normal(size=(n * n, 5))
    seen = copiers.Seen(answers, np.full(n * n, 0.6), np.ones(n * n), stream, True)
    told = copier_scores(seen, n, held_out)
    assert told["train"] == told["swapped"] == told["second"] == told["held"] == 1
    assert (told["test"], told["first"], told["digits"]) == (0.875, 0.75, 0)
    assert (told["cut"], told["cut_first"], told["alpha"]) == (0, 1, pytest.approx(0.6))
    broken = copier_scores(seen._replace(sound=False), n, held_out)
    assert np.isnan(list(broken.values())).all()


def test_order_is_kept_by_sizes_or_by_which_codes_are_active():
    pairs, swapped, none = np.array([[0, 1], [1, 0]]), np.array([1, 0]), np.zeros((2, 6, 1))
    sizes = np.stack([np.tile([2.0, 1.0], (6, 1)), np.tile([1.0, 2.0], (6, 1))])
    found = order_kept(none, sizes, pairs, swapped, np.arange(2))
    assert found == {
        "order_x": 0.5, "order_codes": 1, "order_active": 0.5, "same_active": 1, "order_sign": 1
    }  # fmt: skip
    apart = order_kept(none, np.eye(2)[:, None].repeat(6, 1), pairs, swapped, np.arange(2))
    assert (apart["order_active"], apart["same_active"]) == (1, 0)
    assert order_kept(none, sizes[:, :, [0, 0]], pairs, swapped, np.arange(2))["order_sign"] == 0.5
