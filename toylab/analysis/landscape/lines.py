"""Many networks at once, those of pairs and the lines between them, in float64.

Differences of losses may be small against the losses, so parameters are made float64 here; the
values that are asked for follow them where they take their arithmetic from the parameters.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.landscape.path import POINTS, along
from toylab.analysis.matching.pairs import Pair
from toylab.read.tables import Axes, long_table

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


def at_pairs(
    values: Values,
    model: Any,
    pairs: Sequence[Pair],
    data: Tree,
    networks: Callable[[Tree, Tree], Sequence[Tree]] = lambda a, b: [(a, b)],
) -> Tree:
    """Return values of pairs, with leading axes N pairs, M orders, K networks; NaN where diverged.

    Args:
        values: see :func:`at_networks`.
        model: hashable.
        pairs: at least one, each in the same orders.
        data: arrays, for all of them.
        networks: from the first and the second network to the K whose values are asked for; by
            default the two at once, as one.
    """
    names = pairs[0].names
    alive_N = np.array([bool(pair.others) for pair in pairs])
    ends = [(pair.a, pair.others[name]) for pair in pairs if pair.others for name in names]
    blank = jax.tree.map(np.zeros_like, pairs[0].a)
    wanted = networks(blank, blank)
    with jax.enable_x64(True):
        shapes = jax.eval_shape(functools.partial(_at, values, model), stack(wanted), data)
    lead = (len(pairs), len(names))
    whole = jax.tree.map(lambda leaf: np.full((*lead, *leaf.shape), np.nan), shapes)
    if ends:
        found = at_networks(values, model, [own for a, b in ends for own in networks(a, b)], data)
        fill = lambda into, own: into.__setitem__(alive_N, own.reshape(-1, *into.shape[1:]))
        jax.tree.map(fill, whole, found)
    return whole


def pair_table(pairs: Sequence[Pair], axes: Axes, /, **columns: np.ndarray) -> pl.DataFrame:
    """Return a row per pair, order of units, and entry along further axes; ``diverged`` says which.

    Args:
        pairs: N, each in the same M orders.
        axes: the further ones, as in :func:`toylab.read.tables.long_table`.
        **columns: arrays that broadcast to (N, M) and the lengths of these.
    """
    lost = [i for i, pair in enumerate(pairs) if not pair.others]
    arrays = np.broadcast_arrays(*columns.values())
    named = {"pair": None, "matching": pairs[0].names} | dict(axes)
    table = long_table(named, **dict(zip(columns, arrays, strict=True)))
    return table.with_columns(diverged=pl.col("pair").is_in(lost))


@dataclasses.dataclass(frozen=True)
class _Line:
    """Values at equally spaced points of the line between two networks."""

    values: Values
    points: int

    def __call__(self, model: Any, both: tuple[Tree, Tree], data: Tree) -> Tree:
        return along(lambda params: self.values(model, params, data), *both, self.points)


def on_lines(
    values: Values, model: Any, pairs: Sequence[Pair], data: Tree, points: int = POINTS
) -> Tree:
    """Return values along the straight lines of pairs, with leading axes N, M, T.

    Args:
        values, model, pairs, data: see :func:`at_pairs`.
        points: T, equally spaced, both ends included.
    """
    found = at_pairs(_Line(values, points), model, pairs, data)
    return jax.tree.map(lambda leaf: leaf[:, :, 0], found)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _at(values: Values, model: Any, params_N: Tree, data: Tree) -> Tree:
    return jax.lax.map(lambda params: values(model, params, data), params_N)
