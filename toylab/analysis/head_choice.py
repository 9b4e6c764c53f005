"""Choices of attention heads: those of the largest scores, and random others to compare with.

A head is a pair (block, head). Shapes: U blocks, H heads.
"""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float

Head = tuple[int, int]


def highest(values_UH: Float[np.ndarray, "U H"], count: int) -> list[Head]:
    """Return the heads of the ``count`` largest values, the largest first.

    Example:
        >>> highest(np.array([[0.1, 0.9], [0.5, 0.2]]), 2)
        [(0, 1), (1, 0)]
    """
    order = np.argsort(-values_UH, axis=None)[:count]
    places = zip(*np.unravel_index(order, values_UH.shape), strict=True)
    return [(int(u), int(h)) for u, h in places]


def head_mask(heads: Collection[Head], shape: tuple[int, ...]) -> np.ndarray:
    """Return True for some heads of all, (U, H).

    Example:
        >>> head_mask([(0, 1)], (2, 2)).tolist()
        [[False, True], [False, False]]
    """
    return np.array([place in heads for place in np.ndindex(shape)]).reshape(shape)


def random_others(
    heads: list[Head], shape: tuple[int, int], rng: np.random.Generator, same_layers: bool = True
) -> list[Head]:
    """Draw as many other heads; all others, where these are fewer.

    Args:
        heads: what others are compared with.
        shape: numbers of blocks and of heads in each.
        rng: of the draw.
        same_layers: draw them in the same layers, and of any layer where these run out.
    """
    every = [(u, h) for u, h in np.ndindex(shape) if (u, h) not in heads]
    order = [every[i] for i in rng.permutation(len(every))]
    if not same_layers:
        return order[: len(heads)]
    found: list[Head] = []
    for u, _ in heads:
        rest = [head for head in order if head not in found]
        found += ([head for head in rest if head[0] == u] or rest)[:1]
    return found
