"""Figure of the study ``superposition_scaling``: loss and kept features over width."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

REGIMES = {"strong superposition": -1.0, "weak superposition": 1.0}
MARKERS = "osv^D"


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {"loss": loss(measures, config), "overlaps": overlaps(measures)}


def by_width(rows: pl.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Widths (W,), and one row of values per seed (S, W)."""
    wide = rows.sort("width").pivot("width", index="init_seed", values=column).drop("init_seed")
    return np.array([float(c) for c in wide.columns]), wide.to_numpy().astype(np.float64)


def loss(measures: Mapping[str, Any], config: Any) -> Figure:
    """Loss over width in both regimes, with the fitted exponents."""
    sheet = fig.figure(fig.PAGE, 3.0)
    axes = sheet.subplots(1, 2, sharey=True)
    spans = {}
    for ax, (regime, gamma) in zip(axes, REGIMES.items(), strict=True):
        rows = measures["models"].filter(pl.col("gamma") == gamma)
        exponents = [_line(ax, rows, a, i) for i, a in enumerate(config.alphas)]
        spans[regime] = (min(exponents), max(exponents))
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(config.widths, [str(w) for w in config.widths])
        ax.minorticks_off()
        ax.set_xlabel("width m")
        low, high = spans[regime]
        fig.title(ax, f"{regime.capitalize()}: exponents {low:.2f} to {high:.2f}")
        ax.legend(title="frequencies $i^{-α}$: exponent")
    axes[0].set_ylabel("loss")
    return sheet


def _line(ax: Axes, rows: pl.DataFrame, alpha: float, index: int) -> float:
    x, values_SW = by_width(rows.filter((pl.col("alpha") - alpha).abs() < 1e-9), "loss")
    slope = -np.polyfit(np.log(x), np.log(np.nanmean(values_SW, 0)), 1)[0]
    label = f"α = {alpha:g}: {slope:.2f}"
    colour, marker = fig.PALETTE[index], MARKERS[index]
    fig.interval_line(ax, x, values_SW, label, color=colour, marker=marker)
    return slope


def overlaps(measures: Mapping[str, Any]) -> Figure:
    """Kept features and squared overlaps over width."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2)
    n = float(measures["models"]["n_features"][0])
    alpha = measures["models"]["alpha"].max()
    for (regime, gamma), colour in zip(REGIMES.items(), fig.PALETTE, strict=False):
        rows = measures["models"].filter((pl.col("gamma") == gamma) & (pl.col("alpha") == alpha))
        x, kept_SW = by_width(rows, "kept")
        fig.interval_line(left, x, kept_SW / n, f"{regime}, α = {alpha:g}", colour, marker="o")
    left.plot(x, x / n, color=fig.INK, linestyle=":", label="m / N: one per dimension")
    left.set_yscale("log")
    left.set_ylabel("share of the features kept")
    strong = measures["models"].filter((pl.col("gamma") == -1) & (pl.col("alpha") == 0))
    x, overlap_SW = by_width(strong, "overlap")
    fig.interval_line(right, x, overlap_SW, "strong superposition, α = 0", marker="o")
    right.plot(x, 1 / x, color=fig.INK, linestyle=":", label="1/m: random directions")
    right.set_yscale("log")
    right.set_ylabel("mean squared overlap")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xticks(x, [f"{v:g}" for v in x])
        ax.minorticks_off()
        ax.set_xlabel("width m")
        ax.legend()
    fig.title(left, "Decay decides how many features are kept")
    ratio = float(np.mean(overlap_SW * x))
    fig.title(right, f"Squared overlaps are {ratio:.2f}/m on average")
    return sheet
