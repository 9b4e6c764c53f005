"""Figures of the study ``superposition_memorisation``."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.series import series

from .pictures import vectors

CAPTIONS = {
    "hidden": "Training examples (above) and features (below) in the two hidden dimensions, for "
    "growing numbers T of training examples; the best initialisation of one data set.",
    "descent": "a: loss per example over the number of training examples, of fresh examples and "
    "of the training set. b: mean dimensionality of an example, with that of a regular T-gon. "
    "Median and 95% interval over data sets.",
}


def hidden(measures: Measures, config: Any) -> Figure:
    """Examples above, features below, in the two hidden dimensions, over the size of the set."""
    rows = measures["sets"]
    sizes = rows["size"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(2, len(sizes), squeeze=False)
    for (top, bottom), size in zip(axes.T, sizes, strict=True):
        _vectors(top, measures[f"examples_{size}"], fig.ORANGE)
        _vectors(bottom, measures[f"features_{size}"], fig.BLUE)
        top.set_title(f"T = {size:,}", loc="center", fontsize=8)
    axes[0, 0].set_ylabel("examples")
    axes[1, 0].set_ylabel("features")
    last = rows.filter(size=sizes[-1])["features_above_02"].drop_nulls().median() or 0
    fig.title(
        sheet,
        f"Few examples are stored as corners of a T-gon; after {sizes[-1]:,} examples {last:.0f} "
        "of the features stand out",
    )
    return sheet


def _vectors(ax: Axes, vectors_2K: np.ndarray, colour: str) -> None:
    if np.isfinite(vectors_2K).all():
        reach = max(float(np.abs(vectors_2K).max()), 1e-6) * 1.15
        width = 0.7 if vectors_2K.shape[1] <= 100 else 0
        vectors(ax, vectors_2K, colour, reach, width, size=2)
    else:
        ax.text(0.5, 0.5, "diverged", ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[], aspect="equal")


def descent(measures: Measures, config: Any) -> Figure:
    """Losses and dimensionalities over the size of the set."""
    rows = measures["sets"]
    over = lambda column: series(rows, column, "size", "set_seed")
    sheet, (left, right) = panels(2, 2.8)
    sizes, test_SX = over("test")
    fig.interval_line(left, sizes, test_SX, "fresh examples", fig.VERMILLION, marker="o")
    fig.interval_line(left, *over("train"), "training set", fig.BLUE, marker="o")
    left.axhline(1, color=fig.MUTED, linestyle=":", linewidth=0.8, label="output of zeros")
    left.set(ylabel="loss per example", ylim=(0, None))
    few = sizes <= 1_000  # D of an example looks at every other, of 1000 at most
    shared_SX = over("example_dimensionality")[1][:, few]
    fig.interval_line(right, sizes[few], shared_SX, "examples", fig.ORANGE, marker="o")
    right.plot(sizes, 2 / sizes, color=fig.INK, linestyle=":", label="2/T: a T-gon")
    right.set(yscale="log", ylabel="mean dimensionality of an example")
    for ax in (left, right):
        ax.set(xscale="log", xlabel="examples in the training set T")
        ax.legend()
    worst = sizes[np.argmax(np.nan_to_num(np.nanmedian(test_SX, 0)))]
    fig.title(sheet, f"Fresh examples cost most after training on {worst:,.0f} examples")
    return sheet


draw = drawing(hidden, descent)
