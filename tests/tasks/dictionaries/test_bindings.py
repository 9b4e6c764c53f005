"""Bindings against sums written out, and what they keep of concepts and of their order."""

import dataclasses

import jax
import numpy as np
import pytest

from toylab.analysis.binding.holographic import circulant
from toylab.analysis.binding.role_maps import role_map
from toylab.analysis.binding.tensors import tensor_unbind
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.dictionaries.bindings import (
    SUMS,
    WAYS,
    Binding,
    examples,
    pair_vectors,
    role_images,
    true_directions,
    way,
    world,
)

SIZE = (20, 16, 3)  # concepts, width, number of the world


@pytest.mark.parametrize("task", examples())
def test_tasks_keep_the_rules(task):
    assert all(result.ok for result in check(task))


@jax.jit
def drawn(number):
    task = Binding(20, 16, 2, first_world=2, world=1, angle=40.0)
    return dataclasses.replace(task, binding=number).batch(jax.random.key(0), 300)


@pytest.mark.parametrize("name", WAYS)
def test_a_vector_is_the_sum_that_its_latents_name(name):
    batch = jax.tree.map(np.asarray, drawn(way(name)))
    chosen, amplitudes = batch.latents["concepts"], batch.latents["amplitudes"]
    f_ND = world(*SIZE).concepts
    for x, (i, j, none), (a, b, _) in zip(batch.inputs, chosen, amplitudes, strict=True):
        assert i != j
        assert none == -1
        if name in SUMS:
            image_KND = role_images(*SIZE, name, 40.0)
            told = a * image_KND[0, i] + b * image_KND[1, j]
        elif name == "fillers":
            told = a * circulant(f_ND[i]) @ f_ND[j]
        else:
            told = a * 4 * f_ND[i] * f_ND[j]
        np.testing.assert_allclose(x, told, atol=2e-6)


def test_role_images_are_those_of_their_names():
    f_ND, images = world(*SIZE).concepts, {n: role_images(*SIZE, n, 60.0) for n in SUMS}
    np.testing.assert_allclose(images["bag"], np.stack([f_ND] * 3))
    np.testing.assert_allclose(images["scale"][1], f_ND / 2)
    for name in ("matrix", "unitary"):  # an orthogonal map takes concepts to each role's images
        for image_ND in images[name]:
            np.testing.assert_allclose(role_map(f_ND, image_ND)(f_ND), image_ND, atol=1e-12)
    for name in ("unitary", "gaussian"):  # and one that commutes with shifts: it is circulant
        C_DD = np.linalg.lstsq(f_ND, images[name][0], rcond=None)[0].T
        np.testing.assert_allclose(C_DD, circulant(C_DD[:, 0]), atol=1e-12)
    apart = np.abs(np.linalg.norm(images["gaussian"], axis=-1) - 1)
    assert apart.max() > 0.05
    cosine_N = (images["rotation"][0] * images["rotation"][1]).sum(1)
    np.testing.assert_allclose(cosine_N, 0.5, atol=1e-12)
    np.testing.assert_allclose(role_images(*SIZE, "rotation", 0.0), images["bag"])


def test_tensor_images_are_products_with_orthonormal_roles_and_come_apart():
    first_ND, second_ND = role_images(*SIZE, "tensor")[:2]
    np.testing.assert_allclose(first_ND @ second_ND.T, 0, atol=1e-12)
    role_2 = np.linalg.svd(first_ND[0].reshape(8, 2))[2][0]
    role_22 = np.stack([role_2, np.array([-role_2[1], role_2[0]])])
    both_NKD = tensor_unbind(first_ND + second_ND[::-1], role_22)
    concept_ND = first_ND.reshape(20, 8, 2) @ role_2
    np.testing.assert_allclose(both_NKD[:, 0], concept_ND, atol=1e-12)
    np.testing.assert_allclose(np.abs(both_NKD[:, 1]), np.abs(concept_ND[::-1]), atol=1e-12)


def test_fillers_and_product_lose_order_exactly():
    for name in ("fillers", "product"):
        pair_NND = pair_vectors(*SIZE, name)
        np.testing.assert_allclose(pair_NND, pair_NND.swapaxes(0, 1), rtol=0, atol=1e-12)


def test_three_roles_hold_three_different_concepts_evenly():
    task = Binding(5, 16, 2, binding=way("matrix"), parts=3)
    batch = jax.tree.map(np.asarray, task.batch(jax.random.key(1), 6_000))
    chosen = batch.latents["concepts"]
    assert (np.diff(np.sort(chosen, 1), axis=1) > 0).all()
    count = np.unique(chosen, axis=0, return_counts=True)[1]
    assert len(count) == 60
    assert np.abs(count - 100).max() < 50


def test_settings_that_make_no_world_are_refused():
    with pytest.raises(ToylabError, match="width = 7 is odd"):
        Binding(width=7)
    with pytest.raises(ToylabError, match="tensor has 2 roles"):
        Binding(binding=way("tensor"), parts=3)
    with pytest.raises(ToylabError, match="concepts = 2"):
        Binding(concepts=2)
    with pytest.raises(ToylabError, match="did you mean 'matrix'"):
        way("matrices")
    with pytest.raises(ToylabError, match="no sum of roles"):
        role_images(*SIZE, "product")
    with pytest.raises(ToylabError, match="pair_vectors: 'bag'"):
        pair_vectors(*SIZE, "bag")


def test_true_directions_are_of_roles_or_of_pairs():
    image_KND, truth_MD = true_directions(*SIZE, "rotation", 3, 30.0)
    np.testing.assert_array_equal(image_KND, role_images(*SIZE, "rotation", 30.0))
    assert truth_MD[20 + 4].tolist() == image_KND[1, 4].tolist()
    image_KND, truth_MD = true_directions(*SIZE, "product")
    pairs = [(i, j) for i in range(20) for j in range(i + 1, 20)]
    expected = [image_KND[0, i] * image_KND[0, j] * 4 for i, j in pairs]
    np.testing.assert_allclose(truth_MD, expected, atol=1e-12)
