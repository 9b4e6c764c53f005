"""Many networks at once, and the lines between them, in float64.

Differences of losses may be small against the losses, so parameters are made float64 here; the
values that are asked for follow them where they take their arithmetic from the parameters.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.landscape.path import POINTS, along

Tree = Any  # of arrays
Values = Callable[[Any, Tree, Tree], Tree]  # of a model, its parameters and data


def stack(trees: Sequence[Tree]) -> Tree:
    """Return trees of one shape as one of float64, with a leading axis; inside ``enable_x64``."""
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves), jnp.float64), *trees)


def at_networks(values: Values, model: Any, networks: Sequence[Tree], data: Tree) -> Tree:
    """Return values of several networks, with a leading axis.

    Args:
        values: ``values(model, params, data)``, a function that is kept: each is compiled once.
        model: hashable.
        networks: their parameters.
        data: arrays, for all of them.
    """
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, _at(values, model, stack(networks), data))


def on_lines(
    values: Values,
    model: Any,
    first: Sequence[Tree],
    second: Sequence[Tree],
    data: Tree,
    points: int = POINTS,
) -> list[Tree]:
    """Return values along the straight line between each two networks, each with a leading axis T.

    Args:
        values: see :func:`at_networks`.
        model: hashable.
        first: parameters of networks at the beginnings.
        second: and at the ends.
        data: arrays, for all of them.
        points: T, equally spaced, both ends included.
    """
    if not first:
        return []
    with jax.enable_x64(True):
        found = _on(values, model, stack(first), stack(second), data, points)
        found = jax.tree.map(np.asarray, found)
    return [jax.tree.map(lambda leaf, n=n: leaf[n], found) for n in range(len(first))]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _at(values: Values, model: Any, params_N: Tree, data: Tree) -> Tree:
    return jax.lax.map(lambda params: values(model, params, data), params_N)


@functools.partial(jax.jit, static_argnums=(0, 1, 5))
def _on(values: Values, model: Any, a_N: Tree, b_N: Tree, data: Tree, points: int) -> Tree:
    own = lambda params: values(model, params, data)
    return jax.lax.map(lambda both: along(own, both[0], both[1], points), (a_N, b_N))
