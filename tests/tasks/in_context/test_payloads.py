"""Payload retrieval: inputs rebuilt by hand, latents of both kinds, the ceiling counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.payloads import PayloadRetrieval

TASK = PayloadRetrieval(2, 3, world_seed=4, r_max=4, n_context=5, n_payloads=6, width=8)


@pytest.fixture(scope="module")
def batch():
    return jax.jit(lambda key: TASK.batch(key, 400))(jax.random.key(0))


def test_inputs_are_what_the_equations_say(batch):
    a, b, payload = (np.asarray(part, np.float64) for part in TASK.world())
    z, match = np.asarray(batch.latents["z"]), np.asarray(batch.latents["match"])
    carried = np.asarray(batch.latents["payload"])
    for i in range(20):
        for c in range(5):
            known = z[i, c, 0] @ a[0] + z[i, c, 1] @ a[1] + payload[carried[i, c]]
            assert np.abs(np.asarray(batch.inputs)[i, c] - known).max() < 0.06
        query = z[i, match[i], 0] @ b[0] + z[i, match[i], 1] @ b[1]
        assert np.abs(np.asarray(batch.inputs)[i, 5] - query).max() < 0.06
        assert batch.targets[i] == carried[i, match[i]]


def test_unused_latents_are_zero_and_others_are_fair_signs(batch):
    z = np.asarray(batch.latents["z"])
    used = np.asarray(TASK.used())
    np.testing.assert_array_equal(used, [[1, 1, 0, 0], [1, 1, 1, 0]])
    assert (np.abs(z) == used).all()
    assert np.abs(z.mean((0, 1))).max() < 5 / np.sqrt(2000)
    assert (np.asarray(TASK.world().a)[used == 0] == 0).all()


def test_directions_have_the_stated_spread():
    wide = PayloadRetrieval(3, 7, width=4000)
    a, b, payload = wide.world()
    for m in (a, b):
        spread = np.asarray(m).std(-1)
        np.testing.assert_allclose(spread[0, :3], 3**-0.5, rtol=0.06)
        np.testing.assert_allclose(spread[1], 7**-0.5, rtol=0.06)
    np.testing.assert_allclose(np.asarray(payload).std(-1), 4000**-0.5, rtol=0.06)


def test_numbers_may_differ_per_member(batch):
    draw = jax.jit(
        lambda r1, seed: PayloadRetrieval(
            r1, 3, seed, r_max=4, n_context=5, n_payloads=6, width=8
        ).batch(jax.random.key(0), 400)
    )
    same = draw(np.float32(2), np.uint32(4))
    np.testing.assert_allclose(same.inputs, batch.inputs, rtol=1e-5, atol=1e-6)
    assert np.abs(np.asarray(draw(np.float32(2), np.uint32(5)).inputs - batch.inputs)).max() > 0.1


def test_normal_latents():
    task = PayloadRetrieval(2, 3, r_max=4, normal=1)
    z = np.asarray(task.latents_of(jax.random.normal(jax.random.key(3), (5000, 2, 4))))
    used = np.asarray(task.used()) > 0
    np.testing.assert_allclose(z[:, used].std(0), 1, rtol=0.06)
    assert (z[:, ~used] == 0).all()
    assert task.ceiling() == 1


@pytest.mark.parametrize(("r1", "r2"), [(1, 1), (3, 3), (7, 7)])
def test_ceiling_agrees_with_counting(r1, r2):
    task = PayloadRetrieval(r1, r2)
    rng = np.random.default_rng(0)
    others = rng.binomial(15, 2.0 ** -(r1 + r2), size=200_000)
    right = (1 / (1 + others)).mean()
    assert task.ceiling() == pytest.approx(right + (1 - right) / 10, abs=2e-3)


def test_wrong_latents_are_noticed(batch):
    assert np.asarray(TASK.consistent(batch)).all()
    told = batch.latents | {"match": (batch.latents["match"] + 1) % 5}
    assert np.asarray(TASK.consistent(batch._replace(latents=told))).mean() < 0.2
    assert not np.asarray(
        TASK.consistent(batch._replace(inputs=batch.inputs + jnp.float32(1)))
    ).any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"r1": 8}, "r1 = 8"),
        ({"r2": 0}, "r2 = 0"),
        ({"normal": 2}, "normal = 2"),
        ({"noise": -1.0}, "noise = -1"),
        ({"n_context": 0}, "n_context = 0"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ToylabError, match=words):
        PayloadRetrieval(**({"r1": 3, "r2": 3} | settings))
