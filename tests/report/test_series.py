"""Curves of stored tables against a loop."""

import numpy as np
import polars as pl

from toylab.report.figures import figure, style
from toylab.report.series import curve, series

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


def test_a_curve_is_the_median_of_its_series():
    rows = pl.DataFrame({"init_seed": [0, 0, 1, 1, 2, 2], "step": [0, 1] * 3})
    rows = rows.with_columns(loss=pl.Series([1.0, 2, 3, 4, 8, 9]))
    with style():
        ax = figure().subplots()
        places, values = curve(ax, rows, "loss", label="loss", color="black", marker="o")
    np.testing.assert_array_equal(values, series(rows, "loss")[1])
    (line,) = ax.lines
    assert line.get_label() == "loss" and line.get_xdata().tolist() == places.tolist() == [0, 1]
    assert line.get_ydata().tolist() == [3, 4] and len(ax.collections) == 1
