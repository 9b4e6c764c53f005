"""Marks of units: points and bars at the means, whichever way they are turned."""

import numpy as np
import polars as pl
import pytest

from toylab.read import table
from toylab.report import figures as fig
from toylab.report.marks import bars, headroom, points
from toylab.stats import seed_interval

SCORES = {"a": [1.0, 2.0, 6.0], "b": [4.0, 4.0, np.nan], "c": [np.nan] * 3}


def axes():
    with fig.style():
        return fig.figure().subplots()


@pytest.mark.parametrize("upright", [True, False])
def test_points(upright: bool):
    ax, values = axes(), np.array([1.0, np.nan, 2.0, 4.0, 3.0, 5.0])
    points(ax, 7, values, fig.BLUE, label="all", upright=upright)
    ticks, line, mean = ([*line.get_data()] for line in ax.lines)
    order = slice(None, None, 1 if upright else -1)
    np.testing.assert_array_equal(ticks[order], [[7] * 5, [1, 2, 4, 3, 5]])
    low, high = seed_interval(np.array([1.0, 2, 4, 3, 5]))[1:]
    np.testing.assert_array_equal(line[order], [[7, 7], [low, high]])
    np.testing.assert_array_equal(mean[order], [[7], [3]])
    assert [text for text in ax.get_legend_handles_labels()[1]] == ["all"]


@pytest.mark.parametrize("upright", [True, False])
def test_bars(upright: bool):
    ax = axes()
    rows = {"arm": np.repeat([*SCORES], 3), "init_seed": [0, 1, 2] * 3}
    frame = pl.DataFrame(rows | {"score": np.concatenate([*SCORES.values()])})
    of = lambda arm: table("ends").filter(arm=arm).value("score")
    measures = {"ends": frame.with_columns(diverged=pl.lit(False))}
    cells = (("plain", fig.BLUE, of), ("negative", fig.ORANGE, lambda arm: -of(arm)))
    bars(ax, measures, [*SCORES], cells, upright=upright)
    size = lambda bar: bar.get_height() if upright else bar.get_width()
    assert [size(bar) for bar in ax.patches] == [3, 4, 0, -3, -4, 0]
    seen = [line.get_data()[upright] for line in ax.lines]
    assert [np.asarray(values).tolist() for values in seen[:3]] == [[1, 2, 6], [4, 4], []]
    labels = ax.get_xticklabels() if upright else ax.get_yticklabels()
    assert [text.get_text() for text in labels] == ["a", "b", "c"]
    bars(ax, measures, [*SCORES], cells, upright=upright)
    assert ax.yaxis_inverted() != upright
    if upright:
        bars(ax, measures, ["a"], cells[:1], ["again"], first=3)
        assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b", "c", "again"]


def test_headroom():
    ax = axes()
    headroom(ax, 1.0, 0.5)
    assert ax.get_ylim() == (0.5, 1.2) and list(ax.get_yticks()) == [0.5, 0.75, 1.0]
