"""Verdicts: every branch, the rate under the null, lost units, conditions, JSON, messages."""

import json
import math

import numpy as np
import polars as pl
import pytest

from toylab.claims import (
    VERDICTS,
    Claim,
    Condition,
    Expect,
    all_diverged,
    decide,
    from_json,
    judge,
    judge_all,
    to_json,
)
from toylab.errors import ToylabError
from toylab.read import table
from toylab.stats import Interval

NAN = math.nan
X = table("t").value("x")
BAR = "theory: no effect is 0"


def claim(expect: Expect, **more) -> Claim:
    """A claim about the column "x", seed by seed."""
    return Claim("x", "X is so.", "Paper, section 1", X, expect, **{"bar": BAR, **more})


def measures(values, **columns) -> dict[str, pl.DataFrame]:
    """A table with one row per seed."""
    numbers = {"x": np.asarray(values, float), **columns}
    return {"t": pl.DataFrame({"init_seed": range(len(values)), **numbers})}


def verdict(values, expect: Expect, **more) -> str:
    """The verdict on the values."""
    return judge(claim(expect, **more), measures(values)).verdict


@pytest.mark.parametrize(
    ("interval", "n", "expected"),
    [
        ((0.95, 0.92, 0.99), 8, "reproduced"),
        ((0.95, 0.90, 0.99), 8, "reproduced"),  # the region is closed
        ((0.95, 0.92, 0.99), 7, "reproduced, few seeds"),
        ((0.95, 0.92, 0.99), 4, "inconclusive"),
        ((0.95, 0.85, 0.99), 8, "inconclusive"),
        ((0.85, 0.80, 0.95), 8, "inconclusive"),
        ((0.85, 0.80, 0.90), 8, "inconclusive"),  # touches the region
        ((0.85, 0.80, 0.89), 5, "not reproduced"),
        ((0.10, 0.10, 0.10), 4, "inconclusive"),
        ((NAN, NAN, NAN), 5, "inconclusive"),
        ((math.inf, 0.0, math.inf), 9, "inconclusive"),
    ],
)
def test_every_branch(interval, n: int, expected: str):
    assert decide(Expect.above(0.9), Interval(*interval), n, 5) == expected


def test_intervals_wider_than_the_region():
    assert decide(Expect.between(0.4, 0.6), Interval(0.5, 0.3, 0.7), 9, 5) == "inconclusive"
    assert decide(Expect.below(0.1), Interval(0.5, 0.4, 0.6), 9, 5) == "not reproduced"


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
    found = [verdict(rng.normal(1, 0.5, 16), Expect.above(0)) for _ in range(100)]
    assert found.count("reproduced") >= 97
    found = [verdict(rng.normal(-1, 0.5, 16), Expect.above(0)) for _ in range(100)]
    assert found.count("not reproduced") >= 97


@pytest.mark.parametrize("n", [8, 16])
def test_null_is_called_an_effect_at_the_nominal_rate(n: int):
    # The truth sits on the border: 2.5% on each side may come out decided.
    rng = np.random.default_rng(1)
    found = [verdict(rng.normal(0, 1, n), Expect.above(0)) for _ in range(800)]
    for wrong in ("reproduced", "not reproduced"):
        assert 0.008 <= found.count(wrong) / 800 <= 0.042
    assert "inconclusive" in found


def test_outcomes_of_few_seeds_are_never_certain():
    passed = Claim("p", "They pass.", "P", X >= 0.5, Expect.above(0.8), BAR)
    assert judge(passed, measures([1, 1, 1, 1, 1])).verdict == "inconclusive"
    assert judge(passed, measures([1] * 20)).verdict == "reproduced"
    assert judge(passed, measures([0.6, 0.7, 0.8, NAN])).values == (1.0, 1.0, 1.0)
    assert verdict([1, 1, 1, 1, 1], Expect.above(0.8)) == "reproduced, few seeds"
    found = judge(claim(Expect.above(0.8)), measures([0.97] * 8))
    assert found.low < 0.97 < found.high and found.verdict == "reproduced"


def test_lost_units_are_counted_and_not_averaged():
    found = judge(claim(Expect.above(0)), measures([1.0, NAN, 1.5, 2.0, NAN, 1.0, 1.2]))
    assert (found.n, found.undefined, found.verdict) == (5, 2, "reproduced, few seeds")
    assert found.estimate == pytest.approx(1.34)
    assert found.values == (1.0, 1.5, 2.0, 1.0, 1.2)
    m = measures([1.0, 9.0, 1.5, 2.0, 1.0, 7.0], loss=[0.1, 0.1, 0.2, 0.3, NAN, 0.9])
    m["diverged"] = pl.DataFrame({"population": ["p"], "init_seed": [1]})
    learned = X.where(table("t").value("loss") < 0.5)
    where = Claim("x", "X.", "P", learned, Expect.above(0), BAR)
    found = judge(where, m)
    lost = (found.diverged, found.undefined, found.excluded)
    assert lost == (1, 1, 1)
    assert found.n + sum(lost) == 6
    assert found.verdict == "inconclusive"
    none = judge(claim(Expect.above(0)), measures([NAN] * 6))
    assert (none.n, none.undefined, none.verdict) == (0, 6, "inconclusive")


def test_a_run_without_a_finite_network_is_inconclusive():
    found = all_diverged(claim(Expect.above(0)), 5)
    assert (found.n, found.diverged, found.verdict) == (0, 5, "inconclusive")
    assert from_json(to_json([found]))[0].diverged == 5


def test_conditions():
    m = measures([1.0] * 4 + [1.1] * 4, accuracy=[0.4] * 8, other=[0.9] * 8)
    learned = Condition("accuracy is 90%", table("t").value("accuracy"), Expect.above(0.9))
    control = Condition("the control stays low", table("t").value("other"), Expect.below(0.5))
    held = Condition("accuracy is 30%", table("t").value("accuracy"), Expect.above(0.3))
    found = judge(claim(Expect.above(0), requires=(held, learned)), m)
    assert (found.verdict, found.why) == ("not testable", "accuracy is 90%")
    found = judge(claim(Expect.above(0), requires=(held,), control=(control,)), m)
    assert (found.verdict, found.why) == ("confounded", "the control stays low")
    # A control says nothing about a claim that fails by itself.
    assert judge(claim(Expect.above(5), control=(control,)), m).verdict == "not reproduced"
    assert judge(claim(Expect.above(0), requires=(held,)), m).verdict == "reproduced"
    # A condition of which no unit is left does not hold.
    m = measures([1.0] * 4 + [1.1] * 4, accuracy=[NAN] * 8)
    assert judge(claim(Expect.above(0), requires=(held,)), m).verdict == "not testable"
    with pytest.raises(ToylabError, match="names no reading"):
        Condition("so", lambda m: 1, Expect.above(0))  # type: ignore


def test_min_units_and_statistic_are_the_claims_own():
    assert verdict([1.0, 1.1], Expect.above(-5), min_units=2) == "reproduced, few seeds"
    values = [1.0] * 8 + [-1000.0]
    assert verdict(values, Expect.above(0.5), statistic="median") == "reproduced"
    assert verdict(values, Expect.above(0.5)) != "reproduced"


def test_judging_is_deterministic_and_keeps_order():
    m = measures(np.random.default_rng(0).normal(size=9))
    second = Claim("y", "Y.", "P", -X, Expect.below(0), BAR)
    verdicts = judge_all([second, claim(Expect.above(0))], m)
    assert [v.key for v in verdicts] == ["y", "x"]
    assert verdicts == judge_all([second, claim(Expect.above(0))], m)
    with pytest.raises(ToylabError, match="two claims have the key 'x'"):
        judge_all([claim(Expect.above(0)), claim(Expect.above(0))], m)


def test_json_round_trip():
    found = judge_all([claim(Expect.above(0), paper="about 1")], measures([1, 2, 3, 4, 5]))
    assert from_json(to_json(found)) == found
    assert found[0].verdict in VERDICTS
    record = json.loads(to_json(judge_all([claim(Expect.above(0))], measures([NAN]))))[0]
    assert record["estimate"] is None
    assert math.isnan(from_json(json.dumps([record]))[0].estimate)


def test_a_missing_table_or_column_names_the_claim():
    with pytest.raises(ToylabError, match=r"'x'.*no table 't'.*did you mean 'tt'|'x'.*'t'"):
        judge(claim(Expect.above(0)), {"tt": pl.DataFrame({"init_seed": [1]})})
    with pytest.raises(ToylabError, match=r"'x'.*no column 'x'"):
        judge(claim(Expect.above(0)), {"t": pl.DataFrame({"init_seed": [0], "loss": [1.0]})})


def test_a_claim_that_cannot_be_judged_is_refused():
    with pytest.raises(ToylabError, match="no key"):
        Claim("", "X.", "P", X, Expect.above(0), BAR)
    with pytest.raises(ToylabError, match="its reading is function"):
        Claim("x", "X.", "P", lambda m: m["x"], Expect.above(0), BAR)  # type: ignore
    with pytest.raises(ToylabError, match="min_units"):
        claim(Expect.above(0), min_units=0)
    with pytest.raises(ToylabError, match="did you mean 'median'"):
        claim(Expect.above(0), statistic="medain")
    with pytest.raises(ToylabError, match="no scope 'networks'"):
        claim(Expect.above(0), scope="networks")
    for bar in ("", "by feel", "paper", "ours: ", "Theory: a law", 0.5, None):
        with pytest.raises(ToylabError, match=r"'x': says not where its region >= 0 comes from"):
            claim(Expect.above(0), bar=bar)
