"""Tensor-product probes against plain NumPy, and on activations whose structure is known."""

import dataclasses

import jax
import numpy as np
import pytest

from toylab.analysis.tpr.analysis import (
    centred,
    cosines,
    gap_r2,
    gap_table,
    linear_directions,
    neighbour_overlap,
    predict,
    tensor_directions,
    truncate,
)
from toylab.analysis.tpr.fit import fit, initial
from toylab.analysis.tpr.probe import (
    TensorProbe,
    bilinear,
    linear,
    low_rank,
    matched_rank,
    trilinear,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
D, S, C, R, F = 12, 6, 3, 4, 2
GRID = (2, 3)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def probe_of(form, **params):
    lead = params["binding"].shape[:-2]
    return TensorProbe(params, np.zeros(lead, np.float32), form)


def world(count=600):
    """Activations that are tensor products: random roles, the corners of a triangle as fillers."""
    labels = RNG.integers(0, C, (count, S)).astype(np.int8)
    angles = 2 * np.pi * np.arange(C) / C
    filler = np.stack([np.cos(angles), np.sin(angles)], -1)
    bound = np.einsum("sr,nsf->nrf", normal(S, S), filler[labels])
    return (bound.reshape(count, -1) @ normal(S * F, D)).astype(np.float32), labels


def test_counts_are_those_of_the_paper():
    assert linear(64, 3).parameters(512) == 98_304
    assert bilinear(64, 3, 52, 2).parameters(512) == 56_582
    assert trilinear((8, 8), 3, (8, 8), 2).parameters(512) == 65_670
    assert matched_rank(bilinear(64, 3, 52, 2), 512) == 80
    assert low_rank(64, 3, 80).parameters(512) == 80 * (512 + 192)
    assert linear(4, 2, bias=True).parameters(3) == 3 * 8 + 8


@pytest.mark.parametrize("form", [linear(4, 3), low_rank(4, 3, 2), trilinear((2, 2), 3, (1, 2), 2)])
def test_counts_are_those_of_the_fitted_arrays(form):
    form = dataclasses.replace(form, bias=True)
    params = initial([0], (), D, form)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == form.parameters(D)


def test_bilinear_logits_are_role_times_bound_matrix_times_filler():
    binding, role, filler, x = normal(2, D, R * F), normal(2, S, R), normal(2, C, F), normal(7, D)
    bias = normal(2, C * S)
    form = bilinear(S, C, R, F, bias=True)
    probe = probe_of(form, binding=binding, roles=[role], fillers=filler, bias=bias)
    scores = np.asarray(probe.scores(x))
    for p in range(2):
        for n in range(7):
            bound = (x[n] @ binding[p]).reshape(R, F)
            expected = role[p] @ bound @ filler[p].T + bias[p].reshape(C, S).T
            np.testing.assert_allclose(scores[p, n], expected, atol=1e-4)
    np.testing.assert_array_equal(probe.predict(x), scores.argmax(-1))


def test_trilinear_logits_contract_rows_columns_and_fillers():
    binding, filler, x = normal(D, 2 * 3 * F), normal(C, F), normal(7, D)
    u, v = normal(GRID[0], 2), normal(GRID[1], 3)
    form = trilinear(GRID, C, (2, 3), F)
    probe = probe_of(form, binding=binding, roles=[u, v], fillers=filler)
    bound = (x @ binding).reshape(7, 2, 3, F)
    expected = np.zeros((7, *GRID, C))
    for i, j, c in np.ndindex(*GRID, C):
        product = u[i][:, None, None] * v[j][None, :, None] * filler[c][None, None, :]
        expected[:, i, j, c] = (bound * product).sum((1, 2, 3))
    np.testing.assert_allclose(probe.scores(x), expected.reshape(7, S, C), atol=1e-4)
    through_weight = np.einsum("nd,dsc->nsc", x, probe.weight)
    np.testing.assert_allclose(through_weight, expected.reshape(7, S, C), atol=1e-4)
    np.testing.assert_array_equal(predict(probe.weight, x), probe.predict(x))


def test_fit_reads_a_planted_code_that_too_few_roles_cannot():
    x, labels = world()
    settings = {"steps": 600, "batch_size": 128, "weight_decay": 0.0}
    score = lambda form: (
        np.asarray(fit(x[:400], labels[:400], form, jax.random.key(0), **settings).predict(x[400:]))
        == labels[400:]
    ).mean()
    assert score(bilinear(S, C, S, F)) > 0.95
    assert score(bilinear(S, C, 2, F)) < 0.8
    assert score(low_rank(S, C, 2)) < 0.7


def test_leading_axes_seeds_and_frozen_roles():
    x, labels = world(60)
    form, key = dataclasses.replace(bilinear(S, C, R, F), frozen=True), jax.random.key(1)
    both = np.stack([x, x * 100])
    settings = {"steps": 9, "batch_size": 16}
    probes = fit(both, labels, form, key, seeds=2, **settings)
    assert probes.loss.shape == (2, 2) and probes.weight.shape == (2, 2, D, S, C)
    entropy = np.asarray(jax.random.key_data(key))
    for seed in range(2):
        start = initial([*entropy, seed], (2,), D, form)
        np.testing.assert_array_equal(probes.at(seed).roles, start["roles"][0])
        assert np.abs(probes.at(seed).params["fillers"] - start["fillers"]).min() > 1e-3
    again = fit(both, np.stack([labels] * 2), form, key, weights=np.ones((2, 60)), **settings)
    np.testing.assert_allclose(again.weight, probes.at(0).weight, atol=1e-5)


@pytest.mark.parametrize(
    ("form", "wide"),
    [
        (low_rank(S, C, 2), low_rank(S, C, 4)),
        (trilinear(GRID, C, (1, 3), 1), trilinear(GRID, C, (2, 3), F)),
    ],
)
def test_a_fit_within_a_wider_form_is_the_same(form, wide):
    x, labels = world(60)
    settings = {"steps": 12, "batch_size": 16}
    alone = fit(x, labels, form, jax.random.key(1), **settings)
    within = fit(x, labels, form, jax.random.key(1), within=wide, **settings)
    assert within.form == form and within.params["binding"].shape == alone.params["binding"].shape
    np.testing.assert_allclose(within.weight, alone.weight, atol=1e-5)


def test_weightless_samples_do_not_count():
    x, labels = world(80)
    wrong = np.where(np.arange(80)[:, None] < 40, labels, (labels + 1) % C).astype(np.int32)
    kept = (np.arange(80) < 40).astype(np.float32)
    form = linear(S, C)
    probe = fit(x, wrong, form, jax.random.key(0), weights=kept, steps=300, batch_size=80)
    right = np.asarray(probe.predict(x)) == labels
    assert right[:40].mean() > 0.9 and right[40:].mean() > 0.75


def test_full_width_probe_is_the_linear_probe_written_otherwise():
    """With S orthonormal roles and C - 1 fillers, any class-centred linear probe is met exactly."""
    weight = centred(normal(D, S, C))
    fillers = np.linalg.svd(np.eye(C) - 1 / C)[0][:, : C - 1]
    roles = np.linalg.qr(RNG.normal(size=(S, S)))[0]
    binding = np.einsum("dsc,sr,cf->drf", weight, roles, fillers).reshape(D, -1)
    arrays = [a.astype(np.float32) for a in (binding, roles, fillers)]
    form = bilinear(S, C, S, C - 1)
    probe = probe_of(form, binding=arrays[0], roles=[arrays[1]], fillers=arrays[2])
    np.testing.assert_allclose(probe.weight, weight, atol=1e-5)
    shifted = weight + RNG.normal(size=(D, S, 1))
    np.testing.assert_allclose(cosines(centred(probe.weight), centred(shifted)), 1, atol=1e-5)
    assert cosines(probe.weight, shifted).min() < 0.9


def test_truncation_is_the_nearest_of_its_rank():
    weight = normal(D, S, C)
    values = np.linalg.svd(weight.reshape(D, -1).astype(float), compute_uv=False)
    kept = truncate(weight, 3)
    assert np.linalg.matrix_rank(kept.reshape(D, -1)) == 3
    np.testing.assert_allclose(((weight - kept) ** 2).sum(), (values[3:] ** 2).sum(), rtol=1e-5)
    np.testing.assert_allclose(truncate(weight, D), weight, atol=1e-6)


def test_gap_r2_is_that_of_a_regression_on_gaps():
    vectors, grid = normal(12, 5), (3, 4)
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    target, gaps = [], []
    for a in range(12):
        for b in range(a):
            target.append(1 - unit[a] @ unit[b])
            gaps.append((abs(a // 4 - b // 4), abs(a % 4 - b % 4)))
    cells = sorted(set(gaps))
    design = np.array([[gap == cell for cell in cells] for gap in gaps], float)
    target = np.array(target, float)
    coefficients, *_ = np.linalg.lstsq(design, target)
    residual = ((target - design @ coefficients) ** 2).sum()
    expected = 1 - residual / ((target - target.mean()) ** 2).sum()
    assert gap_r2(vectors, grid) == pytest.approx(expected, abs=1e-6)
    table = gap_table(vectors, grid)
    assert np.isnan(table[0, 0])
    found = [table[cell] for cell in cells]
    np.testing.assert_allclose(found, coefficients, atol=1e-6)


def test_a_board_bent_into_space_has_its_neighbours_and_random_vectors_have_chance():
    place = np.stack(np.divmod(np.arange(36), 6), -1) / 8
    sheet = np.concatenate([np.cos(place), np.sin(place)], -1)
    share, chance = neighbour_overlap(sheet, (6, 6))
    assert share > 0.7 and gap_r2(sheet, (6, 6)) > 0.9
    random = [RNG.normal(size=(36, 30)) for _ in range(60)]
    shares = [neighbour_overlap(vectors, (6, 6))[0] for vectors in random]
    assert np.mean(shares) == pytest.approx(chance, abs=0.02)
    assert np.mean([gap_r2(v, (6, 6)) for v in random]) == pytest.approx(34 / 629, abs=0.01)


def test_edit_directions():
    form = bilinear(S, C, 2, F)
    binding, role, filler = normal(D, 2 * F), normal(S, 2), normal(C, F)
    probe = probe_of(form, binding=binding, roles=[role], fillers=filler)
    changes = np.zeros((2, S, C))
    changes[0, 1, [0, 2]] = -1, 1
    changes[1, 3, [2, 1]] = changes[1, 5, [0, 1]] = -1, 1
    found = tensor_directions(probe, changes)
    swap = lambda s, a, b: np.outer(role[s], filler[b] - filler[a]).ravel().astype(float)
    wanted = [swap(1, 0, 2), swap(3, 2, 1) + swap(5, 0, 1)]
    for direction, delta in zip(found, wanted, strict=True):
        seen = direction @ binding
        np.testing.assert_allclose(
            seen / np.linalg.norm(seen), delta / np.linalg.norm(delta), atol=1e-6
        )
        assert np.linalg.norm(direction) == pytest.approx(1)
        # The least step: nothing of it lies where the probe does not look.
        blind = direction - binding @ np.linalg.lstsq(binding.astype(float), direction)[0]
        np.testing.assert_allclose(blind, 0, atol=1e-6)
    weight = normal(D, S, C)
    unit = lambda s, c: weight[:, s, c] / np.linalg.norm(weight[:, s, c])
    both = unit(3, 1) + unit(5, 1)
    expected = [unit(1, 2), both / np.linalg.norm(both)]
    np.testing.assert_allclose(linear_directions(weight, changes), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((5, 7), np.int32)}, "labels are int32 of shape"),
        ({"labels": np.full((5, S), C, np.int32)}, "labels run from 3 to 3"),
        ({"x": np.zeros(5, np.float32)}, "give activations"),
        ({"weights": np.ones(4)}, "weights have shape"),
        ({"steps": 0}, "steps = 0"),
        ({"within": bilinear(S, C, R, F)}, "does not fit within"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"x": normal(5, D), "labels": np.zeros((5, S), np.int32)}
    with pytest.raises(ToylabError, match=message):
        fit(**(good | {"form": linear(S, C), "key": jax.random.key(0)} | change))


def test_bad_forms_are_named():
    with pytest.raises(ToylabError, match="one width per side"):
        trilinear(GRID, C, (2,), F)  # type: ignore[arg-type]
    with pytest.raises(ToylabError, match="rank = 0"):
        low_rank(S, C, 0)
    with pytest.raises(ToylabError, match="one per square"):
        gap_r2(normal(5, 3), GRID)
    with pytest.raises(ToylabError, match=r"x has shape \(4, 3\)"):
        probe_of(linear(S, C), binding=normal(D, S * C)).scores(normal(4, 3))
