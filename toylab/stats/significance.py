"""Tests of a difference or of its absence, and corrections for many of them."""

from typing import Literal

import numpy as np
import scipy  # its submodules load when first used; scipy.stats takes a second
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError

Alternative = Literal["two-sided", "less", "greater"]


def permutation_test(
    a: ArrayLike,
    b: ArrayLike,
    paired: bool = False,
    alternative: Alternative = "two-sided",
    resamples: int = 9999,
    seed: int = 0,
) -> float:
    """p-value of the difference of two means when the labels of the units are shuffled.

    Exact where all shuffles are fewer than ``resamples``; random otherwise, with one added to
    the count so that p is never 0.

    Args:
        a: one value per unit; NaN, of a diverged member, is dropped.
        b: likewise.
        paired: units come in pairs; signs of the differences are flipped instead.
        alternative: "greater" asks whether ``a`` is larger.
        resamples: number of random shuffles.
        seed: seed of the shuffles.

    Returns:
        p-value (two-sided: twice the smaller tail); NaN with fewer than two units in a group.

    Source: Phipson and Smyth 2010, "Permutation p-values should never be zero".
    """
    a_N, b_N = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if paired:
        if len(a_N) != len(b_N):
            raise ToylabError(f"permutation_test: {len(a_N)} and {len(b_N)} values are no pairs.")
        kept = ~(np.isnan(a_N) | np.isnan(b_N))
        a_N, b_N = a_N[kept], b_N[kept]
    else:
        a_N, b_N = a_N[~np.isnan(a_N)], b_N[~np.isnan(b_N)]
    if len(a_N) < 2 or len(b_N) < 2:
        return float("nan")
    if paired:
        # Flipping which of a pair is which flips the sign of its difference.
        data, kind, statistic = (a_N - b_N,), "samples", lambda d, axis: np.mean(d, axis=axis)
    else:
        data, kind = (a_N, b_N), "independent"
        statistic = lambda u, v, axis: np.mean(u, axis=axis) - np.mean(v, axis=axis)
    found = scipy.stats.permutation_test(
        data,
        statistic,
        permutation_type=kind,
        vectorized=True,
        n_resamples=resamples,
        alternative=alternative,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def tost(a: ArrayLike, low: float, high: float, b: ArrayLike | None = None) -> float:
    """p-value of two one-sided t-tests: small where the mean surely lies in (low, high).

    A large p in a test of difference does not show that two things are alike; this does.

    Args:
        a: one value per unit (differences of pairs, say); NaN is dropped.
        low: lower margin.
        high: upper margin.
        b: a second, independent group; the mean of ``a`` less that of ``b`` is then tested,
            with Welch's degrees of freedom.

    Returns:
        The greater of the two p-values; NaN with fewer than two units in a group.

    Source: Schuirmann 1987.
    """
    if not low < high:
        raise ToylabError(f"tost: the margins {low} and {high} enclose nothing.")
    mean, variance, freedom = 0.0, 0.0, 0.0
    for sign, group in ((1, a), (-1, b)):
        if group is None:
            continue
        values_N = np.asarray(group, np.float64).ravel()
        values_N = values_N[~np.isnan(values_N)]
        if len(values_N) < 2:
            return float("nan")
        own = float(np.var(values_N, ddof=1)) / len(values_N)
        mean += sign * float(np.mean(values_N))
        variance += own
        freedom += own**2 / (len(values_N) - 1)
    if variance == 0:
        return 0.0 if low < mean < high else 1.0
    t = np.array([mean - low, high - mean]) / np.sqrt(variance)
    return float(np.max(scipy.special.stdtr(variance**2 / freedom, -t)))


def holm(p: Float[ArrayLike, " K"]) -> Float[np.ndarray, " K"]:
    """Holm's adjusted p-values: below alpha where rejected, with any error held at alpha.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    p_K = _probabilities("holm", p)
    order = np.argsort(p_K, kind="stable")
    factor = np.arange(len(p_K), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(p_K[order] * factor), 1.0)
    return adjusted[np.argsort(order, kind="stable")]


def benjamini_hochberg(p: Float[ArrayLike, " K"]) -> Float[np.ndarray, " K"]:
    """Benjamini and Hochberg's adjusted p-values: the false discovery rate is held at alpha.

    Source: Benjamini and Hochberg 1995; for independent or positively dependent tests.
    """
    p_K = _probabilities("benjamini_hochberg", p)
    order = np.argsort(p_K, kind="stable")[::-1]
    factor = len(p_K) / np.arange(len(p_K), 0, -1)
    adjusted = np.minimum(np.minimum.accumulate(p_K[order] * factor), 1.0)
    return adjusted[np.argsort(order, kind="stable")]


def _probabilities(owner: str, p: ArrayLike) -> np.ndarray:
    """Return the p-values as a flat array, refusing what is none."""
    p_K = np.asarray(p, np.float64).ravel()
    if not np.all((p_K >= 0) & (p_K <= 1)):
        raise ToylabError(f"{owner}: p-values lie in [0, 1]; drop the tests that have none.")
    return p_K
