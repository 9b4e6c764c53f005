"""What an image shows: its nearest class, whether it is the image asked for, and its concepts.

The place of a disc is known to the readers. N images, X numbers each.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from .discs import Discs

SIZES = np.linspace(0.0, 1.5, 46, dtype=np.float32)


class Read(NamedTuple):
    """What images show of a class that they were asked for, each (N,) but the last (N, 2).

    Attributes:
        lenient: whether of the four classes' images that one is nearest.
        strict: whether the image is less than half as far from that one as the nearest other class
            is. What is so is lenient too, by the triangle inequality.
        bits: whether the nearest class has the right colour, and the right size (N, 2).
        concepts: colour and size, 0 and 1 where the classes' middles are (N, 2).
    """

    lenient: Array
    strict: Array
    bits: Array
    concepts: Array


def read(
    task: Discs, image_NX: Float[Array, "N X"], place_N2: Float[Array, "N 2"], which: int | Array
) -> Read:
    """Read images that were asked to show a class.

    Args:
        task: the world.
        image_NX: images.
        place_N2: where their discs are.
        which: the class.
    """
    shown = jax.vmap(task.render, (None, 0))
    true_CNX = jnp.stack([shown(task.values(c), place_N2) for c in range(4)])
    off_CN = jnp.sum((image_NX[None] - true_CNX) ** 2, -1)
    apart_CN = jnp.sum((true_CNX - true_CNX[which][None]) ** 2, -1).at[which].set(jnp.inf)
    nearest_N = jnp.argmin(off_CN, 0)
    finite_N = jnp.isfinite(off_CN[which])
    bits_N2 = jnp.stack([nearest_N // 2 == which // 2, nearest_N % 2 == which % 2], -1)
    as_number = lambda test, known: jnp.where(known, test.astype(jnp.float32), jnp.nan)
    return Read(
        as_number(nearest_N == which, finite_N),
        as_number(off_CN[which] < apart_CN.min(0) / 4, finite_N),
        as_number(bits_N2, finite_N[:, None]),
        concepts(task, image_NX, place_N2),
    )


def concepts(
    task: Discs, image_NX: Float[Array, "N X"], place_N2: Float[Array, "N 2"]
) -> Float[Array, "N 2"]:
    """Colour, the share of red, and size, that of a true disc with as much red and blue.

    Both are measured from the middle of class 0, in gaps.
    """

    def one(image_X: Array, place_2: Array) -> Array:
        red, blue = (half.sum() for half in jnp.split(image_X, 2))  # their sum grows with size
        mass_S = jax.vmap(task.mask, (0, None))(jnp.asarray(SIZES), place_2).sum(1)
        return jnp.stack([red / (red + blue), jnp.interp(red + blue, mass_S, SIZES)])

    found_N2 = jax.vmap(one)(image_NX, place_N2)
    return (found_N2 - task.values(0)[None]) / task.gaps[None]
