"""Sparse autoencoders: codes, training and its gradients, a known dictionary found again."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.analysis.dictionary.autoencoder import fit_dictionary, quality
from toylab.analysis.dictionary.training import Rules, State, _restart, initial, objective
from toylab.errors import ToylabError
from toylab.models.dictionaries.codes import sparse
from toylab.tasks.superposition.sparse import Sparse


def world(features: int = 24, width: int = 10, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Activations that are sparse sums of known unit directions, off the origin."""
    batch = Sparse(features, density=0.05).batch(jax.random.key(0), rows)
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(features, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x = 7 * np.asarray(batch.inputs) @ directions + rng.normal(size=width)
    return x.astype(np.float32), directions


def recovered(decoder: np.ndarray, directions: np.ndarray) -> float:
    """Mean over true directions of the greatest cosine with a decoder vector."""
    return float((directions @ np.asarray(decoder).T).max(1).mean())


@pytest.mark.parametrize("kind", ["topk", "l1"])
def test_a_known_dictionary_is_found_and_random_directions_do_not_have_it(kind: str) -> None:
    x, directions = world()
    settings = dict(features=32, kind=kind, k=(1, 2), l1=(0.5, 0.8), seeds=(0, 1), batch_size=256)
    x_train, x_test = x[:3000], x[3000:]
    random = fit_dictionary(x_train, steps=0, **settings)
    fitted = fit_dictionary(x_train, steps=500, learning_rate=1e-2, **settings)
    scores = quality(fitted, x_test)
    for p in range(2):
        member = fitted.member(p)
        assert recovered(random.decoder[p], directions) < 0.75
        assert recovered(member.decoder, directions) > 0.9
        assert np.linalg.norm(member.decoder, axis=1) == pytest.approx(np.ones(32), abs=1e-5)
        assert fitted.losses[p, -100:].mean() < fitted.losses[p, :20].mean() / 2
        # Measures against a plain reckoning, of one member alone and of all.
        codes = np.maximum(
            (x_test - np.asarray(member.centre)) @ np.asarray(member.encoder)
            + np.asarray(member.bias),
            0,
        )
        if kind == "topk":
            least = np.sort(codes, 1)[:, -int(member.k)][:, None]
            codes = np.where(codes >= least, codes, 0)
        told = codes @ np.asarray(member.decoder) + np.asarray(member.centre)
        explained = 1 - ((x_test - told) ** 2).sum() / ((x_test - x_test.mean(0)) ** 2).sum()
        assert explained > 0.7
        for found in (quality(member, x_test), jax.tree.map(lambda leaf, p=p: leaf[p], scores)):
            assert float(found.explained) == pytest.approx(explained, abs=1e-4)
            assert float(found.l0) == pytest.approx((codes > 0).sum(1).mean(), abs=5e-3)
            assert float(found.dead) == pytest.approx(
                (codes > 0).sum(0).astype(bool).mean() * -1 + 1
            )
    if kind == "topk":
        assert (np.asarray(fitted.encode(x_test) > 0).sum(-1).max(1) == [1, 2]).all()


def test_topk_keeps_exactly_k_also_of_ties() -> None:
    pre = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    pre[0] = 1.0
    k = np.array([1, 3, 4], np.int32)
    codes = np.asarray(sparse(jnp.asarray(np.stack([pre] * 3)), jnp.asarray(k)[:, None], 4, "topk"))
    for p in range(3):
        kept = np.minimum(k[p], (pre > 0).sum(1))
        assert ((codes[p] > 0).sum(1) == kept).all()
        for row, code in zip(pre, codes[p], strict=True):
            assert sorted(code[code > 0]) == sorted(np.sort(row[row > 0])[::-1][: k[p]])
            assert (code[code > 0] == row[code > 0]).all()


def slow_objective(params: dict, z: np.ndarray, k: int, l1: float, kind: str) -> float:
    total = 0.0
    for row in z:
        code = np.maximum((row - params["centre"]) @ params["encoder"] + params["bias"], 0)
        if kind == "topk":
            code[np.argsort(-code)[k:]] = 0
        residual = row - code @ params["decoder"] - params["centre"]
        total += residual @ residual + (l1 * code.sum() if kind == "l1" else 0.0)
    return total / len(z)


@pytest.mark.parametrize("kind", ["topk", "l1"])
def test_gradient_of_the_objective_is_that_of_finite_differences(kind: str) -> None:
    rng = np.random.default_rng(1)
    shapes = {"encoder": (4, 6), "bias": (6,), "decoder": (6, 4), "centre": (4,)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    z, l1, k = rng.normal(size=(20, 4)), 0.3, 2
    single = {n: jnp.asarray(v, jnp.float32) for n, v in params.items()}
    args = (jnp.asarray(z, jnp.float32), jnp.int32(k), jnp.float32(l1), kind, k)
    value, grads = jax.value_and_grad(lambda p: objective(p, *args)[0])(single)
    assert float(value) == pytest.approx(slow_objective(params, z, k, l1, kind), rel=1e-5)
    step = 1e-6
    for name in shapes:
        numeric = np.zeros(shapes[name])
        for place in np.ndindex(*shapes[name]):
            ends = []
            for sign in (1, -1):
                moved = params | {name: params[name].copy()}
                moved[name][place] += sign * step
                ends.append(slow_objective(moved, z, k, l1, kind))
            numeric[place] = (ends[0] - ends[1]) / (2 * step)
        assert np.asarray(grads[name]) == pytest.approx(numeric, rel=1e-3, abs=1e-4)


def test_silent_features_start_again_at_what_is_unexplained() -> None:
    rules = Rules("l1", 6, 1, 1, 0.1, 1)
    params = jax.tree.map(lambda leaf: leaf[0], initial(jax.random.key(0)[None], 6, 4))
    ones = jax.tree.map(jnp.ones_like, params)
    adam = optax.scale_by_adam().init(params)._replace(mu=ones, nu=ones)
    fired = np.array([True, False, True, True, False, True])
    # Two examples are badly explained and orthogonal; the others are 0, and so is their loss.
    z = np.zeros((30, 4), np.float32)
    z[7], z[11] = [0, -9, 0, 0], [0, 0, 0, -8]
    params["bias"] = jnp.full(6, -100.0)
    state = State(params, adam, jnp.asarray(fired))
    for kind, length in (("l1", 0.2), ("topk", 1.0)):
        args = (jnp.asarray(z), jax.random.key(1), jnp.int32(2), jnp.float32(0.1))
        new = _restart(state, *args, rules._replace(kind=kind, most=2))
        decoder, encoder = np.asarray(new.params["decoder"]), np.asarray(new.params["encoder"])
        expected = {(0.0, -1.0, 0.0, 0.0), (0.0, 0.0, 0.0, -1.0)}
        assert {tuple(np.round(decoder[f], 5) + 0.0) for f in (1, 4)} == expected
        assert encoder[:, ~fired] == pytest.approx(length * decoder[~fired].T, abs=1e-5)
        for name, axis in (("encoder", 1), ("decoder", 0), ("bias", 0)):
            old, now = params[name], new.params[name]
            assert np.compress(fired, old, axis) == pytest.approx(np.compress(fired, now, axis))
            for moments in (new.adam.mu[name], new.adam.nu[name]):
                assert (np.compress(fired, moments, axis) == 1).all()
                assert (np.compress(~fired, moments, axis) == 0).all()
        assert (np.asarray(new.params["bias"])[~fired] == 0).all()


def test_units_of_the_data_do_not_matter() -> None:
    x = world()[0][:3000]
    settings = dict(k=(1, 2), l1=(0.5, 0.8), seeds=(0, 1), batch_size=256, steps=500)
    # A power of 2 changes no rounding.
    here, there = (fit_dictionary(y, 32, learning_rate=1e-2, **settings) for y in (x, 128 * x))
    codes, scaled = here.encode(x), there.encode(128 * x)
    assert (np.asarray(scaled) == 128 * np.asarray(codes)).all()
    assert (np.asarray(there.decode(scaled)) == 128 * np.asarray(here.decode(codes))).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    x = world(rows=50)[0]
    for change, match in (
        (dict(x=x[0]), "give floats"),
        (dict(x=np.ones((5, 3), np.float32)), "all alike"),
        (dict(kind="gated"), "unknown kind"),
        (dict(k=9), "k = 9"),
        (dict(k=(1, 2), seeds=(0,)), "one per seed"),
        (dict(l1=-1.0, kind="l1"), "l1"),
        (dict(steps=-1), "steps"),
    ):
        with pytest.raises(ToylabError, match=match):
            fit_dictionary(**(dict(x=x, features=8, k=2, steps=1) | change))
    with pytest.raises(ToylabError, match="give \\(N, 10\\)"):
        fit_dictionary(x, 8, k=2, steps=0).encode(x[:, :3])
