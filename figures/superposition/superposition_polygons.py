"""Figures of the study ``superposition_polygons``: best models, and losses over training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.tasks.superposition.superposition_theory import polygon_levels

from .pictures import vectors

CAPTIONS = {
    "best": "Features of the model of lowest exact loss for c one-hot features in two dimensions, "
    "with its loss and that of the lowest exact k-gon, the other c − k features dropped.",
    "plateaus": "Exact loss of every seed over training, for 5 and for 6 one-hot features. "
    "Dashed: losses of exact k-gons, the other features dropped (+: one of them with its best "
    "bias).",
}


def best(measures: Measures, config: Any) -> Figure:
    """The features of the best model for every c, and its loss against the exact levels."""
    models = measures["models"].filter(pl.col("loss").is_not_null())
    chosen = models.sort("loss").group_by("c", maintain_order=True).first().sort("c")
    sheet = fig.figure(fig.PAGE, 1.75)
    axes = sheet.subplots(1, len(chosen), squeeze=False)[0]
    gaps = []
    for ax, row in zip(axes, chosen.iter_rows(named=True), strict=True):
        c, loss = row["c"], row["loss"]
        vectors(ax, measures["W"][row["member"]][:, :c], fig.BLUE, reach=1.6)
        ax.spines[:].set_visible(False)
        lowest = min(polygon_levels(c).values())
        gaps.append(3 * c * abs(loss - lowest))
        ax.set_title(f"c = {c}", loc="center")
        ax.set_xlabel(f"loss {loss:.4f}\nexact {lowest:.4f}", fontsize=7.5)
    fig.title(
        sheet,
        f"The best models lie within {max(gaps):.1g} of a dropped feature's loss of the lowest "
        "exact polygon",
    )
    return sheet


def plateaus(measures: Measures, config: Any) -> Figure:
    """Exact loss of every seed over training, for 5 and for 6 features, with the levels."""
    sheet, axes = panels(2, 2.9)
    shares = []
    for ax, c in zip(axes, (5, 6), strict=True):
        rows = measures["curves"].filter(c=c).sort("member", "step")
        for _, curve in rows.group_by("member", maintain_order=True):
            ax.plot(curve["step"], curve["value"], color=fig.BLUE, alpha=0.25, linewidth=0.8)
        levels = polygon_levels(c)
        _levels(ax, levels)
        ax.set(xscale="log", ylim=(0, 0.2), xlabel="step", ylabel="exact loss")
        ax.set_title(f"{c} features")
        last = rows.group_by("member").agg(pl.col("value").last())["value"].to_numpy()
        near = np.abs(last[:, None] / np.array(list(levels.values())) - 1).min(1) < 0.01
        shares.append(f"{near.mean():.0%} of seeds ({c} features)")
    fig.title(sheet, f"The loss ends on a k-gon's level in {' and '.join(shares)}")
    return sheet


def _levels(ax: Axes, levels: Mapping[str, float]) -> None:
    for name, level in levels.items():
        if len(name) > 2:
            continue
        ax.axhline(level, color=fig.VERMILLION, linewidth=0.8, linestyle="--")
        place = dict(xycoords=("axes fraction", "data"), fontsize=7.5, va="center")
        x = 1.14 if "+" in name else 1.005
        ax.annotate(f"{name[0]}-gon{name[1:]}", (x, level), color=fig.VERMILLION, **place)


draw = drawing(best, plateaus)
