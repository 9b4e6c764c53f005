"""Layout: how P members are laid over tiles and devices, and how a function goes over them.

Members with one data seed share each batch. A tile is a rectangle of G data seeds x M members: its
G batches are drawn once, each serves M members, and the whole tile is one vmapped program. Tiles
run one after another on a device, and the devices share the tiles out. Tiles of the same data seeds
may take every step together: a batch is then drawn once for them all. Where the rectangle has no
member, it holds a copy of one: copies compute the same numbers and are never read.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where each member sits.

    Attributes:
        index_TGM: member in each place.
        place_P: flat place of each member.
        devices: number of devices the tiles are shared over; divides T.
    """

    index_TGM: np.ndarray
    place_P: np.ndarray
    devices: int


def arrange(data_seed_P: np.ndarray, tile: int, devices: int) -> Layout:
    """Lay members out in tiles of about ``tile`` members, grouped by data seed.

    Args:
        data_seed_P: data seed of each member.
        tile: most members per tile, at least 1; with the seeds it decides the tiles' shape.
        devices: devices to share the tiles over.

    Returns:
        The layout; every member appears at least once.
    """
    groups = [np.flatnonzero(data_seed_P == s) for s in np.unique(data_seed_P)]
    longest = max(len(g) for g in groups)
    tile = max(1, tile)
    if tile < longest:
        seeds_per_tile, per_seed = 1, math.ceil(longest / math.ceil(longest / tile))
    else:
        seeds_per_tile, per_seed = max(1, tile // longest), longest
    # Even tiles waste least: as many tiles as needed, each no larger than it must be.
    rows = []
    for group in groups:
        padded = np.resize(group, math.ceil(len(group) / per_seed) * per_seed)
        rows.extend(padded.reshape(-1, per_seed))
    tiles = math.ceil(len(rows) / seeds_per_tile)
    seeds_per_tile = math.ceil(len(rows) / tiles)
    rows_RM = np.stack(rows)
    index_TGM = rows_RM[np.resize(np.arange(len(rows)), tiles * seeds_per_tile)]
    index_TGM = index_TGM.reshape(tiles, seeds_per_tile, per_seed)
    # Whole tiles feed the devices, so that a tile's program is the same for any number of them.
    index_TGM = index_TGM[np.resize(np.arange(tiles), math.ceil(tiles / devices) * devices)]
    flat, first = np.unique(index_TGM.reshape(-1), return_index=True)
    assert len(flat) == len(data_seed_P)
    return Layout(index_TGM, first, devices)


def tiles_in_step(layout: Layout, data_seed_P: np.ndarray, most: int) -> int:
    """Return how many tiles of a device take each step together, as they share its batches.

    It divides the tiles of a device, and every run of as many tiles has one set of data seeds.

    Args:
        layout: where the members sit.
        data_seed_P: data seed of each member.
        most: tiles that may be together, at least 1.
    """
    seed_DTG = data_seed_P[layout.index_TGM[..., 0]]
    seed_DTG = seed_DTG.reshape(layout.devices, -1, seed_DTG.shape[-1])
    tiles = seed_DTG.shape[1]
    alike = lambda runs: bool((runs == runs[:, :1]).all())
    fits = lambda run: not tiles % run and alike(seed_DTG.reshape(-1, run, seed_DTG.shape[-1]))
    return next(run for run in range(min(most, tiles), 0, -1) if fits(run))


def mapped(function: Any, in_axes: tuple[int | None, ...]) -> Any:
    """Map as ``jax.vmap`` does, but let a lone entry go without its axis.

    With an axis of length one XLA copies a shared batch for every member, and puts operands of
    weight gradients in another order first: a step of small models takes three times as long.
    """

    def call(*args: Any) -> Any:
        pairs = list(zip(args, in_axes, strict=True))
        lengths = {len(x) for arg, axis in pairs if axis == 0 for x in jax.tree.leaves(arg)}
        if lengths != {1}:
            return jax.vmap(function, in_axes)(*args)
        first = lambda tree: jax.tree.map(lambda leaf: leaf[0], tree)
        result = function(*(first(arg) if axis == 0 else arg for arg, axis in pairs))
        return jax.tree.map(lambda leaf: leaf[None], result)

    return call


def each_of(count: Array | None, function: Any, *trees: Any, first: Any = 0) -> Any:
    """Map over the leading axis as ``jax.lax.map`` does, to bits that do not depend on its length.

    XLA dissolves a loop of length one into what stands around it, and then rounds a tile alone
    otherwise than in company. So the loop's length is an input of the program. Where the entry's
    arithmetic stands in this very loop, and in none inside it, give it room for two entries too.

    Args:
        count: entries, as an input of the program; None for a lone entry without a loop.
        function, trees: what is mapped, and over what.
        first: entries before this one are left out, and zeros in what is returned.
    """
    if count is None:
        return mapped(function, (0,) * len(trees))(*trees)
    traced = jax.jit(function, inline=True)  # once, for both its uses
    # Plain indices would be checked, entry by entry.
    pick = lambda leaf, i: jax.lax.dynamic_index_in_dim(leaf, i, keepdims=False)
    at = lambda i: jax.tree.map(lambda leaf: pick(leaf, i), trees)
    shapes = jax.eval_shape(traced, *at(0))
    room = len(jax.tree.leaves(trees)[0])
    empty = jax.tree.map(lambda leaf: jnp.zeros((room, *leaf.shape), leaf.dtype), shapes)
    put = lambda i, old, new: jax.lax.dynamic_update_index_in_dim(old, new, i, 0)
    entry = lambda i, found: jax.tree.map(functools.partial(put, i), found, traced(*at(i)))
    return jax.lax.fori_loop(first, count, entry, empty)
