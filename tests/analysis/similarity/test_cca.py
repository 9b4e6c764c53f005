"""CCA and SVCCA against principal angles, invariances, nulls, and over a population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from sklearn.cross_decomposition import CCA

from toylab.analysis.similarity.cca import cca, null_mean_square, svcca
from toylab.analysis.similarity.cka import linear_cka
from toylab.errors import ToylabError

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def random(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def test_correlations_are_cosines_of_the_principal_angles():
    latent = random(80, 2)
    x = jnp.concatenate([latent @ random(2, 3) + 0.3 * random(80, 3), random(80, 2)], 1) + 5
    y = jnp.concatenate([latent + random(80, 2), random(80, 1)], 1)
    found = cca(x, y)
    spaces = (np.asarray(a, np.float64) for a in (x, y))
    spaces = (a - a.mean(0) for a in spaces)
    angles = scipy.linalg.subspace_angles(*spaces)
    assert np.asarray(found.rho_K) == pytest.approx(np.sort(np.cos(angles))[::-1], abs=1e-5)
    assert found.dims.tolist() == [5, 3]
    assert float(found.mean) == pytest.approx(np.cos(angles).mean(), abs=1e-5)
    assert float(found.mean_square) == pytest.approx((np.cos(angles) ** 2).mean(), abs=1e-5)
    assert float(found.samples_per_dim) == 16
    assert float(found.null) == pytest.approx(5 / 79)


def test_as_scikit_learn_finds_it():
    latent = random(80, 2)
    x = jnp.concatenate([latent @ random(2, 3) + 0.3 * random(80, 3), random(80, 1)], 1) + 5
    y = jnp.concatenate([latent + random(80, 2), random(80, 1)], 1)
    other = CCA(n_components=3, max_iter=5000, tol=1e-12).fit_transform(x, y)
    variates = [np.corrcoef(a, b)[0, 1] for a, b in zip(*(side.T for side in other), strict=True)]
    assert np.asarray(cca(x, y).rho_K) == pytest.approx(np.sort(variates)[::-1], abs=1e-4)


def test_blind_to_every_invertible_map_where_cka_is_not():
    x = random(60, 5)
    for other, cka_is_one in ((x @ random(5, 5), False), (x[:, ::-1], True)):
        assert np.asarray(cca(x, other).rho_K) == pytest.approx(np.ones(5), abs=1e-4)
        assert (float(linear_cka(x, other)) > 0.999) == cka_is_one


@pytest.mark.parametrize(("p", "square", "mean"), [(20, 0.101, 0.27), (50, 0.251, 0.44)])
def test_independent_activations(p: int, square: float, mean: float):
    def one(key):
        x, y = jax.random.normal(key, (2, 200, p), jnp.float32)
        return cca(x, y)

    found = jax.jit(jax.vmap(one))(jax.random.split(KEY, 8))
    assert null_mean_square(200, p, p) == pytest.approx(square, abs=1e-3)
    assert float(found.mean_square.mean()) == pytest.approx(null_mean_square(200, p, p), rel=0.03)
    assert float(found.mean.mean()) == pytest.approx(mean, abs=0.01)
    assert np.asarray(found.null) == pytest.approx(np.full(8, p / 199))


def test_dead_and_repeated_units_count_for_nothing():
    x, y = random(60, 4), random(60, 3)
    padded = jnp.concatenate([x, jnp.full((60, 1), 3.0), x[:, :1], jnp.zeros((60, 1))], 1)
    plain, found = cca(x, y), cca(padded, y)
    assert found.dims.tolist() == [4, 3]
    assert np.asarray(found.rho_K) == pytest.approx(np.asarray(plain.rho_K), abs=1e-4)
    assert float(found.null) == pytest.approx(float(plain.null))
    assert np.isnan(cca(jnp.ones((9, 2)), random(9, 2)).mean)


def test_svcca_keeps_the_directions_of_most_variance():
    shared = random(50, 3)
    noise = lambda: 1e-2 * random(50, 60)
    turn = jnp.asarray(np.linalg.qr(RNG.normal(size=(60, 60)))[0][:3], jnp.float32)
    x, y = shared @ turn + noise(), shared @ random(3, 60) + noise()
    found = svcca(x, y)
    assert found.dims.tolist() == [3, 3]
    assert float(found.mean) > 0.99
    assert np.asarray(found.rho_K)[3:] == pytest.approx(0, abs=1e-5)
    # The definition: project on the components that are kept, then CCA.
    scores = []
    for a in (x, y):
        u, s, _ = np.linalg.svd(np.asarray(a) - np.asarray(a).mean(0), full_matrices=False)
        count = np.searchsorted(np.cumsum(s**2) / (s**2).sum(), 0.9) + 1
        scores.append(jnp.asarray(u[:, :count] * s[:count]))
    by_hand, found = cca(*scores), svcca(x, y, 0.9)
    assert found.dims.tolist() == by_hand.dims.tolist()
    assert float(found.mean) == pytest.approx(float(by_hand.mean), abs=1e-4)


def test_members_and_snapshots_by_vmap_are_as_alone_and_nan_stays_with_its_member():
    x_PSND = random(2, 3, 30, 4).at[1, 2, 0, 0].set(jnp.nan)
    last = x_PSND[0, 0]
    for measure in (cca, svcca):
        over = jax.vmap(jax.vmap(lambda x, m=measure: m(x, last)))
        found = jax.jit(over)(x_PSND)
        assert float(found.mean[1, 1]) == pytest.approx(float(measure(x_PSND[1, 1], last).mean))
        assert np.isnan(np.asarray(found.mean)).sum() == 1 and np.isnan(found.mean[1, 2])


def test_what_cannot_be_compared_is_refused():
    for call, match in (
        (lambda: cca(random(5, 4), random(5, 2)), "every correlation is 1"),
        (lambda: cca(random(9, 4), random(8, 4)), "same N"),
        (lambda: svcca(random(9, 4), random(9, 4), 0.0), "energy = 0"),
        (lambda: null_mean_square(20, 20, 5), "samples = 20"),
    ):
        with pytest.raises(ToylabError, match=match):
            call()
