"""Sums of weighted sums are right in every process that imports toylab, or it says so."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import toylab.check.sums as sums
from toylab.errors import ToylabError

SHAPES = [(16, 64, 64, 4), (6, 16, 64, 64, 33), (16, 64, 64, 33), (8, 128, 32, 8), (24, 32, 96, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_weighted_sums_of_weighted_sums(shape: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    weights = rng.random(shape[-3:]).astype(np.float32)
    mask = rng.random(shape[-3:-1]) < 0.3
    terms = mask[..., None] * weights * x.astype(np.float64)
    expected = terms.sum((-3, -2, -1))

    def one(x: jax.Array) -> jax.Array:
        return jnp.sum(mask.astype(np.float32) * jnp.sum(weights * x, -1), (-2, -1))

    several = one
    for _ in shape[:-3]:
        several = jax.vmap(several)
    with jax.numpy_rank_promotion("allow"):
        both = jax.jit(several)(x), jax.jit(one)(x)
    for found in both:
        error = np.abs(found - expected) / np.abs(terms).sum((-3, -2, -1))
        assert error.max() < 1e-6


def test_a_masked_mean_of_cross_entropies_over_members():
    """What found it: eight members of sixteen had the numbers of the other eight."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 16, 64, 64, 33)).astype(np.float32)
    chances = rng.dirichlet(np.ones(33), (64, 64)).astype(np.float32)
    mask = rng.random((64, 64)) < 0.3
    high = logits.astype(np.float64)
    logs = high - np.log(np.exp(high).sum(-1, keepdims=True))
    expected = -(chances * logs).sum(-1)[..., mask].mean(-1)

    def risk(logits: jax.Array) -> jax.Array:
        each = -jnp.sum(chances * jax.nn.log_softmax(logits), -1)
        return jnp.sum(jnp.where(mask, each, 0.0)) / np.float32(mask.sum())

    np.testing.assert_allclose(jax.jit(jax.vmap(jax.vmap(risk)))(logits), expected, rtol=1e-5)


def python(code: str, **env: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | env, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_a_process_that_began_without_the_flag_is_refused():
    late = "import jax, jax.numpy as jnp; jnp.ones(3) + 1; import toylab.check.sums as s; "
    told = python(late + "s.check_sums(); print('right')")
    wrong = sums.version("jaxlib") in sums.AFFECTED
    assert ("adds sums of weighted sums up wrongly" in told) == (wrong and "right" not in told)


def test_flags_of_the_user_stay():
    show = "import toylab, os; print(os.environ['XLA_FLAGS'])"
    mine = "--xla_cpu_enable_fast_math=false"
    told = python(show, XLA_FLAGS=mine).split()
    assert mine in told
    if sums.version("jaxlib") in sums.AFFECTED:
        assert told == [mine, f"{sums.FLAG}="]
        own = f"{sums.FLAG}=individual_dot"
        assert python(show, XLA_FLAGS=own).split() == [own]


def test_it_is_refused_before_training(monkeypatch):
    def refuse() -> None:
        raise ToylabError("adds wrongly")

    monkeypatch.setattr("toylab.train.engine.check_sums", refuse)
    from tests.train.test_engine import population
    from toylab.members import seeds
    from toylab.train.engine import Program

    with pytest.raises(ToylabError, match="adds wrongly"):
        Program(population(seeds(2)))
