"""Tables of networks against hand-made ones."""

import numpy as np
import polars as pl
import pytest

from toylab.read import table
from toylab.read.networks import entries, lowest, networks, trend


class Stored:
    """A run folder of three networks, the second of which diverged."""

    def members(self, population: str) -> pl.DataFrame:
        return pl.DataFrame({"member": [0, 1, 2], "init_seed": [7, 8, 9]})

    def dead_at(self, population: str) -> np.ndarray:
        return np.array([-1, 5, -1])


def test_networks_say_which_diverged():
    assert networks(Stored(), "main")["diverged"].to_list() == [False, True, False]


def test_entries_are_rows_of_their_networks():
    members = pl.DataFrame({"member": [3, 5], "density": [0.1, 0.2]})
    found = entries(members, "feature", norm=np.array([[1.0, 2, 3], [4, 5, 6]]))
    assert found.columns == ["member", "density", "feature", "norm"]
    assert found.rows()[1:4] == [(3, 0.1, 1, 2.0), (3, 0.1, 2, 3.0), (5, 0.2, 0, 4.0)]


def test_the_lowest_of_a_group_is_no_diverged_one_unless_all_are():
    rows = pl.DataFrame(
        {"group": [1, 1, 0, 0, 2, 2], "member": range(6)}
        | {"loss": [0.0, 0.3, 0.2, 0.1, None, float("nan")]}
        | {"diverged": [True, False, False, False, True, True]}
    )
    best = lowest(rows, "group")
    assert best["group"].to_list() == [0, 1, 2]
    assert best["member"].to_list()[:2] == [3, 1]
    assert best["diverged"].to_list() == [False, False, True]
    assert lowest(rows, "group", loss="member")["member"].to_list() == [2, 1, 4]


def test_a_trend_is_a_rank_correlation_with_density():
    rows = pl.DataFrame({"init_seed": [0] * 6 + [1] * 3, "density": [0.1, 0.2, 0.4] * 3})
    rows = rows.with_columns(kept=pl.Series([9, 9, 5, 3, 1, 2, 4, 4, 4]))
    found = trend(table("rows"), pl.col("kept").sum(), "density")({"rows": rows}).array()
    # Sums of the first seed are 12, 10, 7; the second's never move.
    assert found == pytest.approx([-1, 0])
