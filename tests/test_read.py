"""Readings against loops over dictionaries: joins by name, four states, NaN never compared."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toylab.errors import ToylabError
from toylab.read import as_rows, choose, combine, greatest, least, reading, table

NAN = math.nan


def ends(**columns) -> dict[str, pl.DataFrame]:
    """Measures with one table, one row per seed."""
    size = len(next(iter(columns.values())))
    return {"ends": pl.DataFrame({"init_seed": range(size), **columns})}


def states(found) -> list[str]:
    return found.frame["state"].to_list()


numbers = st.floats(-10, 10, width=32) | st.just(NAN)
sides = st.dictionaries(st.integers(0, 6), numbers, min_size=1)


OPERATIONS = {
    "minus": (lambda a, b: a - b, lambda x, y: x - y),
    "over": (lambda a, b: a / b, lambda x, y: x / y if y else NAN),
    "greatest": (greatest, max),
    "least": (least, min),
    "affine": (lambda a, b: 2 * a + 0 * b - 1, lambda x, y: 2 * x - 1),
}


@pytest.mark.parametrize("name", OPERATIONS)
@settings(deadline=None)
@given(left=sides, right=sides)
def test_operations_join_on_the_units_name(
    name: str, left: dict[int, float], right: dict[int, float]
):
    frame = lambda side: pl.DataFrame(
        {"init_seed": list(side), "x": list(side.values())}, schema_overrides={"x": pl.Float64}
    )
    make, function = OPERATIONS[name]
    found = make(table("left").value("x"), table("right").value("x"))(
        {"left": frame(left), "right": frame(right)}
    )
    units = sorted({*left, *right})
    assert found.frame["init_seed"].to_list() == units
    for unit, value in zip(units, found.array(), strict=True):
        x, y = left.get(unit, NAN), right.get(unit, NAN)
        wanted = NAN if math.isnan(x) or math.isnan(y) else function(x, y)
        assert value == wanted or (math.isnan(value) and not math.isfinite(wanted))


def test_pairs_that_each_lost_another_seed_are_not_paired_by_place():
    m = {
        "a": pl.DataFrame({"init_seed": [0, 1, 2], "x": [1.0, 2.0, 3.0]}),
        "b": pl.DataFrame({"init_seed": [1, 2, 3], "x": [20.0, 30.0, 40.0]}),
    }
    found = (table("b").value("x") - table("a").value("x"))(m)
    assert found.frame["init_seed"].to_list() == [0, 1, 2, 3]
    assert found.values.tolist() == [18.0, 27.0]
    assert states(found) == ["undefined", "value", "value", "undefined"]


def test_four_states_stay_apart():
    m = ends(loss=[0.5, NAN, 0.9, 0.4, 0.1], score=[1.0, 2.0, 3.0, 4.0, 5.0])
    m["diverged"] = pl.DataFrame({"population": ["p"], "member": [4], "init_seed": [4]})
    score, loss = table("ends").value("score"), table("ends").value("loss")
    found = score.where(loss <= 0.6)(m)
    assert states(found) == ["value", "undefined", "excluded", "value", "diverged"]
    assert found.values.tolist() == [1.0, 4.0]
    assert [found.count(s) for s in ("value", "diverged", "undefined", "excluded")] == [2, 1, 1, 1]
    # The gravest state of several readings is that of what is made of them.
    both = (score.where(loss <= 0.6) + loss)(m)
    assert states(both) == ["value", "undefined", "excluded", "value", "diverged"]


def test_nan_is_never_compared():
    m = ends(x=[NAN, 1.0, 3.0])
    big = table("ends").filter(pl.col("x") > 2).aggregate(pl.len(), skip=True)
    assert big(m).frame["init_seed"].to_list() == [2]
    assert states((table("ends").value("x") > 2)(m)) == ["undefined", "value", "value"]


def test_a_unit_with_a_missing_entry_is_undefined_unless_it_says_skip():
    rows = pl.DataFrame({"init_seed": [0, 0, 1, 1], "x": [1.0, NAN, 2.0, 4.0]})
    assert np.isnan(table("t").mean("x")({"t": rows}).array()[0])
    assert table("t").mean("x", skip=True)({"t": rows}).array().tolist() == [1.0, 3.0]


def test_an_outcome_filter_excludes_and_a_label_filter_forgets():
    rows = pl.DataFrame({"init_seed": [0, 1, 0], "arm": ["a", "a", "b"], "accuracy": [0.9, 0.2, 1]})
    kept = table("t").filter(arm="a").where(pl.col("accuracy") > 0.5).value("accuracy")
    assert states(kept({"t": rows})) == ["value", "excluded"]
    assert len(table("t").filter(arm="b").value("accuracy")({"t": rows})) == 1


def test_diverged_rows_are_those_of_the_population():
    rows = pl.DataFrame(
        {"population": ["p", "q", "p", "q"], "init_seed": [0, 0, 1, 1], "x": [1.0, 2.0, 3.0, 4.0]}
    )
    lost = pl.DataFrame({"population": ["q"], "member": [0], "init_seed": [0]})
    m = {"t": rows, "diverged": lost}
    assert states(table("t").filter(population="p").value("x")(m)) == ["value", "value"]
    assert states(table("t").filter(population="q").value("x")(m)) == ["diverged", "value"]
    # Without the column a seed that diverged anywhere counts; ``of`` says where to look.
    m["t"] = rows.drop("population")
    assert states(table("t").first("x", over="init_seed").value("x")(m)) == ["diverged", "value"]
    assert states(table("t", of="p").mean("x")(m)) == ["value", "value"]
    # A table may say it itself; one without seeds cannot be told apart.
    m["t"] = rows.with_columns(diverged=pl.col("x") == 4)
    assert states(table("t").mean("x")(m)) == ["value", "diverged"]
    m["t"] = pl.DataFrame({"group": [0, 1], "x": [1.0, 2.0]})
    assert states(table("t").value("x", unit="group")(m)) == ["diverged", "diverged"]


def test_last_first_then_each_choose():
    rows = pl.DataFrame(
        {"init_seed": [0, 0, 1, 1], "step": [0, 9, 0, 9], "x": [1.0, 5.0, 2.0, 3.0]}
    )
    m = {"t": rows}
    gain = table("t").last().value("x") - table("t").first().value("x")
    assert gain(m).array().tolist() == [4.0, 1.0]
    rise = table("t").each(lambda own: None if own["x"][1] < 4 else own["x"][1])
    assert states(rise(m)) == ["value", "undefined"]
    doubled = table("t").then(lambda t: t.with_columns(pl.col("x") * 2)).last().value("x")
    assert choose(doubled > 7, doubled, -1.0)(m).array().tolist() == [10.0, -1.0]
    assert abs(-gain)(m).array().tolist() == [4.0, 1.0]
    assert gain.map(np.log)(m).array() == pytest.approx([math.log(4), 0.0])
    assert combine(lambda x, y: x * y, gain, 3.0)(m).array().tolist() == [12.0, 3.0]
    two = table("t").mean("x", unit=("init_seed", "step"))
    assert two(m).frame.columns == ["init_seed", "step", "value", "state"]


def test_values_as_rows_keep_their_states():
    unit = ("init_seed", "width")
    rows = pl.DataFrame({"init_seed": [0, 0, 1, 1, 2, 2, 3, 3, 4], "width": [8, 9] * 4 + [8]})
    rows = rows.with_columns(
        loss=pl.Series([2.0, 4, 2, NAN, 2, 2, 2, 8, 0.5]),
        diverged=pl.Series([False] * 4 + [True] + [False] * 4),
    )
    share = table("ends").value("loss", unit) / table("ends").filter(width=8).value("loss", unit)
    loss = table("ends").value("loss", unit)
    again = as_rows(loss.where(loss > 1))
    found = again.aggregate(pl.col("value").max())({"ends": rows})
    assert states(found) == ["value", "undefined", "diverged", "value", "excluded"]
    assert found.values.tolist() == [4, 8]
    wide = again.filter(width=9).value("value")({"ends": rows})
    assert states(wide) == ["value", "undefined", "value", "value"]
    assert states(as_rows(share).mean("value")({"ends": rows}))[0] == "undefined"  # of width 9


def test_a_reading_of_a_function():
    @reading()
    def total(m):
        return m["t"].group_by("init_seed").agg(value=pl.col("x").sum())

    m = {"t": pl.DataFrame({"init_seed": [1, 0, 1], "x": [1.0, 2.0, 3.0]})}
    assert total(m).array().tolist() == [2.0, 4.0]
    m["diverged"] = pl.DataFrame({"population": ["p"], "init_seed": [1]})
    assert states(total(m)) == ["value", "diverged"]


def test_infinite_values_are_undefined():
    m = ends(x=[1.0, 2.0], y=[0.0, 1.0])
    assert states((table("ends").value("x") / table("ends").value("y"))(m)) == [
        "undefined",
        "value",
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: table("end").value("x"), "'end'.*did you mean 'ends'"),
        (lambda: table("ends").value("xx"), "no column 'xx'.*did you mean 'x'"),
        (lambda: table("ends").value("x", unit="seed"), "no column 'seed'"),
        (lambda: table("ends").filter(arm="a").value("x"), "no column 'arm'"),
        (lambda: table("ends").filter(pl.col("xs") > 1).value("x"), "no column.*xs"),
        (lambda: table("ends").value("x", unit="arm2"), "arm2"),
    ],
)
def test_missing_tables_and_columns(make, words: str):
    with pytest.raises(ToylabError, match=words):
        make()(ends(x=[1.0, 2.0]))


def test_units_must_agree_and_be_named_once():
    seed, game = table("t").value("x"), table("t").value("x", unit="game")
    with pytest.raises(ToylabError, match="one per init_seed, one per game"):
        _ = seed - game
    rows = pl.DataFrame({"init_seed": [0, 0], "x": [1.0, 2.0]})
    with pytest.raises(ToylabError, match="several rows of init_seed 0"):
        seed({"t": rows})
    twice = reading()(lambda m: rows.rename({"x": "value"}))
    with pytest.raises(ToylabError, match="names a unit twice"):
        twice({})
    with pytest.raises(ToylabError, match="needs a table, not ndarray"):
        seed({"t": np.zeros(3)})
