"""Layout: how P members are laid over tiles and devices.

Members with one data seed share each batch. A tile is a rectangle of G data seeds x M members: its
G batches are drawn once, each serves M members, and the whole tile is one vmapped program. Tiles
run one after another on a device, and the devices share the tiles out. Where the rectangle has no
member, it holds a copy of one: copies compute the same numbers and are never read.
"""

import dataclasses
import math

import numpy as np


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
