"""Intervals cover what they promise; tests and corrections agree with SciPy and enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from toylab import stats
from toylab.errors import ToylabError

NAN = np.nan


def coverage(draw, interval, truth: float, times: int = 400) -> float:
    """Share of simulated samples whose interval holds the truth."""
    rng = np.random.default_rng(0)
    found = [interval(draw(rng)) for _ in range(times)]
    return float(np.mean([i.low <= truth <= i.high for i in found]))


def test_percentile_interval_agrees_with_scipy():
    values = np.random.default_rng(0).gamma(2.0, size=25)
    ours = stats.bootstrap_interval(values, "mean", resamples=20_000, method="percentile")
    theirs = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert ours.estimate == pytest.approx(values.mean())
    # Two random quantiles of 20,000 draws each: their own noise is about 2% of the width.
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.05 * width
    assert abs(ours.high - theirs.high) < 0.05 * width


@pytest.mark.parametrize("n", [5, 8, 20])
def test_interval_of_the_mean_covers_for_few_seeds(n: int):
    found = coverage(
        lambda rng: rng.normal(3.0, 2.0, n),
        lambda v: stats.bootstrap_interval(v, resamples=1000),
        3,
    )
    assert 0.91 <= found <= 0.985


def test_plain_percentile_interval_is_too_short_for_five_seeds():
    found = coverage(
        lambda rng: rng.normal(size=5),
        lambda v: stats.bootstrap_interval(v, resamples=1000, method="percentile"),
        0,
    )
    assert found < 0.90


def test_expanded_tails_give_students_width():
    # For a normal bootstrap distribution with the plug-in variance (n - 1)/n s^2/n, the
    # expanded interval is Student's: mean -+ t s / sqrt(n).
    values = np.random.default_rng(2).normal(size=30)
    found = stats.bootstrap_interval(values, resamples=50_000)
    half = scipy_stats.t.ppf(0.975, 29) * values.std(ddof=1) / np.sqrt(30)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)


def test_degenerate_samples_are_points_and_the_dead_are_dropped():
    assert stats.bootstrap_interval([2.0]) == (2, 2, 2)
    assert stats.bootstrap_interval([2.0, NAN, 2.0], "median") == (2, 2, 2)
    assert np.isnan(stats.bootstrap_interval([NAN, NAN])).all()
    assert np.isnan(stats.bootstrap_interval([])).all()
    values = [1.0, 4.0, 2.0, 8.0]
    assert stats.bootstrap_interval([*values, NAN]) == stats.bootstrap_interval(values)
    late = stats.bootstrap_interval([1.0, 2.0, 3.0, np.inf, 4.0], "median")
    assert late.estimate == 3
    assert late.high == np.inf


def test_interval_is_deterministic_and_takes_a_function():
    values = np.arange(10.0)
    named = stats.bootstrap_interval(values, "median", seed=3)
    assert named == stats.bootstrap_interval(values, np.median, seed=3)
    assert named != stats.bootstrap_interval(values, np.mean, seed=3)


def test_large_samples_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(0).normal(size=50)
    whole = stats.bootstrap_interval(values, resamples=101)
    monkeypatch.setattr("toylab.stats.bootstrap.ENTRIES", 50 * 7)
    assert stats.bootstrap_interval(values, resamples=101) == whole


def test_paired_difference_removes_what_pairs_share():
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 10, 12)
    a, b = shared + 1 + rng.normal(0, 0.1, 12), shared + rng.normal(0, 0.1, 12)
    found = stats.paired_difference(a, b)
    assert 0.85 < found.low < found.estimate < found.high < 1.15
    b[0] = NAN
    assert stats.paired_difference(a, b).estimate == pytest.approx(np.mean((a - b)[1:]))
    with pytest.raises(ToylabError, match="pair"):
        stats.paired_difference(a, b[:3])


@pytest.mark.parametrize(
    ("spread", "design"),
    [((1.0, 0.05), "crossed"), ((1.0, 1.0), "crossed"), ((1.0, 0.0), "nested")],
)
def test_shared_seeds_are_not_counted_as_independent(spread, design):
    rows, columns = (index.ravel() for index in np.indices((6, 5)))
    groups = (rows, columns) if design == "crossed" else (rows,)

    def draw(rng: np.random.Generator) -> np.ndarray:
        a, b = rng.normal(0, spread[0], 6), rng.normal(0, spread[1], 5)
        return a[rows] + b[columns] + rng.normal(0, 0.2, 30)

    fit = lambda v: stats.hierarchical_bootstrap(v, groups, design, resamples=500)
    assert 0.9 <= coverage(draw, fit, 0, 300) <= 0.995
    naive = coverage(draw, lambda v: stats.bootstrap_interval(v, resamples=500), 0, 300)
    assert naive < 0.8


def test_hierarchical_bootstrap_drops_the_dead_and_names_mistakes():
    groups = ([0, 0, 1, 1, 2, 2],)
    found = stats.hierarchical_bootstrap([1, 2, 3, NAN, 5, NAN], groups, "nested")
    assert found.estimate == 2.75
    assert found.low < 2.75 < found.high
    crossed = stats.hierarchical_bootstrap([1, 2, 3, NAN], ([0, 0, 1, 1], [0, 1, 0, 1]))
    assert crossed.estimate == 2
    assert np.isnan(stats.hierarchical_bootstrap([NAN], ([0],))).all()
    with pytest.raises(ToylabError, match="label per value"):
        stats.hierarchical_bootstrap([1, 2], ([0],))
    with pytest.raises(ToylabError, match="one group"):
        stats.hierarchical_bootstrap([1, 2], ([0, 1], [0, 1]), "nested")


def test_permutation_test_agrees_with_enumeration():
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 5), rng.normal(0, 1, 4)
    pool, seen = np.concatenate([a, b]), a.mean() - b.mean()
    splits = itertools.combinations(range(9), 5)
    masks = [np.isin(np.arange(9), split) for split in splits]
    differences = np.array([pool[m].mean() - pool[~m].mean() for m in masks])
    expected = np.mean(differences >= seen - 1e-12)
    assert stats.permutation_test(a, b, alternative="greater") == pytest.approx(expected)
    less = np.mean(differences <= seen + 1e-12)
    both = min(1, 2 * min(expected, less))
    assert stats.permutation_test([*a, NAN], b) == pytest.approx(both)


def test_paired_permutation_test_flips_signs():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.6, 1, 8), rng.normal(0, 1, 8)
    signs = np.array(list(itertools.product((1, -1), repeat=8)))
    means = (signs * (a - b)).mean(axis=1)
    expected = np.mean(np.abs(means) >= abs((a - b).mean()) - 1e-12)
    assert stats.permutation_test(a, b, paired=True) == pytest.approx(expected)
    assert np.isnan(stats.permutation_test([1.0], [2.0]))
    with pytest.raises(ToylabError, match="pairs"):
        stats.permutation_test(a, b[:3], paired=True)


def test_permutation_test_holds_its_level_and_is_never_zero():
    rng = np.random.default_rng(3)
    p = [
        stats.permutation_test(rng.normal(size=6), rng.normal(size=6), resamples=199)
        for _ in range(300)
    ]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08
    assert stats.permutation_test(np.arange(20.0), np.arange(100.0, 120.0), resamples=99) > 0


def slow_holm(p: np.ndarray, alpha: float) -> np.ndarray:
    """Step down as the paper words it: the set rejected at alpha."""
    rejected = np.zeros(len(p), bool)
    for rank, index in enumerate(np.argsort(p)):
        if p[index] > alpha / (len(p) - rank):
            break
        rejected[index] = True
    return rejected


@pytest.mark.parametrize("seed", range(5))
def test_corrections_agree_with_scipy_and_the_step_down_rule(seed: int):
    p = np.random.default_rng(seed).beta(0.3, 3, size=12)
    np.testing.assert_allclose(
        stats.benjamini_hochberg(p), scipy_stats.false_discovery_control(p), rtol=1e-12
    )
    for alpha in (0.01, 0.05, 0.2):
        np.testing.assert_array_equal(stats.holm(p) <= alpha, slow_holm(p, alpha))
    assert np.all(stats.holm(p) >= stats.benjamini_hochberg(p))


def test_corrections_by_hand():
    np.testing.assert_allclose(stats.holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(stats.benjamini_hochberg([0.04, 0.01, 0.03]), [0.04, 0.03, 0.04])
    with pytest.raises(ToylabError, match=r"\[0, 1\]"):
        stats.holm([0.1, NAN])


def test_tost_agrees_with_two_t_tests():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 15), rng.normal(0.1, 2, 12)
    one = max(
        scipy_stats.ttest_1samp(a, -0.5, alternative="greater").pvalue,
        scipy_stats.ttest_1samp(a, 0.5, alternative="less").pvalue,
    )
    assert stats.tost(a, -0.5, 0.5) == pytest.approx(one, rel=1e-10)
    two = max(
        scipy_stats.ttest_ind(a, b - 2, equal_var=False, alternative="greater").pvalue,
        scipy_stats.ttest_ind(a, b + 2, equal_var=False, alternative="less").pvalue,
    )
    assert stats.tost(a, -2, 2, b=b) == pytest.approx(two, rel=1e-10)
    assert stats.tost([0.1, 0.1], -1, 1) == 0
    assert stats.tost([3.0, 3.0], -1, 1) == 1
    assert np.isnan(stats.tost([0.1, NAN], -1, 1))
    with pytest.raises(ToylabError, match="margins"):
        stats.tost(a, 1, -1)


def test_power_law_recovers_exponent_and_covers():
    x = np.geomspace(1, 100, 8)
    exact = stats.power_law(x, 3 * x**-0.5)
    np.testing.assert_allclose([*exact.exponent, exact.prefactor], [-0.5, -0.5, -0.5, 3.0])
    assert exact.r2 == pytest.approx(1)
    line = scipy_stats.linregress(np.log(x), np.log(x**-0.5 + 0.1))
    bent = stats.power_law(x, x**-0.5 + 0.1)
    assert bent.exponent.estimate == pytest.approx(line.slope, rel=1e-10)
    assert bent.r2 == pytest.approx(line.rvalue**2, rel=1e-10)
    assert bent.exponent.low < line.slope < bent.exponent.high

    def draw(rng: np.random.Generator) -> np.ndarray:
        slope = rng.normal(-0.5, 0.1, (6, 1))
        return 3 * x**slope * np.exp(rng.normal(0, 0.05, (6, 8)))

    fit = lambda y: stats.power_law(x, y, resamples=500).exponent
    assert 0.91 <= coverage(draw, fit, -0.5, 300) <= 0.99


def test_power_law_drops_dead_runs_and_names_mistakes():
    x, y = [1.0, 2.0, 4.0], [[1.0, 2.0, 4.0], [1.0, NAN, 4.0], [2.0, 4.0, 8.0]]
    assert stats.power_law(x, y).exponent.estimate == pytest.approx(1)
    assert np.isnan(stats.power_law(x, [[NAN] * 3]).prefactor)
    with pytest.raises(ToylabError, match="positive"):
        stats.power_law(x, [1.0, 0.0, 1.0])
    with pytest.raises(ToylabError, match="shape"):
        stats.power_law(x, [1.0, 2.0])
