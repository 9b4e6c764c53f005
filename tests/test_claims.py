"""Verdicts: every branch, the rate under the null, the dead, JSON and the error messages."""

import json
import math

import numpy as np
import polars as pl
import pytest

from toylab.claims import (
    Claim,
    Expect,
    Verdict,
    decide,
    from_json,
    judge,
    judge_all,
    to_json,
)
from toylab.errors import ToylabError
from toylab.stats import Interval

NAN = math.nan


def claim(expect: Expect, **more) -> Claim:
    """A claim about the values stored under "x"."""
    return Claim("x", "X is so.", "Paper, section 1", lambda m: m["x"], expect, **more)


def verdict(values, expect: Expect, **more) -> str:
    """The verdict on the values."""
    return judge(claim(expect, **more), {"x": values}).verdict


@pytest.mark.parametrize(
    ("interval", "n", "expected"),
    [
        ((0.95, 0.92, 0.99), 5, "reproduced"),
        ((0.95, 0.90, 0.99), 5, "reproduced"),  # the region is closed
        ((0.95, 0.85, 0.99), 5, "partly"),
        ((0.85, 0.80, 0.95), 5, "inconclusive"),
        ((0.85, 0.80, 0.90), 5, "inconclusive"),  # touches the region
        ((0.85, 0.80, 0.89), 5, "not reproduced"),
        ((0.95, 0.92, 0.99), 4, "inconclusive"),
        ((0.10, 0.10, 0.10), 4, "inconclusive"),
        ((NAN, NAN, NAN), 5, "inconclusive"),
    ],
)
def test_every_branch(interval, n: int, expected: str):
    assert decide(Expect.above(0.9), Interval(*interval), n, 5) == expected


def test_intervals_wider_than_the_region():
    assert decide(Expect.between(0.4, 0.6), Interval(0.5, 0.3, 0.7), 9, 5) == "partly"
    assert decide(Expect.between(0.4, 0.6), Interval(0.65, 0.3, 0.7), 9, 5) == "inconclusive"
    assert decide(Expect.below(0.1), Interval(0.5, 0.4, 0.6), 9, 5) == "not reproduced"
    assert decide(Expect.below(0.1), Interval(math.inf, 0.0, math.inf), 9, 5) == "inconclusive"


def test_expect_describes_itself():
    assert Expect.above(0.9).describe() == ">= 0.9"
    assert Expect.below(2).describe() == "<= 2"
    assert Expect.between(0.4, 0.75).describe() == "in [0.4, 0.75]"
    assert Expect.near(0.5, 0.25) == Expect(0.25, 0.75)
    assert Expect().describe() == "any"
    with pytest.raises(ToylabError, match="empty"):
        Expect.between(1, 0)


def test_planted_effect_is_found():
    rng = np.random.default_rng(0)
    found = [verdict(rng.normal(1, 0.5, 10), Expect.above(0)) for _ in range(100)]
    assert found.count("reproduced") >= 97
    found = [verdict(rng.normal(-1, 0.5, 10), Expect.above(0)) for _ in range(100)]
    assert found.count("not reproduced") >= 97


@pytest.mark.parametrize("n", [5, 10])
def test_null_is_called_an_effect_at_the_nominal_rate(n: int):
    # The truth sits on the border: 2.5% on each side may come out decided.
    rng = np.random.default_rng(1)
    found = [verdict(rng.normal(0, 1, n), Expect.above(0)) for _ in range(800)]
    for wrong in ("reproduced", "not reproduced"):
        assert 0.010 <= found.count(wrong) / 800 <= 0.047
    assert {"partly", "inconclusive"} <= set(found)


def test_the_dead_are_counted_and_not_averaged():
    found = judge(claim(Expect.above(0)), {"x": [1.0, NAN, 1.5, 2.0, NAN, 1.0, 1.2]})
    assert (found.n, found.dead, found.verdict) == (5, 2, "reproduced")
    assert found.estimate == pytest.approx(1.34)
    few = judge(claim(Expect.above(0)), {"x": [1.0, NAN, 1.5, 2.0, 1.0]})
    assert (few.n, few.dead, few.verdict) == (4, 1, "inconclusive")
    none = judge(claim(Expect.above(0)), {"x": [NAN] * 6})
    assert (none.n, none.dead, none.verdict) == (0, 6, "inconclusive")
    assert verdict([True] * 6, Expect.above(1)) == "reproduced"


def test_min_units_and_statistic_are_the_claims_own():
    assert verdict([1.0, 1.1], Expect.above(0), min_units=2) == "reproduced"
    values = [1.0] * 8 + [-1000.0]
    assert verdict(values, Expect.above(0.5), statistic="median") == "reproduced"
    assert verdict(values, Expect.above(0.5)) != "reproduced"


def test_a_data_frame_gives_one_value_per_seed():
    table = pl.DataFrame({"seed": [0, 0, 1, 1], "loss": [1.0, 3.0, None, None]})
    mean = Claim(
        "loss",
        "Loss is two.",
        "Paper",
        lambda m: m["t"].group_by("seed", maintain_order=True).agg(pl.mean("loss"))["loss"],
        Expect.near(2, 0.1),
        paper=2.0,
        unit="data order",
        min_units=1,
    )
    found = judge(mean, {"t": table})
    assert (found.estimate, found.n, found.dead, found.unit) == (2, 1, 1, "data order")


def test_judging_is_deterministic_and_keeps_order():
    measures = {"x": np.random.default_rng(0).normal(size=9)}
    first = claim(Expect.above(0))
    second = Claim("y", "Y.", "P", lambda m: -m["x"], Expect.below(0))
    verdicts = judge_all([second, first], measures)
    assert [v.key for v in verdicts] == ["y", "x"]
    assert verdicts == judge_all([second, first], measures)
    with pytest.raises(ToylabError, match="two claims have the key 'x'"):
        judge_all([first, first], measures)


def test_json_round_trip():
    found = judge_all([claim(Expect.above(0), paper="about 1")], {"x": np.ones(5, np.float32)})
    assert from_json(to_json(found)) == found
    odd = Verdict("k", "t", "s", np.float32(0.5), "any", NAN, NAN, math.inf, 0, 6, "seed", "partly")  # type: ignore
    record = json.loads(to_json([odd]))[0]
    assert record["estimate"] is None
    assert record["high"] is None
    assert record["paper"] == 0.5
    back = from_json(to_json([odd]))[0]
    assert math.isnan(back.estimate)
    assert math.isnan(back.high)


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"xx": [1.0]}, "'x'.*table 'x'.*did you mean 'xx'"),
        ({}, "table 'x'.*known: none"),
        ({"x": 1.0}, r"shape \(\).*one value per seed"),
        ({"x": np.ones((2, 2))}, r"shape \(2, 2\)"),
    ],
)
def test_missing_table_and_wrong_shape(measures, words: str):
    with pytest.raises(ToylabError, match=words):
        judge(claim(Expect.above(0)), measures)


def test_missing_column_names_the_claim():
    column = Claim("acc", "A.", "P", lambda m: m["t"]["accuracy"], Expect.above(0))
    with pytest.raises(ToylabError, match=r"'acc'.*accuracy"):
        judge(column, {"t": pl.DataFrame({"loss": [1.0]})})


def test_a_claim_that_cannot_be_judged_is_refused():
    with pytest.raises(ToylabError, match="no key"):
        Claim("", "X.", "P", lambda m: m["x"], Expect.above(0))
    with pytest.raises(ToylabError, match="min_units"):
        claim(Expect.above(0), min_units=0)
    with pytest.raises(ToylabError, match="did you mean 'median'"):
        claim(Expect.above(0), statistic="medain")
