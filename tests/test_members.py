"""The table of a population against itertools, and its refusals."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.members import Members, grid, seeds, zipped


def rows(members: Members) -> list[tuple[float, ...]]:
    return list(zip(*(members[name].tolist() for name in members.columns), strict=True))


def test_grid_crosses_its_axes_and_the_last_varies_fastest() -> None:
    table = grid(init_seed=range(3), data_seed=(4, 5), weight_decay=(0.0, 1e-3, 1e-2))
    assert rows(table) == list(itertools.product(range(3), (4, 5), (0.0, 1e-3, 1e-2)))
    assert table["init_seed"].dtype == np.int64
    assert table["weight_decay"].dtype == np.float64


def test_product_of_tables_is_the_grid_of_their_axes() -> None:
    product = seeds(3) * grid(density=(0.1, 0.01), importance=(0.5, 0.9))
    expected = [(s, s, d, i) for s in range(3) for d in (0.1, 0.01) for i in (0.5, 0.9)]
    assert rows(product) == expected
    assert list(product.columns) == ["init_seed", "data_seed", "density", "importance"]


def test_zipped_runs_side_by_side() -> None:
    assert rows(zipped(init_seed=(3, 1), density=(0.5, 0.25))) == [(3, 0.5), (1, 0.25)]


def test_seeds_count_up_from_the_start() -> None:
    assert rows(seeds(3, start=10)) == [(10, 10), (11, 11), (12, 12)]


def test_missing_seeds_become_zero_and_given_ones_stay() -> None:
    table = grid(density=(0.1, 0.2), init_seed=(7,)).with_seeds()
    assert list(table.columns) == ["init_seed", "data_seed", "density"]
    assert rows(table) == [(7, 0, 0.1), (7, 0, 0.2)]


def test_frame_numbers_the_members() -> None:
    frame = grid(data_seed=(5, 6)).frame()
    assert frame.columns == ["member", "data_seed"]
    assert frame.rows() == [(0, 5), (1, 6)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: grid(), "no columns"),
        (lambda: grid(init_seed=(), density=(1.0,)), "'init_seed' is empty"),
        (lambda: zipped(density=()), "'density' is empty"),
        (lambda: zipped(density=(1.0,), init_seed=(1, 2)), "differ in length"),
        (lambda: grid(init_seed=(0.5,)), "axis 'init_seed'"),
        (lambda: grid(init_seed=(float("nan"),)), "axis 'init_seed'"),
        (lambda: grid(data_seed=(-1,)), "axis 'data_seed'"),
        (lambda: grid(data_seed=(2**32,)), "axis 'data_seed'"),
        (lambda: grid(data_seed=(2**70,)), "axis 'data_seed'"),
        (lambda: grid(density=("high",)), "axis 'density'"),
        (lambda: grid(density=((0.1, 0.2),)), "axis 'density'"),
        (lambda: grid(density=0.5), "axis 'density'"),  # pyright: ignore[reportArgumentType]
        (lambda: seeds(0), "at least 1"),
        (lambda: seeds(3) * grid(init_seed=(1,)), "'init_seed' is given twice"),
    ],
)
def test_refusals_name_the_axis(make, said: str) -> None:
    with pytest.raises(ToylabError, match=said):
        make()
