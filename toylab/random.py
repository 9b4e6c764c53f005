"""Random bits, as fast as the machine gives them.

On a CPU, ``jax.random.bits`` compiles its twenty Threefry rounds as a loop that passes through
memory at each turn. Written out, XLA fuses them into one vectorised kernel, several times
faster. The bits are the same: a test compares the two. Outside a program each draw is compiled as
one; inside, it is written into what calls it.
"""

import functools
import math
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

# Threefry-2x32 (Salmon et al. 2011, table 2): rotations, alternating in groups of four rounds.
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)
SCALE = np.float32(2.0**-32)


def _threefry(k0: Array, k1: Array, c0: Array, c1: Array) -> tuple[Array, Array]:
    """Twenty rounds of Threefry-2x32 on counters ``c0, c1`` under the key ``k0, k1``."""
    ks = (k0, k1, k0 ^ k1 ^ PARITY)
    x0, x1 = c0 + ks[0], c1 + ks[1]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = x0 ^ ((x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r)))
        x0 = x0 + ks[(group + 1) % 3]
        x1 = x1 + ks[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


@functools.partial(jax.jit, static_argnums=1, inline=True)
def bits(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw uniform 32-bit integers, equal bit for bit to ``jax.random.bits(key, shape)``.

    Args:
        key: a typed Threefry key (``jax.random.key``).
        shape: shape of the result; fewer than 2**32 entries.

    Returns:
        uint32 array of that shape.
    """
    return bits_at(key, jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape))


@functools.partial(jax.jit, inline=True)
def bits_at(key: Array, counter: Array) -> Array:
    """Draw the 32-bit integers at given places of a key's stream.

    ``bits(key, shape)`` is ``bits_at`` at 0, 1, 2, ...: a table too large to keep is drawn once and
    then looked up by place, any part of it, at any time.

    Args:
        key: a typed Threefry key.
        counter: uint32 places.

    Returns:
        uint32 array of the counter's shape.
    """
    k0, k1 = jnp.unstack(jax.random.key_data(key))
    x0, x1 = _threefry(k0, k1, jnp.uint32(0), counter)
    return x0 ^ x1


@functools.partial(jax.jit, static_argnums=1, inline=True)
def uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw float32 from [0, 1], keeping all 32 bits, so small values keep their precision."""
    return bits(key, shape).astype(jnp.float32) * SCALE


@functools.partial(jax.jit, static_argnums=1, inline=True)
def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw float32 from N(0, 1): ``sqrt(2) erfinv(2u - 1)`` with u strictly inside (0, 1).

    Written out for the same reason as ``bits``: inside a population, an initial state drawn with
    ``jax.random.normal`` takes four times as long to compile.
    """
    # 23 bits and a half: symmetric about 1/2, and never 0 or 1.
    u = ((bits(key, shape) >> np.uint32(9)).astype(jnp.float32) + 0.5) * np.float32(2.0**-23)
    return np.float32(2**0.5) * jax.scipy.special.erfinv(2 * u - 1)


def once(drawn: Any) -> Any:
    """Return random numbers that are computed once and kept, whatever uses them.

    Fused into each of its uses, Threefry would be compiled, and run, as many times.
    """
    return jax.lax.optimization_barrier(drawn)


def pick(u: Array, count: Array) -> Array:
    """Turn u from [0, 1] into a whole number below ``count``."""
    return jnp.minimum((u * count.astype(jnp.float32)).astype(jnp.int32), count - 1)


@functools.partial(jax.jit, inline=True)
def fold_in(key: Array, index: int | np.integer | Array) -> Array:
    """Derive the ``index``-th child of a key, equal bit for bit to ``jax.random.fold_in``."""
    k0, k1 = jnp.unstack(jax.random.key_data(key))
    x0, x1 = _threefry(k0, k1, jnp.uint32(0), jnp.asarray(index).astype(jnp.uint32))
    return jax.random.wrap_key_data(jnp.stack([x0, x1]), impl="threefry2x32")


def stream(seed: int | Array, name: str) -> Array:
    """Key of the stream ``name`` of a seed: a wide, flat key tree, never a chain of splits.

    Args:
        seed: the seed, perhaps traced.
        name: the stream's name, hashed into the key.
    """
    root = jax.random.key(seed, impl="threefry2x32")
    return fold_in(root, np.uint32(zlib.crc32(name.encode()) & 0x7FFFFFFF))
