"""Times of events and their order, against loops over single curves."""

import itertools

import numpy as np
import polars as pl
import pytest

from toylab.read import table
from toylab.read.times import Times, earliest, first_times, lead, reached

RNG = np.random.default_rng(0)
STEPS = [10, 20, 30, 40, 50]


def by_loop(curve: list[float], level: float, hold: int) -> tuple[float, bool]:
    for i in range(len(curve) - hold + 1):
        if all(v >= level for v in curve[i : i + hold]):
            return STEPS[i], True
    return STEPS[-1], False


@pytest.mark.parametrize("hold", [1, 2, 3])
def test_times_are_those_of_a_loop_over_curves(hold: int):
    values = RNG.random((60, 5)).round(2)
    rows = [
        {"init_seed": seed, "step": step, "right": values[seed, i]}
        for seed, (i, step) in itertools.product(range(60), enumerate(STEPS))
    ]
    m = {"curve": pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1)}
    times = reached(table("curve"), "right", 0.6, hold)
    expected = [by_loop(values[seed].tolist(), 0.6, hold) for seed in range(60)]
    assert times.time(m).array().tolist() == [t for t, _ in expected]
    assert times.seen(m).array().tolist() == [float(seen) for _, seen in expected]
    assert 0 < sum(seen for _, seen in expected) < 60


def test_a_curve_that_ends_early_is_censored_at_its_end():
    rows = pl.DataFrame({"arm": ["a"] * 3, "step": [1, 2, 3], "right": [0.1, 0.2, None]})
    assert first_times(rows, "right", 0.5, by="arm").rows() == [("a", 2.0, False)]
    lost = rows.with_columns(diverged=True)
    assert first_times(lost, pl.col("right") * 9, 0.5, by="arm").rows() == [("a", True, 1.0, True)]


def of(name: str) -> Times:
    return Times(table("t").value(name), table("t").value(f"saw {name}"))


def test_every_pair_of_seen_and_censored_times_is_bounded_by_what_is_possible():
    cases = list(itertools.product([20, 100], [1, 0], [40, 100], [1, 0]))
    names = ("a", "saw a", "b", "saw b")
    rows = pl.DataFrame(cases, names, orient="row").with_columns(init_seed=pl.int_range(len(cases)))
    m = {"t": rows}
    for found, (a, saw_a, b, saw_b) in zip(lead(of("a"), of("b"))(m).array(), cases, strict=True):
        later = lambda t, saw: [t] if saw else [t, 2 * t, 1e9]  # what the true time may be
        ratios = [y / x for x in later(a, saw_a) for y in later(b, saw_b)]
        if not (saw_a or saw_b):
            assert np.isnan(found)
        else:
            assert found == pytest.approx(min(ratios) if saw_a else max(ratios))


def test_the_earliest_of_censored_times_is_censored_unless_one_was_seen_no_later():
    rows = {"init_seed": range(4), "a": [9, 9, 9, 5], "saw a": [0, 0, 1, 0]}
    rows |= {"b": [4, 9, 9, 9], "saw b": [1, 0, 0, 1]}
    first = earliest(of("a"), of("b"))
    m = {"t": pl.DataFrame(rows)}
    assert first.time(m).array().tolist() == [4, 9, 9, 5]
    assert first.seen(m).array().tolist() == [1, 0, 1, 0]
