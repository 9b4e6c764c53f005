"""The interval of a verdict: t and binomial as SciPy has them, Hall's cubic, simulated rates."""

import numpy as np
import pytest
from scipy import optimize, stats

from toylab.stats import seed_interval
from toylab.stats.seeds import binomial_ends, student_ends

FAIL = 0.1
LAWS = {
    "normal": (lambda rng, n: rng.normal(0, 1, n), 0.0),
    "long right tail": (lambda rng, n: rng.lognormal(0, 0.5, n), np.exp(0.125)),
    "long left tail": (lambda rng, n: -rng.lognormal(0, 0.5, n), -np.exp(0.125)),
    "accuracy": (lambda rng, n: rng.beta(9, 1, n), 0.9),
    "error rate": (lambda rng, n: 1 - rng.beta(9, 1, n), 0.1),
    "0/1, p = 0.8": (lambda rng, n: (rng.random(n) < 0.8).astype(float), 0.8),
    "0/1, p = 0.9": (lambda rng, n: (rng.random(n) < 0.9).astype(float), 0.9),
    "one in five fails": (
        lambda rng, n: np.where(rng.random(n) < 0.8, 0.99 + 0.003 * rng.normal(size=n), FAIL),
        0.8 * 0.99 + 0.2 * FAIL,
    ),
}


def rates(law: str, n: int, repeats: int, seed: int = 0) -> tuple[float, float]:
    """Share of intervals that hold the true mean, and that lie wholly above it."""
    draw, mean = LAWS[law]
    rng = np.random.default_rng(seed)
    outcome = law.startswith("0/1")
    found = [seed_interval(draw(rng, n), outcome=outcome) for _ in range(repeats)]
    covers = np.mean([i.low <= mean <= i.high for i in found])
    return float(covers), float(np.mean([i.low >= mean for i in found]))


@pytest.mark.parametrize("law", LAWS)
def test_false_reproductions_are_rare(law: str):
    """With the true mean at the bar, one in twenty at most is called reproduced."""
    n = 16 if law == "one in five fails" else 8
    covers, false = rates(law, n, 600)
    sigma = np.sqrt(0.05 * 0.95 / 600)
    assert false <= 0.05 + 2 * sigma
    assert covers >= 0.94 - 2 * sigma


def test_student_is_scipys():
    values = np.random.default_rng(0).normal(3, 2, 9)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert student_ends(values) == pytest.approx((wanted.low, wanted.high), rel=1e-12)


@pytest.mark.parametrize("n", [5, 8, 30])
def test_halls_ends_invert_his_cubic(n: int):
    values = np.random.default_rng(n).lognormal(0, 1, n)
    g, spread = stats.skew(values, bias=False), values.std(ddof=1)

    def transformed(mean: float) -> float:
        t = np.sqrt(n) * (values.mean() - mean) / spread
        square, cube = g * t**2 / (3 * np.sqrt(n)), g**2 * t**3 / (27 * n)
        return t + square + cube + g / (6 * np.sqrt(n))

    wide = 50 * spread
    for end, tail in zip(student_ends(values, skewed=True), (0.975, 0.025), strict=True):
        quantile = stats.t.ppf(tail, n - 1)
        root = optimize.brentq(
            lambda mean, q=quantile: transformed(mean) - q,
            values.mean() - wide,
            values.mean() + wide,
        )
        assert end == pytest.approx(root, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 8), (8, 8), (15, 16)])
def test_binomial_is_scipys(k: int, n: int):
    wanted = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert binomial_ends(k, n) == pytest.approx((wanted.low, wanted.high), rel=1e-9)
    found = seed_interval([1.0] * k + [0.0] * (n - k), outcome=True)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-9)


def test_edges():
    assert np.isnan(seed_interval([]).estimate)
    assert np.isinf(seed_interval([2.0]).low)
    same = seed_interval([0.97] * 9)
    assert same.low < same.estimate < same.high
    with_nan = seed_interval([1.0, 2.0, np.nan, 3.0])
    assert with_nan == seed_interval([1.0, 2.0, 3.0])
    wide, bootstrap = seed_interval([1.0, 2.0, 4.0, 3.0, 9.0]), 3.8
    assert wide.estimate == pytest.approx(bootstrap)
    median = seed_interval([1.0] * 8 + [-1000.0], "median")
    assert median.low > 0.5


def test_zeros_are_on_neither_side_of_zero():
    found = seed_interval(np.zeros(8))
    assert found.low < 0 == found.estimate < found.high < 1e-30
