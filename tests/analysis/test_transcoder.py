"""Transcoders: a ReLU MLP is its own, a sparse one is found again, units, restarts, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.dictionary.training import Rules, objective
from toylab.analysis.dictionary.transcoder import fit_transcoder, of_mlp, transcoder_quality
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
D, F, O = 8, 12, 5


def mlp(x: np.ndarray, weights: tuple) -> np.ndarray:
    w_in, b_in, w_out, b_out = weights
    return np.maximum(x @ w_in + b_in, 0) @ w_out + b_out


def random_mlp() -> tuple:
    shapes = ((D, F), (F,), (F, O), (O,))
    return tuple(RNG.normal(size=shape) for shape in shapes)


def test_a_relu_mlp_is_reproduced_by_its_own_neurons():
    weights = random_mlp()
    weights[2][3] = 0  # a neuron that writes nothing
    x = RNG.normal(size=(50, D))
    own = of_mlp(*(jnp.asarray(w, jnp.float32) for w in weights))
    y = mlp(x, weights)
    told = own.decode(own.encode(jnp.asarray(x, jnp.float32)), jnp.asarray(x, jnp.float32))
    assert np.asarray(told) == pytest.approx(y, abs=1e-4)
    lengths = np.linalg.norm(own.decoder, axis=1)
    assert np.delete(lengths, 3) == pytest.approx(np.ones(F - 1), abs=1e-5) and lengths[3] == 0
    quality = transcoder_quality(own, x, y)
    assert float(quality.explained) == pytest.approx(1, abs=1e-5)
    assert float(quality.l0) == pytest.approx((x @ weights[0] + weights[1] > 0).sum(1).mean())


def test_sparse_neurons_are_found_again_by_what_they_read_and_write():
    # Four orthogonal neurons that seldom fire, on a straight path and an offset. With a smaller
    # price a feature may read -u, for relu(u) = u + relu(-u) and the skip gives u.
    rng = np.random.default_rng(0)
    read = np.linalg.qr(rng.normal(size=(D, D)))[0][:, :4]
    write = np.linalg.qr(rng.normal(size=(O, O)))[0][:4]
    straight = rng.normal(size=(D, O))
    x = rng.normal(size=(3000, D)) + 0.5
    y = 10 * mlp(x, (read, -1.5 - 0.5 * read.sum(0), write, np.ones(O))) + x @ straight
    fit = dict(features=8, kind="l1", l1=(0.05, 0.1), seeds=(0, 1), batch_size=256, steps=800)
    with_skip = fit_transcoder(x, y, skip=True, learning_rate=1e-2, **fit)
    quality = transcoder_quality(with_skip, x, y)
    assert (np.asarray(quality.explained) > 0.95).all()
    for p in range(2):
        member = with_skip.member(p)
        firing = np.asarray(member.encode(jnp.asarray(x)) > 0).any(0)
        encoder = np.asarray(member.encoder)[:, firing]
        encoder = encoder / np.linalg.norm(encoder, axis=0)
        reads, writes = read.T @ encoder, write @ np.asarray(member.decoder)[firing].T
        assert ((reads * writes).max(1) > 0.95).all()
        told = np.asarray(member.decode(member.encode(jnp.asarray(x)), jnp.asarray(x)))
        explained = 1 - ((y - told) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()
        assert float(quality.explained[p]) == pytest.approx(explained, abs=1e-4)
        assert member.losses[-50:].mean() < member.losses[:20].mean() / 3
    without = fit_transcoder(x, y, learning_rate=1e-2, **(fit | {"steps": 0}))
    assert not np.asarray(without.skip).any()
    assert (np.asarray(transcoder_quality(without, x, y).explained) < 0.5).all()


def test_networks_of_a_population_are_fitted_each_in_its_own_units():
    # That one network alone gives the same is tested of crosscoders, which train alike.
    x = RNG.normal(size=(200, D)).astype(np.float32)
    x, y = np.stack([x, 4 * x - 3]), mlp(x, random_mlp()).astype(np.float32)
    y = np.stack([y, 8 * y + 5])
    found = fit_transcoder(x, y, features=6, k=2, steps=20, batch_size=64, skip=True)
    codes = found.encode(x)
    told, quality = np.asarray(found.decode(codes, x)), transcoder_quality(found, x, y)
    assert told.shape == (2, 1, 200, O) and (np.asarray(codes > 0).sum(-1) <= 2).all()
    assert told[1] == pytest.approx(8 * told[0] + 5, rel=1e-3, abs=1e-3)
    error = ((y - told[:, 0]) ** 2).sum((1, 2)) / ((y - y.mean(1, keepdims=True)) ** 2).sum((1, 2))
    assert np.asarray(quality.explained)[:, 0] == pytest.approx(1 - error, abs=1e-4)
    with pytest.raises(ToylabError, match="transcoder_quality"):
        transcoder_quality(found, x, y[:1])


def test_the_objective_is_of_the_target():
    params = {
        "encoder": RNG.normal(size=(D, F)),
        "bias": RNG.normal(size=F),
        "decoder": RNG.normal(size=(F, O)),
        "centre": RNG.normal(size=O),
        "skip": RNG.normal(size=(D, O)),
    }
    x, y = RNG.normal(size=(20, D)), RNG.normal(size=(20, O))
    code = np.maximum(x @ params["encoder"] + params["bias"], 0)
    told = code @ params["decoder"] + params["centre"] + x @ params["skip"]
    exact = ((y - told) ** 2).sum(1).mean() + 0.3 * code.sum(1).mean()
    single = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)
    rows = jnp.asarray(np.concatenate([x, y], 1), jnp.float32)
    rules = Rules("l1", F, 1, 1, 0.1, 1, reads=D)
    loss, _ = objective(single, rows, jnp.int32(F), 0.3, rules.kind, rules.most, rules.reads)
    assert float(loss) == pytest.approx(exact, rel=1e-5)


def test_what_cannot_be_fitted_is_refused():
    x = RNG.normal(size=(20, 3))
    for change, match in (
        (dict(y=x[:10]), "inputs \\(20,\\) and outputs \\(10,\\)"),
        (dict(y=np.ones((20, 2))), "all alike"),
        (dict(kind="gated"), "unknown kind"),
        (dict(k=9), "k = 9"),
    ):
        with pytest.raises(ToylabError, match=match):
            fit_transcoder(**(dict(x=x, y=x, features=4, k=2, steps=1) | change))
    with pytest.raises(ToylabError, match="of_mlp"):
        of_mlp(jnp.ones((3, 4)), jnp.ones(4), jnp.ones((3, 2)), jnp.ones(2))
    with pytest.raises(ToylabError, match="give \\(N, 3\\)"):
        fit_transcoder(x, x, 4, k=2, steps=0).encode(jnp.ones((2, 5)))
