"""Chunks: a compiled function called on as much at a time as fits, with one shape throughout."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike


def in_chunks(
    call: Callable[..., Sequence[Any]],
    arrays: Sequence[ArrayLike],
    size: int,
    axes: Sequence[int] = (0,),
) -> list[np.ndarray]:
    """Call a function on chunks of rows, the last filled up with the last row.

    Args:
        call: takes a chunk of each array and returns one or more arrays.
        arrays: rows on axis 0, of one length, at least 1.
        size: rows of a chunk.
        axes: of each output, the axis that holds the rows.

    Returns:
        The outputs, whole, on the host.
    """
    held = [np.asarray(array) for array in arrays]
    count, parts = len(held[0]), []
    for start in range(0, count, size):
        rows = np.minimum(np.arange(start, start + size), count - 1)
        parts.append([np.asarray(out) for out in call(*(jnp.asarray(a[rows]) for a in held))])
    columns = zip(zip(*parts, strict=True), axes, strict=True)
    whole = lambda axis: (*[slice(None)] * axis, slice(count))
    return [np.concatenate(column, axis)[whole(axis)] for column, axis in columns]
