"""Curves of stored tables against a loop."""

import numpy as np
import polars as pl

from toylab.report.series import series

RNG = np.random.default_rng(0)


def test_series_agrees_with_a_loop_whatever_the_order_of_rows():
    rows = [
        {"init_seed": s, "step": t, "draw": d, "score": float(RNG.normal())}
        for s in range(12)
        for t in range(4)
        for d in range(2)
    ]
    mixed = pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1)
    steps, found = series(mixed, 2 * pl.col("score"))
    np.testing.assert_array_equal(steps, np.arange(4))
    for s in range(12):
        for t in range(4):
            own = [r["score"] for r in rows if (r["init_seed"], r["step"]) == (s, t)]
            assert np.isclose(found[s, t], 2 * np.mean(own))


def test_series_keeps_what_is_missing():
    rows = pl.DataFrame({"run": [0, 0, 1], "n": [0, 1, 1], "score": [1.0, np.nan, 2.0]})
    np.testing.assert_array_equal(series(rows, "score", "n", "run")[1], [[1, np.nan], [np.nan, 2]])
