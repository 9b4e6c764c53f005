"""Crosscoders: copies share everything, a planted feature is private, scaling, the L1 price."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.dictionary.crosscoder import fit_crosscoder, latent_scaling
from toylab.analysis.dictionary.training import objective
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
WIDTH, TRUE = 8, 6
TURN = np.linalg.qr(RNG.normal(size=(WIDTH, WIDTH)))[0]
FIT = dict(steps=800, batch_size=256, learning_rate=1e-2)


def world(rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Rare amplitudes (N, 6) of orthonormal directions (6, 8)."""
    directions = np.linalg.qr(RNG.normal(size=(WIDTH, WIDTH)))[0][:TRUE]
    amplitude = (RNG.random((rows, TRUE)) < 0.15) * RNG.uniform(0.5, 1, (rows, TRUE))
    return amplitude, directions


@pytest.mark.parametrize(("kind", "private", "blur"), [("l1", 0.95, 0.01), ("topk", 0.8, 0.03)])
def test_copies_share_and_a_planted_feature_is_the_new_snapshots_own(kind, private, blur):
    amplitude, directions = world()
    early = np.where(np.arange(TRUE) < TRUE - 1, 1, 0)  # the last feature is not there yet
    late = amplitude @ directions
    # Before, after, and after in other axes and ten times as large.
    x = np.stack([(amplitude * early) @ directions, late, 10 * late @ TURN + 3])
    found = fit_crosscoder(x, 12, kind, k=2, l1=0.02, seeds=(0, 1), **FIT)
    told = np.asarray(found.decode(found.encode(jnp.asarray(x))))
    # A direction of the same length in both is longer where the rest of the variance is less.
    share = found.scale[0, 0] / (found.scale[0, 0] + found.scale[0, 1])
    assert float(share) == pytest.approx(5**0.5 / (5**0.5 + 6**0.5), abs=0.01)
    for p in range(2):
        member = found.member(p)
        for t in range(3):
            spread = ((x[t] - x[t].mean(0)) ** 2).sum()
            assert 1 - ((told[p, t] - x[t]) ** 2).sum() / spread > 0.8
        norms = np.asarray(member.norms)
        cosine = np.asarray(member.decoder[:, 1] @ directions.T) / norms[:, 1:2]
        # Of features that share a direction, all that they write.
        size = np.asarray(member.encode(jnp.asarray(x))).mean(0)
        first, second, copy = (norms.T * size) @ (cosine > 0.9)
        assert copy / (copy + second) == pytest.approx(np.full(TRUE, 0.5), abs=blur)
        old, new = np.split(second / (first + second), [TRUE - 1])
        assert old == pytest.approx(np.full(TRUE - 1, share), abs=blur)
        assert new[0] >= private
        best = np.argmax(cosine * (size * norms[:, 1])[:, None], 0)
        assert np.asarray(member.relative_norm())[best[-1]] >= private
        # TopK fills its code, which blurs lengths; least squares on what is left does not mind.
        scale = np.asarray(latent_scaling(member, x))[best]
        assert abs(scale[-1, 0]) < 0.1 < 0.9 < scale[-1, 1]
        assert scale[:-1, 0] == pytest.approx(scale[:-1, 1], abs=0.1)


def test_latent_scaling_by_least_squares():
    x = RNG.normal(size=(2, 200, 4))
    found = fit_crosscoder(x, 5, k=2, steps=20, batch_size=64).member(0)
    codes = np.asarray(found.encode(jnp.asarray(x)), np.float64)
    told, scale = np.asarray(found.decode(jnp.asarray(codes, jnp.float32))), np.asarray(found.scale)
    decoder, norms = np.asarray(found.decoder), np.asarray(found.norms)
    got = np.asarray(latent_scaling(found, x))
    for f in range(5):
        best = decoder[f, norms[f].argmax()]
        for t in range(2):
            rest = (x[t] - told[t]) / scale[t] + np.outer(codes[:, f], decoder[f, t])
            basis = np.outer(codes[:, f], best).ravel()[:, None]
            exact = np.linalg.lstsq(basis, rest.ravel(), rcond=None)[0][0]
            assert got[f, t] == pytest.approx(exact, rel=1e-3, abs=1e-4)


def test_the_l1_price_is_the_sum_of_the_blocks_norms():
    params = {
        "encoder": RNG.normal(size=(6, 5)),
        "bias": RNG.normal(size=5),
        "decoder": RNG.normal(size=(5, 6)),
        "centre": RNG.normal(size=6),
    }
    params["decoder"][2, :3] = 0  # a block of nothing has a gradient too
    z = RNG.normal(size=(20, 6))
    code = np.maximum((z - params["centre"]) @ params["encoder"] + params["bias"], 0)
    error = ((z - code @ params["decoder"] - params["centre"]) ** 2).sum(1).mean()
    norms = np.linalg.norm(params["decoder"].reshape(5, 2, 3), axis=-1).sum(1)
    single = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)
    of = lambda p: objective(p, jnp.asarray(z, jnp.float32), jnp.int32(5), 0.3, "l1", 5, 0, 2)[0]
    loss, grads = jax.value_and_grad(of)(single)
    assert float(loss) == pytest.approx(error + 0.3 * (code @ norms).mean(), rel=1e-5)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


def test_a_population_is_fitted_as_its_networks_one_at_a_time():
    x = RNG.normal(size=(3, 2, 200, 4)) * np.array([1, 5, 0.1])[:, None, None, None]
    fit = dict(k=2, steps=20, batch_size=64)  # as above, so that it compiles once

    def told(found, x):
        codes = found.encode(x)
        read = codes, found.decode(codes), latent_scaling(found, x)
        return jax.tree.map(np.asarray, (found, read))

    found, read = told(fit_crosscoder(x, 5, **fit), x)
    assert found.scale.shape == (3, 1, 2) and found.dictionary.decoder.shape == (3, 1, 5, 8)
    for p in range(3):
        alone = told(fit_crosscoder(x[p], 5, **fit), x[p])
        own = jax.tree.map(lambda leaf, p=p: leaf[p], (found, read))
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), own, alone
        )
    shared = jax.tree.map(jnp.asarray, found).encode(x[1])
    np.testing.assert_allclose(shared[1], read[0][1], rtol=1e-4, atol=1e-5)
    with pytest.raises(ToylabError, match=r"or the first of the axes \(3, 1\)"):
        found.encode(x[:2])
    x[2, 1] = 4
    with pytest.raises(ToylabError, match=r"snapshot 1 at \(2,\) is all alike"):
        fit_crosscoder(x, 5, **fit)


def test_what_cannot_be_fitted_is_refused():
    x = RNG.normal(size=(2, 20, 3))
    same = x.copy()
    same[1] = 1.0
    for rows, match in ((x[0], "T, N, D"), (x[:1], "T >= 2"), (same, "snapshot 1 is all alike")):
        with pytest.raises(ToylabError, match=match):
            fit_crosscoder(rows, 4, k=2, steps=0)
    found = fit_crosscoder(x, 4, k=2, steps=0)
    with pytest.raises(ToylabError, match="snapshot = 2"):
        found.relative_norm(0, 2)
    with pytest.raises(ToylabError, match="give \\(2, N, 3\\)"):
        found.encode(jnp.ones((3, 5, 3)))
