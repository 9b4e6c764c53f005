"""Figures of the study ``superposition_memorisation``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {"hidden": hidden(measures), "descent": descent(measures)}


def hidden(measures: Mapping[str, Any]) -> Figure:
    """Examples above, features below, in the two hidden dimensions, over the size of the set."""
    sizes = sorted(measures["sets"]["size"].unique().to_list())
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(2, len(sizes), squeeze=False)
    for column, size in enumerate(sizes):
        _vectors(axes[0, column], measures[f"examples_{size}"], fig.ORANGE)
        _vectors(axes[1, column], measures[f"features_{size}"], fig.BLUE)
        axes[0, column].set_title(f"T = {size}", loc="center", fontsize=8)
    axes[0, 0].set_ylabel("examples")
    axes[1, 0].set_ylabel("features")
    rows = measures["sets"]
    last = rows.filter(pl.col("size") == sizes[-1])["features_above_02"].median()
    fig.title(
        sheet,
        f"Few examples are stored as corners of a T-gon; with {sizes[-1]} examples "
        f"{last:.0f} features have D above 0.2 (one data set shown)",
    )
    return sheet


def _vectors(ax: Axes, vectors_MK: np.ndarray, colour: str) -> None:
    reach = max(float(np.abs(vectors_MK).max()), 1e-6) * 1.15
    if vectors_MK.shape[1] <= 100:
        for x, y in vectors_MK.T:
            ax.plot([0, x], [0, y], color=colour, linewidth=0.7)
    ax.plot(*vectors_MK, ".", color=colour, markersize=2.5)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])


def descent(measures: Mapping[str, Any]) -> Figure:
    """Losses and dimensionalities over the size of the set."""
    rows = measures["sets"].sort("size")
    wide = lambda column: rows.pivot("size", index="set_seed", values=column).drop("set_seed")
    sizes = np.array(sorted(rows["size"].unique().to_list()), float)
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2)
    for column, label, colour in (
        ("test", "fresh examples", fig.VERMILLION),
        ("train", "training set", fig.BLUE),
    ):
        values_SX = wide(column).to_numpy()
        fig.interval_line(left, sizes, values_SX, label, colour, marker="o")
    left.axhline(1, color=fig.MUTED, linestyle=":", linewidth=0.8, label="output of zeros")
    left.set_ylabel("loss per example")
    left.set_ylim(bottom=0)
    left.legend()
    median = np.nanmedian(wide("test").to_numpy(), 0)
    fig.title(left, f"Fresh examples cost most at T = {sizes[np.argmax(median)]:.0f}")
    few = sizes <= 1_000  # D of an example looks at every other, of 1000 at most
    values_SX = wide("example_dimensionality").to_numpy()[:, few]
    fig.interval_line(right, sizes[few], values_SX, "examples", fig.ORANGE, marker="o")
    right.plot(sizes, 2 / sizes, color=fig.INK, linestyle=":", label="2/T: a T-gon")
    right.set_yscale("log")
    right.set_ylabel("mean dimensionality of an example")
    right.legend()
    fig.title(right, "Small sets share the two dimensions evenly")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlabel("examples in the training set T")
    return sheet
