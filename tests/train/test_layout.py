"""Every member sits somewhere, beside members of its own data seed, whatever the table."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toylab.train.layout import arrange, tiles_in_step
from toylab.train.plan import LANES, cpu_tile

seeds_P = st.lists(st.integers(0, 6), min_size=1, max_size=40)


@given(seeds_P, st.integers(1, 50), st.integers(1, 8))
def test_every_member_has_a_place_and_rows_share_a_data_seed(
    data_seeds: list[int], tile: int, devices: int
) -> None:
    data_seed_P = np.array(data_seeds)
    devices = min(devices, len(data_seeds))
    layout = arrange(data_seed_P, tile, devices)
    index_TGM = layout.index_TGM
    assert index_TGM.ndim == 3
    assert len(index_TGM) % devices == 0
    np.testing.assert_array_equal(index_TGM.reshape(-1)[layout.place_P], np.arange(len(data_seeds)))
    seed_TGM = data_seed_P[index_TGM]
    assert (seed_TGM == seed_TGM[..., :1]).all()


@given(seeds_P, st.integers(1, 50), st.integers(1, 8))
def test_no_tile_is_larger_than_asked(data_seeds: list[int], tile: int, devices: int) -> None:
    devices = min(devices, len(data_seeds))
    layout = arrange(np.array(data_seeds), tile, devices)
    assert math.prod(layout.index_TGM.shape[1:]) <= tile


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 12), st.integers(1, 4))
def test_even_groups_waste_less_than_a_tile_and_its_padding(
    groups: int, per_group: int, tile: int, devices: int
) -> None:
    size = groups * per_group
    devices = min(devices, size)
    layout = arrange(np.repeat(np.arange(groups), per_group), tile, devices)
    tiles, across, along = layout.index_TGM.shape
    rows = groups * math.ceil(per_group / along)
    assert along <= per_group
    # Rows beyond those needed: tiles that are not full, and whole tiles to feed every device.
    assert tiles * across < rows + across * devices + tiles
    one = arrange(np.repeat(np.arange(groups), per_group), tile, 1).index_TGM
    np.testing.assert_array_equal(layout.index_TGM[: len(one)], one)


@pytest.mark.parametrize(
    ("groups", "per_group", "tile", "devices", "shape"),
    [
        (1, 1, 8, 1, (1, 1, 1)),
        (4, 3, 12, 1, (1, 4, 3)),
        (4, 3, 6, 1, (2, 2, 3)),
        (4, 3, 12, 2, (2, 4, 3)),
        (1, 10, 4, 1, (3, 1, 4)),
        (5, 1, 2, 2, (4, 2, 1)),
        (5, 2, 1, 1, (10, 1, 1)),
    ],
)
def test_shapes_of_known_layouts(
    groups: int, per_group: int, tile: int, devices: int, shape: tuple[int, int, int]
) -> None:
    layout = arrange(np.repeat(np.arange(groups), per_group), tile, devices)
    assert layout.index_TGM.shape == shape


@given(st.integers(1, LANES), st.integers(0, 10**9))
def test_few_members_go_one_by_one_whatever_the_cache_holds(size: int, most: int) -> None:
    assert cpu_tile(size, most) == 1


@given(seeds_P, st.integers(1, 9), st.integers(1, 4), st.integers(1, 9))
def test_tiles_that_take_a_step_together_have_the_same_data_seeds(
    data_seeds: list[int], tile: int, devices: int, most: int
) -> None:
    data_seed_P = np.array(data_seeds)
    layout = arrange(data_seed_P, tile, min(devices, len(data_seeds)))
    run = tiles_in_step(layout, data_seed_P, most)
    seed_DTGM = data_seed_P[layout.index_TGM].reshape(
        layout.devices, -1, *layout.index_TGM.shape[1:]
    )
    assert 1 <= run <= most and seed_DTGM.shape[1] % run == 0
    for device in seed_DTGM:
        for first in range(0, len(device), run):
            assert all((other == device[first]).all() for other in device[first : first + run])


def test_all_tiles_of_one_data_seed_go_together() -> None:
    one_P = np.zeros(64, int)
    assert [tiles_in_step(arrange(one_P, 4, d), one_P, 99) for d in (1, 2, 4)] == [16, 8, 4]
    two_P = np.repeat([0, 1], 32)
    assert tiles_in_step(arrange(two_P, 4, 1), two_P, 99) == 8
    assert tiles_in_step(arrange(one_P, 4, 1), one_P, 5) == 4
