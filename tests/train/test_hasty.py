"""Hasty compiling: on inside, off outside, the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.train import fast_compile as hasty
from toylab.train.fast_compile import compiler_options, compiling, compute, quick_jit


def test_haste_ends_with_the_run() -> None:
    in_haste = lambda: jax.config.read("jax_disable_most_optimizations")
    with pytest.raises(RuntimeError, match="midway"), compiling(hastily=True):
        assert in_haste()
        raise RuntimeError("midway")
    assert not in_haste()
    with compiling(hastily=False):
        assert not in_haste() and compiler_options() is None


def test_a_program_compiled_in_haste_computes_the_same() -> None:
    x = np.linspace(-2, 2, 64, dtype=np.float32).reshape(8, 8)
    function = jax.jit(lambda x: jax.nn.softmax(jnp.tanh(x @ x.T) - x, -1).sum(0))
    with compiling(hastily=True):
        found, again = function.lower(x).compile(compiler_options())(x), compute(function, x)
    scores = np.tanh(x.astype(float) @ x.T) - x
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    expected = (shares / shares.sum(-1, keepdims=True)).sum(0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(again, found)


def test_a_quick_jit_computes_the_same_in_haste_with_its_options(monkeypatch) -> None:
    @quick_jit(static_argnums=0)
    def powers(n: int, x):
        """Sum of the first powers."""
        return sum(x**k for k in range(n))

    x = np.linspace(0.1, 0.9, 5, dtype=np.float32)
    want = sum(x.astype(float) ** k for k in range(4))
    for hastily in (False, True, False):
        with compiling(hastily):
            np.testing.assert_allclose(powers(4, x), want, rtol=1e-6)
    assert powers.__doc__ == "Sum of the first powers."
    monkeypatch.setattr(hasty, "_has_older_generator", lambda: True)
    monkeypatch.setattr(hasty, "OLDER_GENERATOR", {"xla_cpu_no_such_option": False})
    cubes = quick_jit()(lambda x: x**3)
    cubes(x)
    with compiling(hastily=True), pytest.raises(jax.errors.JaxRuntimeError, match="no_such_option"):
        cubes(x)


def test_hasty_programs_are_forgotten_before_work_without_haste() -> None:
    function = jax.jit(lambda x: x + 1.0)
    with compiling(hastily=True):
        function(2.0)
        with compiling(hastily=False):  # inside, haste goes on
            function(2.0)
    assert function._cache_size() == 1
    with compiling(hastily=False):
        assert function._cache_size() == 0


def test_an_option_that_xla_has_lost_is_left_out(monkeypatch) -> None:
    monkeypatch.setattr(hasty, "OLDER_GENERATOR", {"xla_cpu_no_such_option": False})
    hasty._has_older_generator.cache_clear()
    with compiling(hastily=True):
        assert compiler_options() is None
    hasty._has_older_generator.cache_clear()
