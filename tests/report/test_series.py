"""Curves of stored tables against a loop."""

import numpy as np
import polars as pl

from toylab.report.series import series

RNG = np.random.default_rng(0)


def test_series_agrees_with_a_loop_whatever_the_order_of_rows():
    rows = [
        {"init_seed": s, "step": t + 0.1 * s, "draw": d, "score": float(RNG.normal())}
        for s in range(3)
        for t in range(4)
        for d in range(2)
    ]
    found = series(pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1), "step", "score")
    np.testing.assert_allclose(found[0], np.arange(4) + 0.1)
    for s in range(3):
        for t in range(4):
            own = [r["score"] for r in rows if (r["init_seed"], r["step"]) == (s, t + 0.1 * s)]
            assert np.isclose(found[1][s, t], np.mean(own))


def test_series_keeps_what_is_missing():
    rows = pl.DataFrame({"init_seed": [0, 0], "step": [0, 1], "score": [None, np.nan]})
    assert np.isnan(series(rows, "step", "score")[1]).all()
