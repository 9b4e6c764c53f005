"""Hasty compiling: a smoke run compiles for longer than it computes.

``with compiling(hastily=True)`` leaves out XLA's costly optimisations, of every program compiled
inside. A program that is compiled by hand takes ``compiler_options()`` besides.

JAX keeps what it has compiled whatever this switch says, so programs of a smoke run are forgotten
before the same process does anything without haste.
"""

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

# Of XLA's two code generators for a CPU the newer takes twice as long over a study's programs.
OLDER_GENERATOR: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}


_left_hasty = False  # whether hasty programs may lie in JAX's caches


@contextmanager
def compiling(hastily: bool) -> Generator[None, None, None]:
    """Leave out XLA's costly optimisations inside the ``with``, or compile as usual."""
    global _left_hasty
    before = jax.config.read("jax_disable_most_optimizations")
    if _left_hasty and not (hastily or before):
        jax.clear_caches()
    _left_hasty = hastily or before
    jax.config.update("jax_disable_most_optimizations", hastily or before)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def compiler_options() -> dict[str, Any] | None:
    """Return what ``lowered.compile`` should be given besides; None where there is no haste."""
    hastily = jax.config.read("jax_disable_most_optimizations")
    if not hastily or jax.default_backend() != "cpu" or not _has_older_generator():
        return None
    return OLDER_GENERATOR


def compute(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)`` as one program, compiled with what haste gives besides.

    For what is called once, as a sampler of the examples that networks are judged by.

    Args:
        function: of arrays.
        args: its arrays.
    """
    return quick_jit()(function)(*args)


def quick_jit(static_argnums: int | tuple[int, ...] = ()) -> Callable[[Callable], Callable]:
    """Return a decorator as ``jax.jit``, whose programs take what haste gives besides.

    For what a study computes once or twice of its networks.

    Example:
        >>> twice = quick_jit()(lambda x: 2 * x)
        >>> float(twice(jnp.float32(3)))
        6.0
    """

    def decorate(function: Callable) -> Callable:
        jit = functools.partial(jax.jit, function, static_argnums=static_argnums)
        plain, quick = jit(), functools.cache(lambda: jit(compiler_options=OLDER_GENERATOR))

        @functools.wraps(function)
        def call(*args: Any) -> Any:
            return (plain if compiler_options() is None else quick())(*args)

        return call

    return decorate


@functools.cache
def _has_older_generator() -> bool:
    """Whether this XLA still knows the option: options come and go with its versions."""
    try:
        jax.jit(lambda: jnp.float32(0)).lower().compile(OLDER_GENERATOR)
    except jax.errors.JaxRuntimeError:
        return False
    return True
