"""Four ranks of matrices: by hand, invariances, the Gaussian null, NaN, and under vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from toylab.analysis.similarity.ranks import (
    energy_rank,
    entropy_rank,
    gaussian_participation_ratio,
    participation_ratio,
    singular_values,
    stable_rank,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
RANKS = (participation_ratio, entropy_rank, lambda s: entropy_rank(s, True), stable_rank)


@pytest.mark.parametrize("kind", [np.asarray, lambda x: jnp.asarray(x, jnp.float32)])
def test_identities_rank_one_and_scale(kind):
    rank_one = np.outer(RNG.normal(size=6), RNG.normal(size=4))
    any_one = RNG.normal(size=(6, 4))
    matrices = np.stack([np.eye(6)[:, :4], rank_one, any_one, 100 * any_one])
    s = singular_values(kind(matrices), centred=False)
    for rank in (*RANKS, lambda s: energy_rank(s, 0.999)):
        full, single, some, scaled = np.asarray(rank(s))
        assert full == pytest.approx(4, rel=1e-5)
        assert single == pytest.approx(1, rel=1e-4)
        assert some == pytest.approx(scaled, rel=1e-5)
        assert 1 < some <= 4


def test_against_definitions():
    x = RNG.normal(size=(3, 20, 7)) @ RNG.normal(size=(7, 7))
    s = singular_values(x)
    for i in range(3):
        eigenvalues = np.linalg.eigvalsh(np.cov(x[i].T))
        by_trace = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        assert participation_ratio(s)[i] == pytest.approx(by_trace)
        root = np.sqrt(eigenvalues)
        assert entropy_rank(s)[i] == pytest.approx(np.exp(scipy.stats.entropy(root)))
        assert entropy_rank(s, True)[i] == pytest.approx(np.exp(scipy.stats.entropy(eigenvalues)))
        centred = x[i] - x[i].mean(0)
        exact = np.linalg.norm(centred) ** 2 / np.linalg.norm(centred, 2) ** 2
        assert stable_rank(s)[i] == pytest.approx(exact)


@pytest.mark.parametrize(
    ("shape", "ratio", "entropy", "entropy_squared"),
    [
        ((100, 100), 49.45, 79.8, 60.1),
        ((1000, 100), 90.8, 98.7, 95.1),
        ((50, 200), 39.2, 47.4, 43.3),
    ],
)
def test_gaussian_numbers_have_the_ranks_of_their_shape(shape, ratio, entropy, entropy_squared):
    s = singular_values(RNG.normal(size=(8, *shape)))
    assert participation_ratio(s).mean() == pytest.approx(ratio, rel=0.01)
    assert entropy_rank(s).mean() == pytest.approx(entropy, rel=0.01)
    assert entropy_rank(s, True).mean() == pytest.approx(entropy_squared, rel=0.01)
    assert gaussian_participation_ratio(*shape) == pytest.approx(ratio, abs=0.06)


def test_members_by_vmap_are_as_alone_and_nan_stays_with_its_member():
    x = RNG.normal(size=(3, 10, 4)).astype(np.float32)
    x[1, 0, 0] = np.nan
    for rank in (*RANKS, energy_rank):
        of = lambda x, rank=rank: rank(singular_values(x))
        found = np.asarray(jax.jit(jax.vmap(of))(jnp.asarray(x)))
        assert np.isnan(found[1])
        for i in (0, 2):
            assert found[i] == pytest.approx(of(x[i]), rel=1e-4)
    s = singular_values(x)
    assert np.isnan(s[1]).all() and np.isfinite(s[[0, 2]]).all()


def test_nothing_has_no_rank():
    for rank in RANKS:
        assert np.isnan(rank(np.zeros(3))) and np.isnan(rank(jnp.zeros(3)))
    assert energy_rank(jnp.zeros(3)) == 0


@pytest.mark.parametrize(
    ("values", "energy", "rank"),
    [
        ([1, 1, 1, 1], 0.99, 4),
        ([1, 1, 1, 1], 0.5, 2),
        ([1, 1, 1, 1], 0.51, 3),
        ([10, 1, 0, 0], 0.99, 1),  # 100 of 101 is 0.9901
        ([9, 1, 0, 0], 0.99, 2),  # 81 of 82 is 0.988
        ([3, 2, 1, 0], 1.0, 3),
        ([0, 0, 0, 0], 0.99, 0),
    ],
)
def test_energy_rank_by_hand(values, energy, rank):
    assert energy_rank(np.array(values, float), energy) == rank


def test_energy_rank_keeps_leading_axes_and_agrees_with_searchsorted():
    values = -np.sort(-RNG.random((3, 4, 9)), -1)
    got = energy_rank(values, 0.9)
    for i in np.ndindex(3, 4):
        total = np.cumsum(values[i] ** 2)
        assert got[i] == np.searchsorted(total, 0.9 * total[-1]) + 1


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: energy_rank([1.0, 2.0]), "descending"),
        (lambda: energy_rank([np.nan, 1.0]), "finite"),
        (lambda: energy_rank([1.0], 1.5), r"energy = 1\.5"),
        (lambda: energy_rank([1.0], 0), "energy = 0"),
        (lambda: singular_values([1.0]), "give"),
        (lambda: gaussian_participation_ratio(1, 3), "samples = 1"),
    ],
)
def test_what_has_no_rank_is_refused(call, match):
    with pytest.raises(ToylabError, match=match):
        call()


@pytest.mark.parametrize("xp", [np, jnp])
def test_activations_that_never_move_have_no_rank(xp):
    for value in (0.1, 0.3, 7.7):
        values = singular_values(xp.full((7, 3), value, xp.float32))
        assert np.isnan(participation_ratio(values))
