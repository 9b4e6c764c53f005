"""Figures of the study ``superposition_polygons``: best models, and losses over training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.tasks.superposition.superposition_theory import polygon_levels


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {"best": best(measures, config), "plateaus": plateaus(measures, config)}


def best(measures: Mapping[str, Any], config: Any) -> Figure:
    """The features of the best model for every c, and its loss against the exact levels."""
    models = measures["models"].filter(pl.col("loss").is_not_null())
    chosen = models.sort("loss").group_by("c", maintain_order=True).first().sort("c")
    sheet = fig.figure(fig.PAGE, 1.75)
    axes = np.atleast_1d(sheet.subplots(1, len(chosen), squeeze=False)[0])
    gaps = []
    for ax, row in zip(axes, chosen.iter_rows(named=True), strict=True):
        c = row["c"]
        W_MN = measures["W"][row["member"]][:, :c]
        for x, y in W_MN.T:
            ax.plot([0, x], [0, y], color=fig.BLUE, linewidth=1.2)
        ax.plot(*W_MN, "o", color=fig.BLUE, markersize=3)
        ax.set_aspect("equal")
        ax.set_xlim(-1.6, 1.6)
        ax.set_ylim(-1.6, 1.6)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
        lowest = min(polygon_levels(c).values())
        gaps.append(3 * c * (row["loss"] - lowest))
        ax.set_title(f"c = {c}", loc="center")
        ax.set_xlabel(f"loss {row['loss']:.4f}\nexact {lowest:.4f}", fontsize=7)
    shown = [abs(g) for g, c in zip(gaps, chosen["c"], strict=True) if c <= 8]
    fig.title(
        sheet,
        f"The best of {len(models) // len(chosen)} models of c one-hot features, c ≤ 8, lie within "
        f"{max(shown):.1g} dropped features of the lowest exact polygon",
    )
    return sheet


def plateaus(measures: Mapping[str, Any], config: Any) -> Figure:
    """Exact loss of every seed over training, for 5 and for 6 features, with the levels."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 2)
    for ax, c in zip(axes, (5, 6), strict=True):
        rows = measures["curves"].filter(pl.col("c") == c).sort("step")
        for _, curve in rows.group_by("member"):
            ax.plot(curve["step"], curve["value"], color=fig.BLUE, alpha=0.25, linewidth=0.8)
        shown = {k: v for k, v in polygon_levels(c).items() if len(k) <= 2}
        for name, level in shown.items():
            ax.axhline(level, color=fig.VERMILLION, linewidth=0.8, linestyle="--")
            ax.annotate(
                f"{name[0]}-gon{name[1:]}",
                (1.1 if "+" in name else 1.005, level),
                xycoords=("axes fraction", "data"),
                fontsize=7.5,
                va="center",
                color=fig.VERMILLION,
            )
        ax.set_xscale("log")
        ax.set_ylim(0, 0.2)
        ax.set_xlabel("step")
        ax.set_ylabel("exact loss")
        last = rows.group_by("member").agg(pl.col("value").last())["value"].to_numpy()
        levels = np.array(list(polygon_levels(c).values()))
        share = np.mean(np.abs(last[:, None] / levels - 1).min(1) < 0.01)
        fig.title(ax, f"{c} features: {share:.0%} of {len(last)} seeds end on a level")
    sheet.supxlabel(
        "dashed: exact losses of k-gons, other features dropped (+: one with its best bias)",
        fontsize=7,
    )
    return sheet
