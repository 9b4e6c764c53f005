"""The benchmarks' helpers: turns, ratios, bursts, the matmul rate, and workers that fail.

No test asserts a speed: how fast a side is depends on the machine and on what else it does.
"""

import itertools
import os
import time

import jax
import numpy as np
import pytest

from toylab.cli import bench
from toylab.errors import ToylabError


class Napper:
    """A side whose step takes a known time; it stands in for the real ones."""

    def prepare(self, case: float) -> str:
        self.nap, self.steps = case, 0
        return f"naps of {case} s"

    def run(self, steps: int) -> None:
        self.steps += steps
        time.sleep(self.nap * steps)

    def count(self) -> int:
        return self.steps

    def fail(self) -> None:
        raise ValueError("no bed")

    def vanish(self) -> None:
        os._exit(3)


class Recorder:
    """Stands in for a worker: writes down its turns and gives prepared rates."""

    def __init__(self, name: str, turns: list[str], rates: list[float]):
        self.name, self.turns, self.rates = name, turns, iter(rates)

    def burst(self, seconds: float) -> float:
        self.turns.append(self.name)
        return next(self.rates)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is one second later each time it is read."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))


def test_rounds_take_turns():
    turns = []
    workers = {n: Recorder(n, turns, [1.0, 2.0]) for n in ("a", "b", "c")}
    rates = bench.interleave(workers, rounds=2, seconds=1.0)
    assert turns == ["a", "b", "c", "a", "b", "c"]
    assert {n: r.tolist() for n, r in rates.items()} == {n: [1.0, 2.0] for n in "abc"}


def test_ratio_is_the_median_within_rounds():
    ours, theirs = np.array([10.0, 40.0, 90.0]), np.array([5.0, 10.0, 90.0])
    row = bench.compare("speed", "steps/s", ours, "theirs", theirs, scale=2.0)
    # Rounds give 2, 4 and 1. The ratio of the medians, 40 / 10, would be 4.
    assert row == {
        "name": "speed",
        "value": 80.0,
        "unit": "steps/s",
        "baseline": "theirs",
        "baseline_value": 20.0,
        "ratio": 2.0,
    }


def test_burst_counts_only_its_own_steps(monkeypatch):
    now, side = [0.0], Napper()
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    side.prepare(0.25)
    # Trials of 1, 2, 4 and 8 steps last 0.25 ... 2 s; 2 s is over a sixteenth of 20 s. Then 80.
    assert bench.timed_burst(side, 20.0) == pytest.approx(4.0)
    assert side.count() == 1 + 2 + 4 + 8 + 80


def test_matmul_rate_counts_two_n_cubed_per_device(clock):
    # Every timed run lasts one second; the best is all devices at once at the larger N.
    rate = bench.matmul_rate(sizes=(16, 32), repeats=2)
    assert rate == pytest.approx(2e-9 * 32**3 * len(jax.devices()))


def test_worker_runs_elsewhere_and_reports_what_fails():
    with bench.Worker("tests.cli.test_bench:Napper") as worker:
        assert worker.call("prepare", 0.001) == "naps of 0.001 s"
        assert 0 < worker.burst(0.01) <= 1000
        assert worker.call("count") > 1
        with pytest.raises(ToylabError, match=r"Napper\.fail failed: ValueError: no bed"):
            worker.call("fail")
        with pytest.raises(ToylabError, match="ended \\(exit code 3\\)"):
            worker.call("vanish")
    assert not worker._process.is_alive()


def test_worker_of_an_unknown_side_says_so():
    with bench.Worker("tests.cli.test_bench:Nobody") as worker:
        with pytest.raises(ToylabError, match="Nobody"):
            worker.call("prepare", 1)
