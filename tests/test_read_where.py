"""Rows and units left out, before and after other steps of a reading."""

import polars as pl
import pytest

from toylab.claims import Claim, Expect, judge_all
from toylab.read import choose, greatest, least, table
from toylab.read.times import reached

ONES = pl.DataFrame({"init_seed": range(8), "won": [1.0] * 8, "ok": [1.0] * 8})
CURVE = pl.DataFrame(
    {
        "init_seed": [0, 0, 0, 1, 1, 1],
        "step": [1, 2, 3] * 2,
        "loss": [5.0, 0.1, 0.1, 5.0, 5.0, 5.0],
        "right": [0.9, 0.7, 0.9, 0.9, 0.9, 0.9],
    }
)


@pytest.mark.parametrize("name", ["where", "choose", "greatest", "least"])
def test_what_is_so_or_not_stays_such(name: str):
    won, ok = table("ends").value("won") > 0.5, table("ends").value("ok") > 0.5
    made = {
        "where": won.where(ok),
        "choose": choose(ok, won, ok),
        "greatest": greatest(won, ok),
        "least": least(won, ok),
    }[name]
    plain, found = (
        judge_all([Claim("k", "t", "s", r, Expect.above(0.9), "ours: a test")], {"ends": ONES})[0]
        for r in (won, made)
    )
    assert made({"ends": ONES}).outcome
    assert (found.verdict, found.low, found.high) == (plain.verdict, plain.low, plain.high)
    assert found.low < 0.7  # Clopper and Pearson: eight of eight leave that much open


def test_a_number_that_is_picked_by_a_test_is_a_number():
    won, ok = table("ends").value("won"), table("ends").value("ok") > 0.5
    assert not choose(ok, won, 0.5)({"ends": ONES}).outcome
    assert not choose(ok, ok, 0.5)({"ends": ONES}).outcome


def test_the_first_of_the_rows_that_are_left():
    rows = table("curve").where(pl.col("loss") < 1)
    for step, name in ((2, "first"), (3, "last")):
        found = getattr(rows, name)("step").value("step")({"curve": CURVE})
        assert found.values.tolist() == [step]
        assert found.frame["state"].to_list() == ["value", "excluded"]
    each = rows.first("step", over="init_seed").value("step")({"curve": CURVE})
    assert each.frame["state"].to_list() == ["value", "excluded"]


def test_a_time_counts_the_rows_that_are_left():
    times = reached(table("curve").where(pl.col("loss") < 1), "right", 0.8)
    found = times.time({"curve": CURVE})
    assert found.values.tolist() == [3.0]
    assert found.frame["state"].to_list() == ["value", "excluded"]


def test_a_network_that_diverged_elsewhere_has_its_time_here():
    rows = {"init_seed": [0, 1], "population": ["a", "a"], "step": [1, 1], "right": [0.9, 0.9]}
    lost = {"init_seed": [1], "population": ["b"]}
    m = {"curve": pl.DataFrame(rows), "diverged": pl.DataFrame(lost)}
    here = table("curve").filter(population="a")
    assert reached(here, "right", 0.8).time(m).values.tolist() == [1.0, 1.0]
    lost["population"] = ["a"]
    states = reached(here, "right", 0.8).time(m | {"diverged": pl.DataFrame(lost)}).frame["state"]
    assert states.to_list() == ["value", "diverged"]
