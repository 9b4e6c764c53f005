"""Contrastive covariance on heads whose key-query features were planted."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from toylab.analysis.contrastive import (
    block_leak,
    contrastive_covariance,
    key_query_feature,
    latent_interaction,
    random_basis,
    subspace_overlap,
    swap,
    union_basis,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
K, R1, R2 = 12, 3, 5


def planted(width=K, ranks=(R1, R2), seed=0):
    """Head-space maps of two latents, (K, R) each: queries' orthonormal, keys' scaled."""
    rng = np.random.default_rng(seed)
    q, k = (np.linalg.qr(rng.normal(size=(width, width)))[0] for _ in range(2))
    scale = np.linspace(2, 1, sum(ranks))
    cut = np.cumsum((0, *ranks))
    return [(q[:, a:b], k[:, a:b] * scale[a:b]) for a, b in itertools.pairwise(cut)]


def pairs_of(latent, count=20000, seed=1):
    """Queries, keys that share both latents, and keys whose ``latent`` (0 or 1) is drawn anew."""
    rng = np.random.default_rng(seed)
    z = [rng.choice((-1.0, 1.0), (count, r)) for r in (R1, R2)]
    new = [rng.choice((-1.0, 1.0), x.shape) if i == latent else x for i, x in enumerate(z)]
    maps = planted()
    # The other latent of the keys is independent of the query, and the same in both keys.
    other = rng.choice((-1.0, 1.0), z[1 - latent].shape)
    z_key, new_key = ([other if i != latent else x for i, x in enumerate(y)] for y in (z, new))
    query = sum(x @ b.T for x, (b, _) in zip(z, maps, strict=True))
    keys = [sum(x @ a.T for x, (_, a) in zip(y, maps, strict=True)) for y in (z_key, new_key)]
    return query, *keys


def test_covariance_agrees_with_a_loop():
    q, pos, neg = RNG.normal(size=(3, 2, 6, 4))
    got = contrastive_covariance(q, pos, neg)
    for run in range(2):
        known = np.mean(
            [np.outer(q[run, n], pos[run, n]) - np.outer(q[run, n], neg[run, n]) for n in range(6)],
            0,
        )
        np.testing.assert_allclose(got[run], known, rtol=1e-12, atol=1e-14)


def test_all_signs_enumerated_give_the_closed_form():
    (b, a), _ = planted()
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=R1)))
    both = list(itertools.product(signs, signs))
    z, new = np.array([x for x, _ in both]), np.array([y for _, y in both])
    shift = RNG.normal(size=K)  # what else a key holds, the same in both, cancels
    got = contrastive_covariance(z @ b.T, z @ a.T + shift, new @ a.T + shift)
    np.testing.assert_allclose(got, b @ a.T, atol=1e-12)
    feature = key_query_feature(got)
    assert feature.rank == R1
    np.testing.assert_allclose(feature.values_K[:R1], np.linalg.norm(a, axis=0), rtol=1e-12)


@pytest.mark.parametrize("latent", (0, 1))
def test_planted_features_are_recovered_from_samples(latent):
    feature = key_query_feature(contrastive_covariance(*pairs_of(latent)))
    b, a = planted()[latent]
    assert feature.rank == (R1, R2)[latent]
    for basis, truth in ((feature.query_KR, b), (feature.key_KR, a)):
        angles = scipy.linalg.subspace_angles(basis, truth)
        assert np.cos(angles).min() > 0.99
        np.testing.assert_allclose(basis.T @ basis, np.eye(feature.rank), atol=1e-12)
    other = scipy.linalg.orth(planted()[1 - latent][1])
    assert subspace_overlap(feature.key_KR, other) < 0.01


def test_without_a_feature_there_is_no_rank():
    query, positive, _ = pairs_of(0)
    feature = key_query_feature(contrastive_covariance(query, positive, positive))
    assert feature.rank == 0
    assert feature.key_KR.shape == (K, 0)


def test_a_head_too_small_misses_ranks():
    # Five latents squeezed through three dimensions leave no more than three.
    squeeze = np.linalg.qr(RNG.normal(size=(K, 3)))[0]
    query, pos, neg = (x @ squeeze for x in pairs_of(1))
    assert key_query_feature(contrastive_covariance(query, pos, neg)).rank <= 3 < R2


def test_a_known_rank_is_kept():
    feature = key_query_feature(np.diag([3.0, 2, 1, 0]), rank=1)
    assert feature.rank == 1
    np.testing.assert_array_equal(np.abs(feature.key_KR[:, 0]), [1, 0, 0, 0])


def test_overlap_agrees_with_principal_angles():
    a, b = random_basis(8, 3, 0), random_basis(8, 2, 1)
    angles = scipy.linalg.subspace_angles(a, b)
    assert subspace_overlap(a, b) == pytest.approx(np.mean(np.cos(angles) ** 2))
    assert subspace_overlap(a, a[:, :1]) == pytest.approx(1)
    mean = np.mean([subspace_overlap(a, random_basis(8, 2, s)) for s in range(300)])
    assert mean == pytest.approx(3 / 8, abs=0.03)


def test_union_counts_shared_directions_once():
    eye = np.eye(6)
    both = union_basis([eye[:, :3], eye[:, 2:4]])
    assert both.shape == (6, 4)
    np.testing.assert_allclose(both @ both.T, np.diag([1, 1, 1, 1, 0, 0]), atol=1e-12)


def test_swap_exchanges_one_subspace_and_keeps_the_rest():
    one, two = RNG.normal(size=(2, 7, 6))
    basis = random_basis(6, 2, 3)
    new_one, new_two = swap(one, two, basis)
    rest = scipy.linalg.null_space(basis.T)
    np.testing.assert_allclose(new_one @ basis, two @ basis)
    np.testing.assert_allclose(new_two @ basis, one @ basis)
    np.testing.assert_allclose(new_one @ rest, one @ rest)
    np.testing.assert_allclose(new_two @ rest, two @ rest)


def test_joint_swap_moves_attention_and_a_part_or_a_random_space_does_not():
    (b1, a1), (b2, a2) = planted()
    rng = np.random.default_rng(2)
    z = [rng.choice((-1.0, 1.0), (200, r)) for r in (R1, R2)]
    query, key = z[0] @ b1.T + z[1] @ b2.T, z[0] @ a1.T + z[1] @ a2.T
    other = -key  # a key with both latents opposite
    # Scores b^T a differ by map; in head space q.k with the planted maps aligned by a rotation.
    align = scipy.linalg.orthogonal_procrustes(np.hstack([b1, b2]).T, np.hstack([a1, a2]).T)[0]
    query = query @ align
    score = lambda k: (query * k).sum(-1)
    joint = union_basis([scipy.linalg.orth(a1), scipy.linalg.orth(a2)])
    moved, target = swap(key, other, joint)
    np.testing.assert_allclose(score(target), score(key))
    np.testing.assert_allclose(score(moved), score(other))
    half, _ = swap(key, other, scipy.linalg.orth(a1))
    assert (score(half) > score(other)).all()
    chance, _ = swap(key, other, random_basis(K, 2, 5))
    assert score(chance).mean() > score(other).mean() + 0.5 * (score(key) - score(other)).mean()


def test_interaction_is_the_score_of_latents():
    w_q, w_k = RNG.normal(size=(2, 9, 4))
    b, a = RNG.normal(size=(3, 9)), RNG.normal(size=(2, 9))
    got = latent_interaction(w_q, w_k, b, a)
    for i, j in np.ndindex(3, 2):
        assert got[i, j] == pytest.approx((b[i] @ w_q) @ (a[j] @ w_k))


def test_block_leak_by_hand():
    g = np.diag([3.0, 0, 4])
    assert block_leak(g, (1, 2)) == 0
    g[0, 2] = 1
    assert block_leak(g, (1, 2)) == pytest.approx(0.2)
    assert block_leak(g, (3,)) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: contrastive_covariance(np.ones((3, 2)), np.ones((3, 2)), np.ones((2, 2))),
            "three",
        ),
        (lambda: contrastive_covariance(*np.ones((3, 2))), "three"),
        (lambda: key_query_feature(np.ones((2, 3))), "finite"),
        (lambda: key_query_feature(np.eye(3), rank=4), "rank = 4"),
        (lambda: subspace_overlap(np.ones((3, 2)), np.eye(3)), "orthonormal"),
        (lambda: subspace_overlap(np.eye(3), np.eye(4)), "bases"),
        (lambda: union_basis([np.eye(3), np.eye(4)]), "one space"),
        (lambda: union_basis([]), "one space"),
        (lambda: random_basis(3, 4, 0), "rank = 4"),
        (lambda: swap(np.ones(3), np.ones(4), np.eye(3)), "keys"),
        (
            lambda: latent_interaction(*np.ones((2, 3, 2)), np.ones((1, 4)), np.ones((1, 3))),
            "latents",
        ),
        (
            lambda: latent_interaction(np.ones((3, 2)), np.ones((3, 1)), *np.ones((2, 1, 3))),
            "weights",
        ),
        (lambda: block_leak(np.eye(3), (1, 1)), "add up"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ToylabError, match=words):
        call()
